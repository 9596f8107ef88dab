//! What the store holds, out of either database.

use mission_core::engine::OutboundEvent;
use serde_json::Value;
use sqlx::{ColumnIndex, Connection, Database, Decode, Encode, Executor, IntoArguments, Row as _, Type};
use uuid::Uuid;

use super::{Entry, Facts, Reward, statements::Statements};
use crate::Result;

/// A value that a database can hold.
pub(super) trait Column<D: Database>: Type<D> + for<'r> Decode<'r, D> + for<'q> Encode<'q, D> {}

impl<D: Database, T: Type<D> + for<'r> Decode<'r, D> + for<'q> Encode<'q, D>> Column<D> for T {}

impl Facts {
    pub(super) async fn read_store<D>(
        &mut self,
        mut connection: D::Connection,
        statements: &Statements,
        counting: Uuid,
    ) -> Result<()>
    where
        D: Database,
        for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
        for<'q> D::Arguments<'q>: IntoArguments<'q, D>,
        usize: ColumnIndex<D::Row>,
        i64: Column<D>,
        bool: Column<D>,
        String: Column<D>,
        Uuid: Column<D>,
    {
        let sql = "SELECT number, root_id, name, caller, command, refused, envelope FROM chaos_journal
            LEFT JOIN chaos_outbox USING (number)
            ORDER BY root_id, number";
        for row in sqlx::query(sql).fetch_all(&mut connection).await? {
            let (caller, command): (Option<Uuid>, Option<Uuid>) = (row.try_get(3)?, row.try_get(4)?);
            self.journal.push(Entry {
                number: row.try_get(0)?,
                root: row.try_get(1)?,
                name: row.try_get(2)?,
                command: caller.zip(command),
                refused: row.try_get(5)?,
                events: events(row.try_get(6)?)?,
            });
        }
        let sql = "SELECT count(*) FROM outbox_entries";
        self.unsent = sqlx::query(sql).fetch_one(&mut connection).await?.try_get(0)?;
        for row in sqlx::query(statements.receipts)
            .fetch_all(&mut connection)
            .await?
        {
            self.receipts.insert((row.try_get(0)?, row.try_get(1)?));
        }
        let sql = "SELECT user_id, id, reward_type, source_id, status, total_micros, claimed_at IS NOT NULL
            FROM rewards";
        for row in sqlx::query(sql).fetch_all(&mut connection).await? {
            self.rewards.push(Reward {
                user: row.try_get(0)?,
                id: row.try_get(1)?,
                kind: row.try_get(2)?,
                source: row.try_get(3)?,
                status: row.try_get(4)?,
                micros: row.try_get(5)?,
                granted: row.try_get(6)?,
            });
        }
        let sql = "SELECT user_id, data FROM tasks WHERE mission_id = $1";
        for row in sqlx::query(sql).bind(counting).fetch_all(&mut connection).await? {
            let data: Value = serde_json::from_str(&row.try_get::<String, _>(1)?)?;
            let current = data["progress"]["current"]
                .as_u64()
                .ok_or("a task has no progress")?;
            self.counted.entry(row.try_get(0)?).or_default().push(current);
        }
        for row in sqlx::query(statements.users).fetch_all(&mut connection).await? {
            let of = if row.try_get(1)? {
                &mut self.erased
            } else {
                &mut self.users
            };
            of.insert(row.try_get(0)?);
        }
        let sql = "SELECT mission_id, grants FROM budgets";
        for row in sqlx::query(sql).fetch_all(&mut connection).await? {
            self.budgets.insert(row.try_get(0)?, row.try_get(1)?);
        }
        Ok(connection.close().await?)
    }
}

fn events(outbox: Option<String>) -> Result<Vec<OutboundEvent>> {
    let Some(outbox) = outbox else {
        return Ok(Vec::new());
    };
    let parcel: Value = serde_json::from_str(&outbox)?;
    // By way of text, so that decimals keep their digits.
    Ok(serde_json::from_str(&parcel["events"].to_string())?)
}
