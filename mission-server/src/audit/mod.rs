//! An audit of a database: everything that is kept twice has to say the same, and every grant has to follow from the
//! recorded commands. It reads one moment of the database, on a connection of its own, and writes nothing.

mod catalogs;
mod decide_again;
mod records;
mod recount;
mod report;
mod streaks;
mod sums;
#[cfg(test)]
#[cfg(feature = "server")]
mod tests;
mod user;

use chrono::{DateTime, Utc};
use mission_core::{
    UserId,
    engine::OutboundEvent,
    event::{IntegrationEvent, LateWindow},
    ports::{rules::ScriptCompiler, store::StoreError},
};
use rayon::prelude::*;
use uuid::Uuid;

use crate::store::{
    read_transaction::ReadTransaction,
    record::{OutboxEnvelope, from_json},
    row::SqlRow,
    sql_builder::SqlBuilder,
};
use catalogs::Catalogs;
use records::{UserCursor, UserRecords};
use recount::recount;
pub use report::{AuditReport, Deviation, DeviationKind, RecordedCommand, Unchecked};
use report::{Findings, UserFindings};
use sums::RecountedSums;
use user::{UserCheck, WaitingBookings};

/// Why an audit could not be carried out. Tells no password.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The address names no database that this program knows.
    #[error(
        "a database is named by `sqlite://` and a path, or by `postgres://USER:PASSWORD@HOST:PORT/DATABASE`"
    )]
    UnknownDatabase,
    /// The SQLite file cannot be opened.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] crate::store::sqlite::OpenError),
    /// The PostgreSQL database cannot be opened.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Postgres(#[from] crate::store::postgres::OpenError),
    /// It cannot be read.
    #[error("the database cannot be read: {0}")]
    Read(#[from] StoreError),
}

/// How far an audit has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditProgress {
    /// Users who were looked at.
    pub users: u64,
    /// Users in all.
    pub of_users: u64,
    /// Their rewards that were granted.
    pub grants: u64,
}

/// Who hears of an audit while it runs.
pub struct AuditListener<'l> {
    /// Of each deviation, as it is found.
    pub deviation: &'l mut (dyn FnMut(Deviation) + Send),
    /// Of how far it has come, from time to time.
    pub progress: &'l mut (dyn FnMut(AuditProgress) + Send),
}

impl std::fmt::Debug for AuditListener<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditListener").finish_non_exhaustive()
    }
}

/// What an audit needs besides the database.
#[derive(Clone, Copy)]
pub struct AuditOptions<'o> {
    /// The moment that decides which weekly and monthly boards must be there: those of the last 69 days.
    pub now: DateTime<Utc>,
    /// How early and late activity events could come, as the servers were set.
    pub late_window: LateWindow,
    /// What compiles the missions' scripts.
    pub compiler: &'o dyn ScriptCompiler,
}

impl std::fmt::Debug for AuditOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditOptions")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// Audits a database that is named by an address, as of the moment at which it is opened.
///
/// # Errors
/// When the database cannot be opened or read, or its schema is not this program's.
pub async fn audit(
    url: &str,
    options: AuditOptions<'_>,
    listener: AuditListener<'_>,
) -> Result<AuditReport, AuditError> {
    #[cfg(feature = "sqlite")]
    if url.starts_with("sqlite:") {
        let mut transaction = crate::store::sqlite::SqliteReadTransaction::begin(url).await?;
        return Ok(run(&mut transaction, options, listener).await?);
    }
    #[cfg(feature = "postgres")]
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let mut transaction = crate::store::postgres::PostgresReadTransaction::begin(url).await?;
        return Ok(run(&mut transaction, options, listener).await?);
    }
    Err(AuditError::UnknownDatabase)
}

