//! What is kept for a time: journal entries, and tasks that have expired; and of whom the archive of both has to forget.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mission_core::{UserId, ports::store::StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    database::{Durability, SqlDatabase, SqlStore},
    keys::Keys,
    record::{from_json, instant},
    row::SqlRow,
    sql_builder::SqlBuilder,
};

/// A table whose rows are kept for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetainedTable {
    /// All commands that were carried out, by when they were.
    Journal,
    /// Tasks that have expired, by when they did.
    ExpiredTasks,
}

/// Rows whose time is over, oldest first.
#[derive(Debug)]
pub struct OverdueRows {
    /// Whose rows they are.
    pub table: RetainedTable,
    /// What they say, a JSON object each.
    pub lines: Vec<Value>,
    /// When the oldest of them happened.
    pub oldest: DateTime<Utc>,
    /// By which they are removed.
    keys: Keys,
}

impl OverdueRows {
    /// The first and the last of them, as a name of a file: the same rows have the same.
    #[must_use]
    pub fn range(&self) -> String {
        match &self.keys {
            Keys::Numbered(keys) => {
                let numbers = keys.iter().map(|(_, number)| number);
                let (first, last) = (numbers.clone().min(), numbers.max());
                format!("{:020}-{:020}", first.unwrap_or(&0), last.unwrap_or(&0))
            }
            Keys::IdPairs(keys) => {
                let ends = [keys.first(), keys.last()].map(|key| key.map_or_else(Uuid::nil, |key| key.1));
                format!("{}-{}", ends[0].simple(), ends[1].simple())
            }
            // No table has other keys.
            _ => String::new(),
        }
    }
}

#[allow(
    private_bounds,
    reason = "what a database offers the store is nobody else's business"
)]
impl<D: SqlDatabase> SqlStore<D> {
    /// The first rows of a table that are older than an instant, at most so many; nothing where there are none. Whoever
    /// wants to keep them elsewhere writes them there before [`Self::remove_overdue`].
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn overdue(
        &self,
        table: RetainedTable,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Option<OverdueRows>, StoreError> {
        let before = before.timestamp_micros();
        match table {
            RetainedTable::Journal => journal(&self.database, before, limit).await,
            RetainedTable::ExpiredTasks => expired_tasks(&self.database, before, limit).await,
        }
    }

    /// Removes rows that [`Self::overdue`] answered. Of the journal nothing may go that is younger than two days: answers
    /// are looked up in it.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub async fn remove_overdue(&self, rows: OverdueRows) -> Result<(), StoreError> {
        self.database.remove(rows.table, rows.keys).await
    }

    /// Users who were erased and of whom an archive may still tell, with when they were; the first `limit`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn archive_erasures(
        &self,
        limit: usize,
    ) -> Result<BTreeMap<UserId, DateTime<Utc>>, StoreError> {
        let mut query = SqlBuilder::new("SELECT user_id, erased_at FROM archive_erasures ORDER BY user_id");
        query.limit(limit);
        let rows = self.database.read(query).await?;
        rows.iter()
            .map(|row| Ok((row.id(0)?.into(), instant(row.number(1)?)?)))
            .collect()
    }

    /// Notes that no archive tells of these users any more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn erased_from_archive(&self, users: &[UserId]) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let mut delete = SqlBuilder::new("DELETE FROM archive_erasures WHERE user_id ");
        delete.then(D::DIALECT.is_any_id).bind(ids);
        self.database.write(Durability::Relaxed, delete).await.map(drop)
    }
}

async fn journal<D: SqlDatabase>(
    database: &D,
    before: i64,
    limit: usize,
) -> Result<Option<OverdueRows>, StoreError> {
    let mut query =
        SqlBuilder::new("SELECT root_id, number, recorded_at, root_kind, name, request, answer FROM (");
    query.then(D::DIALECT.journal_by_age).limit(limit);
    query.then(") AS oldest WHERE recorded_at < ?").bind(before);
    let rows = database.read(query).await?;
    let keys = rows.iter().map(|row| Ok((row.id(0)?, row.number(1)?)));
    let keys = Keys::Numbered(keys.collect::<Result<_, StoreError>>()?);
    of_rows(RetainedTable::Journal, keys, &rows, |row| {
        Ok(json!({
            "number": row.number(1)?,
            "root": {"kind": row.text(3)?, "id": row.id(0)?},
            "recorded_at": instant(row.number(2)?)?,
            "name": row.text(4)?,
            "request": parsed(row.optional_text(5)?)?,
            "answer": parsed(row.optional_text(6)?)?,
        }))
    })
}

async fn expired_tasks<D: SqlDatabase>(
    database: &D,
    before: i64,
    limit: usize,
) -> Result<Option<OverdueRows>, StoreError> {
    let mut query = SqlBuilder::new(
        "SELECT user_id, id, due_at, data FROM tasks WHERE status = 'expired' AND due_at < ?
        ORDER BY due_at, user_id, id",
    );
    query.bind(before).limit(limit);
    let rows = database.read(query).await?;
    let keys = rows.iter().map(|row| Ok((row.id(0)?, row.id(1)?)));
    let keys = Keys::IdPairs(keys.collect::<Result<_, StoreError>>()?);
    of_rows(RetainedTable::ExpiredTasks, keys, &rows, |row| {
        from_json(row.text(3)?)
    })
}

/// Rows whose third column says when they happened; nothing where there are none.
fn of_rows<R: SqlRow>(
    table: RetainedTable,
    keys: Keys,
    rows: &[R],
    line: impl Fn(&R) -> Result<Value, StoreError>,
) -> Result<Option<OverdueRows>, StoreError> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(OverdueRows {
        table,
        lines: rows.iter().map(line).collect::<Result<_, _>>()?,
        oldest: instant(first.number(2)?)?,
        keys,
    }))
}

fn parsed(text: Option<&str>) -> Result<Option<Value>, StoreError> {
    text.map(from_json).transpose()
}
