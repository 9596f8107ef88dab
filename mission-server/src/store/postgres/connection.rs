//! The connections: one pool for all, and nothing that outlives a transaction, so that a pooler may stand between.

use std::{str::FromStr, time::Duration};

use mission_core::ports::store::StoreError;
use sqlx::{
    Arguments as _, ConnectOptions, Connection, Executor, PgConnection, PgPool, Postgres,
    migrate::{MigrateError, Migrator},
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgDatabaseError, PgPoolOptions, PgRow},
};

use super::{
    breaker::{Breaker, is_lost},
    queue_table::QueueTable,
    shards::Lease,
};
use crate::store::{
    PoolUse, SchemaError,
    database::Durability,
    pool::Waiters,
    record::unavailable,
    sql_builder::{SqlBuilder, SqlValue},
};

/// Options of a PostgreSQL database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Connections at most.
    pub connections: u32,
    /// How long to wait for a connection, a new one or one that others use.
    pub acquire_timeout: Duration,
    /// Whether statements are prepared once a connection and then used again by name. A PgBouncer in transaction mode
    /// before 1.21 cannot do that.
    pub prepared_statements: bool,
    /// For how long this process keeps its shards of the outbox without looking at it.
    pub outbox_lease: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        PostgresOptions {
            connections: 10,
            acquire_timeout: Duration::from_secs(5),
            prepared_statements: true,
            outbox_lease: Duration::from_secs(5),
        }
    }
}

/// Why a database cannot be opened. Tells no password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error(
        "the address is none of a PostgreSQL database: use `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"
    )]
    NotAnAddress,
    /// The server cannot be reached.
    #[error("cannot connect to PostgreSQL at `{host}:{port}`: {reason}")]
    Connect {
        /// Where it should be.
        host: String,
        /// Where it should listen.
        port: u16,
        /// Why.
        reason: String,
    },
    /// The server lets nobody in, or to nothing of use, until somebody has put it right.
    #[error("PostgreSQL at `{host}:{port}` refuses: {reason}; {help}")]
    Refused {
        /// Where it is.
        host: String,
        /// Where it listens.
        port: u16,
        /// Why.
        reason: String,
        /// The way out.
        help: String,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot bring the database up to date: {0}")]
    Migrate(#[from] SchemaError),
}

impl OpenError {
    /// Whether another try would end in the same way until somebody has put it right.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            OpenError::NotAnAddress | OpenError::Refused { .. } => true,
            OpenError::Connect { .. } => false,
            OpenError::Migrate(schema) => schema.refusal().is_none(),
        }
    }

    pub(super) fn of(error: &sqlx::Error, options: &PgConnectOptions) -> Self {
        let (host, port) = (options.get_host().to_owned(), options.get_port());
        let reason = match error {
            sqlx::Error::Database(refusal) => refusal.message().to_owned(),
            other => other.to_string(),
        };
        match way_out(error, options) {
            Some(help) => OpenError::Refused {
                host,
                port,
                reason,
                help,
            },
            None => OpenError::Connect { host, port, reason },
        }
    }

    fn of_schema(error: MigrateError, migrations: &Migrator, options: &PgConnectOptions) -> Self {
        let error = SchemaError::of(error, migrations);
        match error.refusal() {
            Some(refusal) if way_out(refusal, options).is_some() => OpenError::of(refusal, options),
            _ => OpenError::Migrate(error),
        }
    }
}

/// What somebody has to put right before another try makes sense; nothing where time may do it.
fn way_out(error: &sqlx::Error, options: &PgConnectOptions) -> Option<String> {
    if matches!(error, sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)) {
        return Some("check `sslmode` and the certificates of the database's address".to_owned());
    }
    if is_file_access(error) {
        return None;
    }
    let code = sql_state(error)?;
    let user = options.get_username();
    match code.as_str() {
        "3D000" => {
            let name = options.get_database().unwrap_or(user);
            Some(format!(
                "create it (`createdb {name}`), or correct the database's address"
            ))
        }
        "42501" | "3F000" => Some(format!(
            "there must be a schema on the user's `search_path` in which it may create tables: \
             `GRANT CREATE, USAGE ON SCHEMA public TO {user}`"
        )),
        code if code.starts_with("28") => Some(format!(
            "check the password of the user `{user}` in the database's address, and what the server's `pg_hba.conf` \
             lets in"
        )),
        code if code.starts_with("42") || code.starts_with("0A") => {
            Some("is it a PostgreSQL 14 or newer, and a database of mission-server's own?".to_owned())
        }
        _ => None,
    }
}

