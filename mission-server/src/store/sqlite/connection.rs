//! The connections: one that loads and writes, and a small pool of readers beside it.

use std::{fs::File, io::ErrorKind, path::Path, str::FromStr, sync::Arc, time::Duration};

use mission_core::ports::store::StoreError;
use sqlx::{
    Arguments as _, ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

pub(crate) use crate::store::record::unavailable;
use crate::store::{
    PoolUse, SchemaError,
    database::Durability,
    pool::Waiters,
    record::to_json,
    sql_builder::{SqlBuilder, SqlValue},
};

/// Options of a SQLite database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Connections for queries beside the one that writes.
    pub readers: u32,
    /// How long to wait for a lock that another process holds.
    pub busy_timeout: Duration,
    /// Memory for the pages of the connection that writes, in KiB.
    pub cache_kib: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        SqliteOptions {
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            cache_kib: 16 * 1024,
        }
    }
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is none of a file.
    #[error("`{url}` is no SQLite database: use `sqlite://` and the path of a file")]
    NotAFile {
        /// What was given.
        url: String,
    },
    /// The folder of the file does not exist.
    #[error("the folder `{folder}` does not exist: create it, or correct `{url}`")]
    NoFolder {
        /// What was given.
        url: String,
        /// Where the file should be.
        folder: String,
    },
    /// The file cannot be opened or created.
    #[error("cannot open `{url}`: {source}")]
    Open {
        /// What was given.
        url: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot migrate `{url}`: {source}")]
    Migrate {
        /// What was given.
        url: String,
        /// Why.
        source: SchemaError,
    },
}

impl OpenError {
    /// Whether another try would end in the same way until somebody has put it right.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            OpenError::NotAFile { .. } | OpenError::NoFolder { .. } => true,
            OpenError::Open { source, .. } => is_hopeless(source),
            OpenError::Migrate { source, .. } => source.refusal().is_none_or(is_hopeless),
        }
    }
}

/// Whether SQLite will say the same again, as of a file that is none of its own or that it may not open.
fn is_hopeless(error: &sqlx::Error) -> bool {
    /// `ERROR`, `PERM`, `READONLY`, `CORRUPT`, `CANTOPEN`, `AUTH`, `NOTADB`
    const HOPELESS: [i32; 7] = [1, 3, 8, 11, 14, 23, 26];
    sqlite_code(error).is_some_and(|code| HOPELESS.contains(&(code & 0xff)))
}

fn pragma(durability: Durability) -> &'static str {
    match durability {
        Durability::Full => "PRAGMA synchronous = FULL",
        Durability::Relaxed => "PRAGMA synchronous = NORMAL",
    }
}

/// A SQLite file; clones share its connections.
#[derive(Clone, Debug)]
pub struct Database {
    writer: Arc<Mutex<Writer>>,
    readers: SqlitePool,
    waiting: Waiters,
    options: Arc<SqliteConnectOptions>,
}

/// The one connection that writes. One for all, so that its page cache stays valid and nobody waits in SQLite's lock.
#[derive(Debug)]
struct Writer {
    connection: Option<SqliteConnection>,
    durability: Option<Durability>,
    /// A transaction may be open that nobody will finish: its future was dropped, or it failed.
    unfinished: bool,
}

/// Exclusive use of the writing connection.
pub(crate) struct WriterGuard<'d> {
    writer: MutexGuard<'d, Writer>,
}

/// Whether there is a folder for a file to be in.
pub(crate) fn check_folder(url: &str) -> Result<(), OpenError> {
    let not_a_file = |_| OpenError::NotAFile { url: url.to_owned() };
    let options = SqliteConnectOptions::from_str(url).map_err(not_a_file)?;
    let folder = options.get_filename().parent();
    match folder.filter(|folder| *folder != Path::new("") && !folder.exists()) {
        Some(folder) => Err(OpenError::NoFolder {
            url: url.to_owned(),
            folder: folder.display().to_string(),
        }),
        None => Ok(()),
    }
}

