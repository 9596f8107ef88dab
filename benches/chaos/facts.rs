//! What the databases and the broker hold in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    str::FromStr,
};

use lapin::{
    Channel, Connection, ConnectionProperties,
    options::{BasicGetOptions, QueueDeclareOptions},
    types::FieldTable,
};
use mission_core::engine::OutboundEvent;
use mission_server::amqp::{INBOUND_DEAD, INBOUND_QUEUE};
use serde_json::Value;
use sqlx::{
    Connection as _, PgConnection, Row as _, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use uuid::Uuid;

use crate::Result;

/// Tables beside journal and outbox that keep what an erasure or the relay takes out of them. Triggers fill them in the same
/// transaction.
const KEEP: &str = "
    CREATE TABLE chaos_journal (number bigint, root_id uuid, root_kind text, name text, caller uuid, command uuid,
        refusal text);
    CREATE TABLE chaos_outbox (number bigint, envelope text);
    CREATE FUNCTION chaos_keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO chaos_journal VALUES (NEW.number, NEW.root_id, NEW.root_kind, NEW.name, NEW.caller, NEW.command,
            NEW.refusal);
        RETURN NULL;
    END $$;
    CREATE TRIGGER chaos_keep AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION chaos_keep();
    CREATE FUNCTION chaos_keep_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO chaos_outbox VALUES (NEW.number, NEW.envelope);
        RETURN NULL;
    END $$;
    CREATE TRIGGER chaos_keep_events AFTER INSERT ON outbox_entries
        FOR EACH ROW EXECUTE FUNCTION chaos_keep_events()";

/// Has everything kept that is written into the journal from now on.
pub(crate) async fn keep_journal(url: &str) -> Result<()> {
    let mut database = PgConnection::connect_with(&PgConnectOptions::from_str(url)?).await?;
    sqlx::raw_sql(KEEP).execute(&mut database).await?;
    Ok(database.close().await?)
}

/// An entry of the journal.
pub(crate) struct Entry {
    /// Its number, which rises for each root.
    pub(crate) number: i64,
    /// The root.
    pub(crate) root: Uuid,
    /// The command's name.
    pub(crate) name: String,
    /// Who gave it, and its key.
    pub(crate) command: Option<(Uuid, Uuid)>,
    /// Whether it was refused.
    pub(crate) refused: bool,
    /// What it told others.
    pub(crate) events: Vec<OutboundEvent>,
}

/// A reward.
pub(crate) struct Reward {
    /// Whose it is.
    pub(crate) user: Uuid,
    /// Its id.
    pub(crate) id: Uuid,
    /// What kind.
    pub(crate) kind: String,
    /// What earned it.
    pub(crate) source: Uuid,
    /// Where it stands.
    pub(crate) status: String,
    /// How much, in millionths.
    pub(crate) micros: i64,
    /// Whether it was granted, whatever became of it.
    pub(crate) granted: bool,
}

/// A booking on a holder's account in the wallet.
pub(crate) struct Booking {
    /// The reward.
    pub(crate) grant: Uuid,
    /// `grant` or `revocation`.
    pub(crate) kind: String,
    /// Whose account; nobody's where the user was erased.
    pub(crate) user: Option<Uuid>,
    /// What it adds, in millionths.
    pub(crate) micros: i64,
}

/// Everything at one moment.
#[derive(Default)]
pub(crate) struct Facts {
    /// The journal, with what erasures took out of it.
    pub(crate) journal: Vec<Entry>,
    /// How many entries have events that were not sent.
    pub(crate) unsent: i64,
    /// The commands that are remembered with their answers.
    pub(crate) receipts: BTreeSet<(Uuid, Uuid)>,
    /// All rewards.
    pub(crate) rewards: Vec<Reward>,
    /// How far each user's counting task has come, one number for each task.
    pub(crate) counted: BTreeMap<Uuid, Vec<u64>>,
    /// Users who are there.
    pub(crate) users: BTreeSet<Uuid>,
    /// Users who were erased.
    pub(crate) erased: BTreeSet<Uuid>,
    /// How many grants each budget has given.
    pub(crate) budgets: BTreeMap<Uuid, i64>,
    /// The wallet's bookings.
    pub(crate) bookings: Vec<Booking>,
    /// Messages that wait in each queue that must be empty.
    pub(crate) waiting: BTreeMap<String, u32>,
}

impl Facts {
    /// Reads everything anew.
    pub(crate) async fn read(database: &str, counting: &str, ledger: &Path, broker: &str) -> Result<Self> {
        let mut facts = Facts::default();
        facts.read_store(database, counting.parse()?).await?;
        facts.read_wallet(ledger).await?;
        for queue in [
            INBOUND_QUEUE,
            "mission.inbound.retry",
            "mission.wallet",
            "mission.wallet.dead",
        ] {
            let waiting = waiting(broker, queue).await?;
            facts.waiting.insert(queue.to_owned(), waiting);
        }
        Ok(facts)
    }

    async fn read_store(&mut self, url: &str, counting: Uuid) -> Result<()> {
        let mut database = PgConnection::connect_with(&PgConnectOptions::from_str(url)?).await?;
        let sql =
            "SELECT number, root_id, name, caller, command, refusal IS NOT NULL, envelope FROM chaos_journal
            LEFT JOIN chaos_outbox USING (number)
            ORDER BY root_id, number";
        for row in sqlx::query(sql).fetch_all(&mut database).await? {
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
        self.unsent = sqlx::query_scalar(sql).fetch_one(&mut database).await?;
        let sql = "SELECT caller, command FROM receipts";
        self.receipts = sqlx::query_as(sql)
            .fetch_all(&mut database)
            .await?
            .into_iter()
            .collect();
        let sql = "SELECT user_id, id, reward_type, source_id, status, total_micros, claimed_at IS NOT NULL
            FROM rewards";
        for row in sqlx::query(sql).fetch_all(&mut database).await? {
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
        for row in sqlx::query(sql).bind(counting).fetch_all(&mut database).await? {
            let data: Value = serde_json::from_str(row.try_get(1)?)?;
            let current = data["progress"]["current"]
                .as_u64()
                .ok_or("a task has no progress")?;
            self.counted.entry(row.try_get(0)?).or_default().push(current);
        }
        let sql = "SELECT user_id, data::jsonb->>'erased_at' IS NOT NULL FROM users";
        for row in sqlx::query(sql).fetch_all(&mut database).await? {
            let of = if row.try_get(1)? {
                &mut self.erased
            } else {
                &mut self.users
            };
            of.insert(row.try_get(0)?);
        }
        let sql = "SELECT mission_id, grants FROM budgets";
        self.budgets = sqlx::query_as(sql)
            .fetch_all(&mut database)
            .await?
            .into_iter()
            .collect();
        Ok(database.close().await?)
    }

    async fn read_wallet(&mut self, ledger: &Path) -> Result<()> {
        let options = SqliteConnectOptions::new().filename(ledger).read_only(true);
        let mut database = SqliteConnection::connect_with(&options).await?;
        let sql = "SELECT grant_id, kind, nullif(user_id, zeroblob(16)), amount_micros FROM wallet_entries";
        for row in sqlx::query(sql).fetch_all(&mut database).await? {
            self.bookings.push(Booking {
                grant: row.try_get(0)?,
                kind: row.try_get(1)?,
                user: row.try_get(2)?,
                micros: row.try_get(3)?,
            });
        }
        Ok(database.close().await?)
    }
}

fn events(outbox: Option<&str>) -> Result<Vec<OutboundEvent>> {
    let Some(outbox) = outbox else {
        return Ok(Vec::new());
    };
    let parcel: Value = serde_json::from_str(outbox)?;
    // By way of text, so that decimals keep their digits.
    Ok(serde_json::from_str(&parcel["events"].to_string())?)
}

async fn open(broker: &str) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(broker, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

/// How many messages of a queue were given to nobody yet; none where there is no such queue.
async fn waiting(broker: &str, queue: &str) -> Result<u32> {
    let (connection, channel) = open(broker).await?;
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await;
    let waiting = declared.map_or(0, |queue| queue.message_count());
    connection.close(200, "counted".into()).await?;
    Ok(waiting)
}

/// Takes out all dead letters of what came in.
pub(crate) async fn dead_letters(broker: &str) -> Result<Vec<String>> {
    let (connection, channel) = open(broker).await?;
    let mut bodies = Vec::new();
    while let Some(message) = channel
        .basic_get(INBOUND_DEAD.into(), BasicGetOptions { no_ack: true })
        .await?
    {
        bodies.push(String::from_utf8_lossy(&message.delivery.data).into_owned());
    }
    connection.close(200, "taken".into()).await?;
    Ok(bodies)
}