/// A PostgreSQL database; clones share its connections.
#[derive(Clone, Debug)]
pub struct Database {
    /// On the shards of the outbox that this process sends.
    pub(super) lease: Lease,
    pub(super) outbox_entries: QueueTable,
    pub(super) activity: QueueTable,
    pub(super) streak_notes: QueueTable,
    pool: PgPool,
    /// For what need not survive a power loss, and is kept from the connections of commands: the relay, the wallet and the
    /// leaderboards write as much as commands do.
    relaxed: PgPool,
    breaker: Breaker,
    waiting: Waiters,
    prepared: bool,
}

impl Database {
    pub(super) async fn open(url: &str, settings: PostgresOptions) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::NotAnAddress);
        }
        let mut options = PgConnectOptions::from_str(url).map_err(|_| OpenError::NotAnAddress)?;
        if options.get_application_name().is_none() {
            options = options.application_name("mission-server");
        }
        let plain = options
            // What a pooler would not let through.
            .extra_float_digits(None)
            .statement_cache_capacity(if settings.prepared_statements { 256 } else { 0 })
            .disable_statement_logging();
        let mut connected = connect(plain, settings).await?;
        migrate(
            &mut connected.connection,
            settings.prepared_statements,
            &connected.options,
        )
        .await?;
        // It has done its part; that it is not closed in order harms nothing.
        let _ = connected.connection.close().await;
        let pool_of = |connections: u32, options: PgConnectOptions| {
            PgPoolOptions::new()
                .max_connections(connections.max(1))
                .acquire_timeout(settings.acquire_timeout)
                .test_before_acquire(false)
                .connect_lazy_with(options)
        };
        let for_relaxed = (settings.connections / 3).max(1);
        let relaxed = pool_of(for_relaxed, connected.relaxed);
        let pool = pool_of(
            settings.connections.saturating_sub(for_relaxed),
            connected.options,
        );
        Ok(Database {
            lease: Lease::new(settings.outbox_lease),
            outbox_entries: QueueTable::outbox_entries(),
            activity: QueueTable::activity(),
            streak_notes: QueueTable::streak_notes(),
            breaker: Breaker::new(pool.clone(), relaxed.clone()),
            waiting: Waiters::default(),
            pool,
            relaxed,
            prepared: settings.prepared_statements,
        })
    }

    /// Runs one statement, which is one transaction and one moment of the database.
    pub(crate) async fn run(&self, statement: SqlBuilder) -> Result<Vec<PgRow>, sqlx::Error> {
        self.run_with(Durability::Full, statement).await
    }

    /// The same, as durable as it has to be.
    pub(super) async fn run_with(
        &self,
        durability: Durability,
        statement: SqlBuilder,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        if self.prepared {
            return self
                .breaker
                .ask(Box::pin(async {
                    let mut guard = self.acquire(durability).await?;
                    let rows = guard.run(statement, true).await;
                    guard.release();
                    rows
                }))
                .await;
        }
        // Parsing and running are two messages: a transaction keeps them on one connection of the pooler.
        let mut transaction = self.begin(durability).await?;
        let rows = transaction.run(statement).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// Begins a transaction of several statements.
    pub(crate) async fn begin(&self, durability: Durability) -> Result<Transaction, sqlx::Error> {
        let guard = self.breaker.ask(Box::pin(async {
            let mut guard = self.acquire(durability).await?;
            guard.execute("BEGIN").await?;
            Ok(guard)
        }));
        Ok(Transaction {
            connection_guard: guard.await?,
            breaker: self.breaker.clone(),
            prepared: self.prepared,
        })
    }

    /// Runs a statement that no transaction may be around.
    pub(super) async fn execute_alone(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        self.breaker
            .ask(Box::pin(async {
                let mut guard = self.acquire(Durability::Relaxed).await?;
                guard.execute(sql).await?;
                guard.release();
                Ok(())
            }))
            .await
    }

    async fn acquire(&self, durability: Durability) -> Result<ConnectionGuard, sqlx::Error> {
        let _waiting = self.waiting.one_more();
        let pool = match durability {
            Durability::Full => &self.pool,
            Durability::Relaxed => &self.relaxed,
        };
        Ok(ConnectionGuard(Some(pool.acquire().await?)))
    }

    /// How the connections are used at this moment.
    pub(super) fn connections_in_use(&self) -> PoolUse {
        let pools = [&self.pool, &self.relaxed];
        let open: usize = pools.iter().map(|pool| pool.size() as usize).sum();
        let idle: usize = pools.iter().map(|pool| pool.num_idle()).sum();
        let most = pools
            .iter()
            .map(|pool| pool.options().get_max_connections() as usize);
        PoolUse {
            most: most.sum(),
            in_use: open.saturating_sub(idle),
            idle,
            waiting: self.waiting.count(),
        }
    }

    pub(super) async fn close_pool(&self) {
        self.relaxed.close().await;
        self.pool.close().await;
    }
}