impl Database {
    pub(crate) async fn open(url: &str, settings: SqliteOptions) -> Result<Self, OpenError> {
        let not_a_file = || OpenError::NotAFile { url: url.to_owned() };
        if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
            return Err(not_a_file());
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| not_a_file())?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(settings.busy_timeout)
            .pragma("cache_size", format!("-{}", settings.cache_kib))
            .pragma("secure_delete", "FAST")
            // A batch of rows that may yet be refused is journalled by SQLite: in memory, not in a file beside.
            .pragma("temp_store", "MEMORY")
            .pragma("wal_autocheckpoint", "4000")
            .row_buffer_size(512)
            .disable_statement_logging();
        check_folder(url)?;
        let opening = |source| OpenError::Open {
            url: url.to_owned(),
            source,
        };
        let mut connection = connect(&options, settings.busy_timeout).await.map_err(opening)?;
        migrate(&mut connection)
            .await
            .map_err(|source| OpenError::Migrate {
                url: url.to_owned(),
                source: SchemaError::of(source, &MIGRATIONS),
            })?;
        let reading = options
            .clone()
            .create_if_missing(false)
            .read_only(true)
            .pragma("cache_size", "-2048");
        let readers = SqlitePoolOptions::new()
            .max_connections(settings.readers.max(1))
            .test_before_acquire(false)
            .connect_lazy_with(reading);
        let writer = Writer {
            connection: Some(connection),
            durability: None,
            unfinished: false,
        };
        Ok(Database {
            writer: Arc::new(Mutex::new(writer)),
            readers,
            waiting: Waiters::default(),
            options: Arc::new(options),
        })
    }

    /// How the connections are used at this moment: the one that writes, and the readers.
    pub(super) fn connections_in_use(&self) -> PoolUse {
        let (readers, idle) = (self.readers.size() as usize, self.readers.num_idle());
        let writing = usize::from(self.writer.try_lock().is_err());
        PoolUse {
            most: self.readers.options().get_max_connections() as usize + 1,
            in_use: readers.saturating_sub(idle) + writing,
            idle: idle + 1 - writing,
            waiting: self.waiting.count(),
        }
    }

    /// Reads with one statement, on a connection for queries.
    pub(super) async fn query(&self, query: SqlBuilder) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let (sql, values) = query.into_parts();
        sqlx::query_with(&sql, arguments(values)?)
            .fetch_all(&self.readers)
            .await
    }

    /// The connections for queries.
    #[cfg(test)]
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// The connection that writes, once all that came before are done with it.
    pub(crate) async fn lock_writer(&self) -> Result<WriterGuard<'_>, StoreError> {
        let waiting = self.waiting.one_more();
        let mut writer = self.writer.lock().await;
        drop(waiting);
        if writer.connection.is_none() {
            synchronize_log(&self.options).map_err(unavailable)?;
            let connection = self.options.connect().await.map_err(unavailable)?;
            *writer = Writer {
                connection: Some(connection),
                durability: None,
                unfinished: false,
            };
        }
        let mut turn = WriterGuard { writer };
        if turn.writer.unfinished {
            turn.roll_back().await?;
        }
        Ok(turn)
    }

    /// The connection that writes, where nobody has it and nothing is to be repaired.
    pub(super) fn try_lock_writer(&self) -> Option<WriterGuard<'_>> {
        let writer = self.writer.try_lock().ok()?;
        let is_sound = writer.connection.is_some() && !writer.unfinished;
        is_sound.then_some(WriterGuard { writer })
    }

    /// Closes all connections; SQLite folds the write-ahead log into the file.
    pub(super) async fn close_connections(&self) {
        self.readers.close().await;
        if let Some(connection) = self.writer.lock().await.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed properly; nothing is lost");
        }
    }
}