async fn run<T: ReadTransaction>(
    transaction: &mut T,
    options: AuditOptions<'_>,
    listener: AuditListener<'_>,
) -> Result<AuditReport, StoreError> {
    let mut findings = Findings::new(listener.deviation);
    let (of_users, journal_begins) = extent(transaction).await?;
    let waiting = waiting_bookings(transaction).await?;
    let catalogs = Catalogs::read(transaction, options.compiler, options.late_window).await?;
    let mut sums = RecountedSums::begin(transaction, options.now).await?;
    let mut progress = AuditProgress {
        of_users,
        ..AuditProgress::default()
    };
    let check = UserCheck {
        waiting: &waiting,
        journal_begins,
    };
    let mut cursor = UserCursor::new(sums.boards().numbers());
    while let Some(users) = cursor.next(transaction).await? {
        // Users have nothing to do with each other: they are judged on all cores, and told in order.
        let judged: Vec<Result<UserFindings, StoreError>> = users
            .par_iter()
            .map(|(user, records)| judge(*user, records, &check, &catalogs))
            .collect();
        for ((user, records), judged) in users.iter().zip(judged) {
            findings.extend(judged?);
            sums.add(*user, records, &mut findings);
        }
        progress.users = findings.report.users;
        progress.grants = findings.report.grants;
        (listener.progress)(progress);
    }
    sums.finish(transaction, &mut findings).await?;
    let erased = SqlBuilder::new("SELECT count(*) FROM wallet_entries WHERE user_id = ?");
    let rows = transaction.read(erased.with(Uuid::nil())).await?;
    let erased = rows.first().map_or(Ok(0), |row| row.count(0))?;
    findings.report.leave_out(Unchecked::ErasedBookings, erased);
    findings
        .report
        .leave_out(Unchecked::BookingsWaiting, waiting.bookings.len() as u64);
    Ok(findings.report)
}

/// What is found in the records of one user, by themselves.
fn judge(
    user: UserId,
    records: &UserRecords,
    check: &UserCheck<'_>,
    catalogs: &Catalogs,
) -> Result<UserFindings, StoreError> {
    let mut found = UserFindings::default();
    let mut note = |deviation| found.deviations.push(deviation);
    let mut findings = Findings::new(&mut note);
    check.run(user, records, &mut findings);
    recount(user, records, catalogs, &mut findings)?;
    let report = &mut findings.report;
    report.users += u64::from(records.user.is_some());
    report.rewards += records.rewards.len() as u64;
    report.bookings += records.bookings.len() as u64;
    report.commands += records.commands.len() as u64;
    let rewards = records.rewards.values();
    report.grants += rewards
        .filter(|reward| reward.record.claimed_at.is_some())
        .count() as u64;
    found.report = findings.into_report();
    Ok(found)
}

/// The number of users, and when the oldest command of one was carried out.
async fn extent<T: ReadTransaction>(transaction: &mut T) -> Result<(u64, Option<i64>), StoreError> {
    let extent = SqlBuilder::new(
        "SELECT (SELECT count(*) FROM users), (SELECT min(recorded_at) FROM journal WHERE root_kind = 'user')",
    );
    let rows = transaction.read(extent).await?;
    match rows.first() {
        Some(row) => Ok((row.count(0)?, row.optional_number(1)?)),
        None => Ok((0, None)),
    }
}

/// The bookings that the events in the outbox will make.
async fn waiting_bookings<T: ReadTransaction>(transaction: &mut T) -> Result<WaitingBookings, StoreError> {
    const AT_ONCE: usize = 10_000;
    let mut waiting = WaitingBookings::default();
    let mut after = i64::MIN;
    loop {
        let mut entries =
            SqlBuilder::new("SELECT number, envelope FROM outbox_entries WHERE number > ? ORDER BY number");
        entries.bind(after).limit(AT_ONCE);
        let rows = transaction.read(entries).await?;
        for row in &rows {
            after = row.number(0)?;
            let envelope: OutboxEnvelope<Option<String>, Vec<OutboundEvent>> = from_json(row.text(1)?)?;
            for event in envelope.events {
                match event.event {
                    IntegrationEvent::RewardClaimed(claimed) => {
                        waiting.bookings.insert((claimed.reward_id, false));
                    }
                    IntegrationEvent::RewardRevoked(revoked) => {
                        waiting.bookings.insert((revoked.reward_id, true));
                    }
                    _ => {}
                }
            }
        }
        if rows.len() < AT_ONCE {
            return Ok(waiting);
        }
    }
}