/// Connects, and tells with which options.
///
/// Every statement looks up keys, so that one plan does for all values. Left to itself, PostgreSQL plans a statement for few
/// rows anew each time, because the plan for any number of them looks dearer; that costs more than it takes to run. And it
/// scans a table that is empty when the statement is planned, for as long as nobody analyzes it: minutes in which each
/// command of a new deployment costs as much as there are users.
async fn connect(plain: PgConnectOptions, settings: PostgresOptions) -> Result<Connected, OpenError> {
    const RELAXED: (&str, &str) = ("synchronous_commit", "off");
    if settings.prepared_statements {
        let generic = plain.clone().options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            // What costs so much on paper alone is not worth a compiler.
            ("jit", "off"),
        ]);
        match connect_with(&generic, settings.acquire_timeout).await? {
            // A pooler stands between, which lets no options through.
            Err(error) if sql_state(&error).as_deref() == Some("08P01") => {}
            Err(error) => return Err(OpenError::of(&error, &generic)),
            Ok(connection) => {
                return Ok(Connected {
                    connection,
                    relaxed: generic.clone().options([RELAXED]),
                    options: generic,
                });
            }
        }
    }
    match connect_with(&plain, settings.acquire_timeout).await? {
        Ok(connection) => Ok(Connected {
            connection,
            relaxed: plain.clone(),
            options: plain,
        }),
        Err(error) => Err(OpenError::of(&error, &plain)),
    }
}

/// A first connection, and the options of all.
struct Connected {
    connection: PgConnection,
    options: PgConnectOptions,
    /// Those of connections that do not wait for the disk.
    relaxed: PgConnectOptions,
}

async fn connect_with(
    options: &PgConnectOptions,
    patience: Duration,
) -> Result<Result<PgConnection, sqlx::Error>, OpenError> {
    let connecting = tokio::time::timeout(patience, PgConnection::connect_with(options));
    connecting.await.map_err(|_| OpenError::Connect {
        host: options.get_host().to_owned(),
        port: options.get_port(),
        reason: format!("no answer within {patience:?}"),
    })
}

/// A connection of the pool. Dropped in the middle of something it is closed, not given back: nobody knows what it would
/// have answered, or whether it ever will.
struct ConnectionGuard(Option<PoolConnection<Postgres>>);

impl ConnectionGuard {
    fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.0.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    async fn run(&mut self, statement: SqlBuilder, persistent: bool) -> Result<Vec<PgRow>, sqlx::Error> {
        let (sql, values) = statement.into_parts();
        let (sql, arguments) = (numbered(&sql), arguments(values)?);
        sqlx::query_with(&sql, arguments)
            .persistent(persistent)
            .fetch_all(self.connection()?)
            .await
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        self.connection()?.execute(sql).await.map(drop)
    }

    fn release(mut self) {
        drop(self.0.take());
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        drop(self.0.take().map(PoolConnection::detach));
    }
}

/// The text with `$1`, `$2`, … for its `?`.
pub(super) fn numbered(sql: &str) -> String {
    use std::fmt::Write as _;
    let mut numbered = String::with_capacity(sql.len() + 64);
    for (place, part) in sql.split('?').enumerate() {
        if place > 0 {
            // Writing to a string cannot fail.
            let _ = write!(numbered, "${place}");
        }
        numbered.push_str(part);
    }
    numbered
}

pub(super) fn arguments(values: Vec<SqlValue>) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            SqlValue::Id(id) => arguments.add(id),
            SqlValue::Number(number) => arguments.add(number),
            SqlValue::Text(text) => arguments.add(text),
            SqlValue::Bytes(bytes) => arguments.add(bytes),
            SqlValue::Ids(ids) => arguments.add(ids),
            SqlValue::Numbers(numbers) => arguments.add(numbers),
            SqlValue::Texts(texts) => arguments.add(texts),
            SqlValue::ByteStrings(bytes) => arguments.add(bytes),
            SqlValue::Flags(flags) => arguments.add(flags),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A transaction. Dropped before its commit, it is rolled back with the end of its connection.