/// Has what stands in the write-ahead log of a file on the disk. Whoever wrote it may have been killed before, or told that it
/// cannot be done. SQLite takes what it finds there for committed, and answers would rest on what a power loss still takes away.
fn synchronize_log(options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let mut log = options.get_filename().as_os_str().to_owned();
    log.push("-wal");
    match File::open(log) {
        Ok(log) => Ok(log.sync_all()?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens the file, and makes it one that writes ahead. SQLite lets nobody wait for a change of the journal mode, not
/// even where others make the same change at the same moment: so that is waited for here.
async fn connect(
    options: &SqliteConnectOptions,
    patience: Duration,
) -> Result<SqliteConnection, sqlx::Error> {
    const BUSY: i32 = 5;
    const PAUSE: Duration = Duration::from_millis(10);
    synchronize_log(options)?;
    let started = tokio::time::Instant::now();
    loop {
        match SqliteConnection::connect_with(options).await {
            Err(error)
                if sqlite_code(&error).is_some_and(|code| code & 0xff == BUSY)
                    && started.elapsed() < patience =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            connected => return connected,
        }
    }
}

pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// Of processes that start at once, one migrates and the others wait: all of it happens under SQLite's own lock.
async fn migrate(connection: &mut SqliteConnection) -> Result<(), sqlx::migrate::MigrateError> {
    let mut locked = connection.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS.run(&mut *locked).await?;
    Ok(locked.commit().await?)
}

impl WriterGuard<'_> {
    /// Reads with one statement: one moment of the database.
    pub(crate) async fn read(&mut self, script: SqlBuilder) -> Result<Vec<SqliteRow>, sqlx::Error> {
        self.run(script).await
    }

    /// Runs a script that begins and commits a transaction, or leaves it open. Where it fails, the transaction is
    /// rolled back.
    pub(crate) async fn write(
        &mut self,
        durability: Durability,
        script: SqlBuilder,
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        if self.writer.durability != Some(durability) {
            self.writer.durability = None;
            let pragma = SqlBuilder::new(pragma(durability));
            // SQLite carries this pragma out when it is prepared, so that a cached statement would do nothing.
            self.run_as(pragma, false).await?;
            self.writer.durability = Some(durability);
        }
        self.writer.unfinished = true;
        match self.run(script).await {
            Ok(rows) => Ok(rows),
            Err(error) => {
                // What could not be rolled back is tried again before the next use.
                let _ = self.roll_back().await;
                Err(error)
            }
        }
    }

    /// Says that the transaction which `write` began has been committed.
    pub(crate) fn finished(&mut self) {
        self.writer.unfinished = false;
    }

    /// Ends an open transaction without a trace.
    pub(crate) async fn roll_back(&mut self) -> Result<(), StoreError> {
        match self.run(SqlBuilder::new("ROLLBACK")).await {
            Ok(_) => {}
            // SQLite ends some failed transactions by itself.
            Err(sqlx::Error::Database(error)) if error.message().contains("no transaction is active") => {}
            Err(error) => return Err(unavailable(error)),
        }
        self.writer.unfinished = false;
        Ok(())
    }

    async fn run(&mut self, script: SqlBuilder) -> Result<Vec<SqliteRow>, sqlx::Error> {
        self.run_as(script, true).await
    }

    async fn run_as(&mut self, script: SqlBuilder, persistent: bool) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let connection = self.writer.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let (sql, values) = script.into_parts();
        let query = sqlx::query_with(&sql, arguments(values)?).persistent(persistent);
        let result = query.fetch_all(connection).await;
        if let Err(error) = &result
            && !matches!(error, sqlx::Error::Database(_))
        {
            // The connection's thread is gone, or in no state that one could rely on.
            self.writer.connection = None;
        }
        result
    }
}

pub(super) fn arguments(values: Vec<SqlValue>) -> Result<SqliteArguments<'static>, sqlx::Error> {
    let hex = |ids: Vec<Option<Uuid>>| ids.iter().map(|id| id.map(Uuid::simple)).collect::<Vec<_>>();
    let json = |array: Result<String, StoreError>| array.map_err(|error| sqlx::Error::Encode(error.into()));
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            SqlValue::Id(id) => arguments.add(id),
            SqlValue::Number(number) => arguments.add(number),
            SqlValue::Text(text) => arguments.add(text),
            SqlValue::Bytes(bytes) => arguments.add(bytes),
            SqlValue::Ids(ids) => arguments.add(json(to_json(&hex(ids)))?),
            SqlValue::Numbers(numbers) => arguments.add(json(to_json(&numbers))?),
            #[cfg(feature = "postgres")]
            SqlValue::Texts(_) | SqlValue::ByteStrings(_) | SqlValue::Flags(_) => {
                Err("columns of rows are PostgreSQL's own".into())
            }
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The extended code of SQLite's refusal, if it is one.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

const CONSTRAINT: i32 = 19;

/// A failure as a store tells it. What a constraint stands against, or SQLite cannot even compute or hold, will fail
/// again.
pub(crate) fn failure(error: &sqlx::Error) -> StoreError {
    const GENERIC: i32 = 1;
    const TOO_BIG: i32 = 18;
    const MISMATCH: i32 = 20;
    match sqlite_code(error).map(|code| code & 0xff) {
        Some(GENERIC | TOO_BIG | CONSTRAINT | MISMATCH) => StoreError::Refused(error.to_string()),
        _ => unavailable(error),
    }
}

/// Whether a constraint stood against it: then nothing was written.
pub(crate) fn is_constraint(error: &sqlx::Error) -> bool {
    sqlite_code(error).is_some_and(|code| code & 0xff == CONSTRAINT)
}
