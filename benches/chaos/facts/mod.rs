//! What the databases and the broker hold in the end.

mod queues;
mod statements;
mod store;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    str::FromStr,
};

use mission_core::engine::OutboundEvent;
use sqlx::{
    Connection as _, PgConnection, Postgres, Row as _, Sqlite, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use uuid::Uuid;

use crate::{
    Result,
    database::{Database, Engine},
};
pub(crate) use queues::dead_letters;
use statements::{POSTGRES, SQLITE};

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
    pub(crate) async fn read(
        database: &Database,
        counting: &str,
        ledger: &Path,
        broker: &str,
    ) -> Result<Self> {
        let mut facts = Facts::default();
        let counting = counting.parse()?;
        match &database.engine {
            Engine::Postgres(_) => {
                let options = PgConnectOptions::from_str(&database.url())?;
                let connection = PgConnection::connect_with(&options).await?;
                facts
                    .read_store::<Postgres>(connection, &POSTGRES, counting)
                    .await?;
            }
            Engine::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file).read_only(true);
                let connection = SqliteConnection::connect_with(&options).await?;
                facts.read_store::<Sqlite>(connection, &SQLITE, counting).await?;
            }
        }
        facts.read_wallet(ledger).await?;
        facts.waiting = queues::waiting(broker).await?;
        Ok(facts)
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

/// Has everything kept that is written into the journal from now on.
pub(crate) async fn keep_journal(database: &Database) -> Result<()> {
    match &database.engine {
        Engine::Postgres(_) => {
            let options = PgConnectOptions::from_str(&database.url())?;
            let mut connection = PgConnection::connect_with(&options).await?;
            sqlx::raw_sql(POSTGRES.keep).execute(&mut connection).await?;
            Ok(connection.close().await?)
        }
        Engine::Sqlite(file) => {
            let options = SqliteConnectOptions::new().filename(file);
            let mut connection = SqliteConnection::connect_with(&options).await?;
            sqlx::raw_sql(SQLITE.keep).execute(&mut connection).await?;
            Ok(connection.close().await?)
        }
    }
}