pub(crate) struct Transaction {
    connection_guard: ConnectionGuard,
    breaker: Breaker,
    prepared: bool,
}

impl Transaction {
    pub(crate) async fn run(&mut self, statement: SqlBuilder) -> Result<Vec<PgRow>, sqlx::Error> {
        self.breaker
            .ask(Box::pin(self.connection_guard.run(statement, self.prepared)))
            .await
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    pub(crate) async fn roll_back(self) -> Result<(), sqlx::Error> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, how: &'static str) -> Result<(), sqlx::Error> {
        let ended = self
            .breaker
            .ask(Box::pin(self.connection_guard.execute(how)))
            .await;
        if !ended.as_ref().is_err_and(is_lost) {
            self.connection_guard.release();
        }
        ended
    }
}

pub(super) fn migrations() -> Migrator {
    sqlx::migrate!("migrations/postgres")
}

/// Of servers that start at once, one migrates and the others wait. The lock ends with the transaction, so that it
/// cannot stay behind on a pooler's connection. What a newer server has migrated is left to it: one that runs already
/// goes on beside it during a rolling update, one that starts is refused.
async fn migrate(
    connection: &mut PgConnection,
    prepared: bool,
    options: &PgConnectOptions,
) -> Result<(), OpenError> {
    let mut migrations = migrations();
    migrations.set_locking(false);
    let migrating = async {
        let mut locked = connection.begin().await?;
        // Statements that are prepared here have names, which must not stay behind on a pooler's connection.
        let unnamed = "DEALLOCATE ALL";
        if !prepared {
            sqlx::raw_sql(unnamed).execute(&mut *locked).await?;
        }
        sqlx::raw_sql("SELECT pg_advisory_xact_lock(7521962890171953)")
            .execute(&mut *locked)
            .await?;
        migrations.run(&mut *locked).await?;
        if !prepared {
            sqlx::raw_sql(unnamed).execute(&mut *locked).await?;
        }
        Ok(locked.commit().await?)
    };
    migrating
        .await
        .map_err(|error| OpenError::of_schema(error, &migrations, options))
}

/// Why a transaction was aborted.
pub(super) enum TransactionError {
    Database(sqlx::Error),
    Store(StoreError),
}

impl From<sqlx::Error> for TransactionError {
    fn from(error: sqlx::Error) -> Self {
        TransactionError::Database(error)
    }
}

impl From<StoreError> for TransactionError {
    fn from(error: StoreError) -> Self {
        TransactionError::Store(error)
    }
}

/// The meaning of a database error for a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommitFailure {
    /// A version, a budget or a constraint stood against it.
    Stood,
    /// Others were in the way; nothing was written.
    Raced,
    /// The same statement will be refused again.
    Never,
    /// Anything else: nobody can say what was written.
    Unknown,
}

/// A failure as a store tells it, where no constraint can stand against what was written.
pub(crate) fn failure(error: &sqlx::Error) -> StoreError {
    match CommitFailure::of(error) {
        CommitFailure::Stood | CommitFailure::Never => StoreError::Refused(error.to_string()),
        CommitFailure::Raced | CommitFailure::Unknown => unavailable(error),
    }
}

impl CommitFailure {
    pub(super) fn of(error: &sqlx::Error) -> Self {
        let Some(code) = sql_state(error).filter(|_| !is_file_access(error)) else {
            return CommitFailure::Unknown;
        };
        match code.as_str() {
            // A statement's guards divide by zero where they do not hold.
            "22012" => CommitFailure::Stood,
            "40001" | "40P01" => CommitFailure::Raced,
            code => match code.get(..2) {
                Some("23") => CommitFailure::Stood,
                Some("21" | "22" | "42" | "54") => CommitFailure::Never,
                _ => CommitFailure::Unknown,
            },
        }
    }
}

/// Whether PostgreSQL could not use one of its files, as on a disk that has become read-only. It has one code for that and
/// for rights that are missing, which only these parts of it look at.
fn is_file_access(error: &sqlx::Error) -> bool {
    const RIGHTS: [&str; 3] = ["aclchk.c", "execMain.c", "postinit.c"];
    let refusal = error
        .as_database_error()
        .and_then(|refusal| refusal.try_downcast_ref::<PgDatabaseError>());
    refusal.is_some_and(|refusal| {
        refusal.code() == "42501" && refusal.file().is_some_and(|file| !RIGHTS.contains(&file))
    })
}

fn sql_state(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
