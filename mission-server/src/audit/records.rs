//! The records of users, read for some users at a time, so that memory stays bounded.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mission_core::{
    CommandId, MissionId, RewardId, TaskId, UserId,
    check_in::{CheckInDay, CheckInState},
    engine::ReceiptKey,
    ports::store::StoreError,
    reward::Reward,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use uuid::Uuid;

use super::report::RecordedCommand;
use crate::store::{
    read_transaction::ReadTransaction,
    record::{from_json, instant},
    row::SqlRow,
    sql_builder::SqlBuilder,
};

/// What an audit reads of a user's record.
#[derive(Debug, Deserialize)]
pub(super) struct StoredUser {
    pub(super) first_seen_at: DateTime<Utc>,
    #[serde(with = "mission_core::points::exact")]
    pub(super) points: Decimal,
    pub(super) experience: u64,
    pub(super) check_in: CheckInState,
    #[serde(default)]
    pub(super) erased_at: Option<DateTime<Utc>>,
}

/// A reward, and what stands beside its record.
#[derive(Debug)]
pub(super) struct StoredReward {
    pub(super) record: Reward,
    pub(super) reward_type: String,
    pub(super) source_id: Uuid,
    pub(super) mission_id: Option<MissionId>,
    pub(super) status: String,
    pub(super) total_micros: i64,
    pub(super) claimed_at: Option<i64>,
    pub(super) revoked_at: Option<i64>,
}

/// A task, and what stands beside its record.
#[derive(Debug)]
pub(super) struct StoredTask {
    pub(super) id: TaskId,
    pub(super) mission: MissionId,
    pub(super) status: String,
    pub(super) started_at: i64,
    pub(super) completed_at: Option<i64>,
    pub(super) verified_at: Option<i64>,
    pub(super) is_valid: bool,
    pub(super) record: TaskRecord,
}

/// What an audit reads of a task's record.
#[derive(Debug, Deserialize)]
pub(super) struct TaskRecord {
    #[serde(default)]
    pub(super) reward_id: Option<RewardId>,
    #[serde(default)]
    pub(super) reward_claimed: bool,
    /// Of a shadow mission: what it would have earned.
    #[serde(default)]
    pub(super) would_earn: Option<Vec<Reward>>,
}

/// A booking of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredBooking {
    pub(super) grant: RewardId,
    pub(super) is_revocation: bool,
    pub(super) micros: i64,
}

/// A command out of the journal.
#[derive(Debug)]
pub(super) struct StoredCommand {
    pub(super) number: i64,
    pub(super) at: i64,
    pub(super) name: String,
    /// What the ids follow from that it made; nothing where that was not kept.
    pub(super) seed: Option<Uuid>,
    pub(super) is_refused: bool,
    /// Command and signals as JSON.
    pub(super) request: Option<String>,
}

impl StoredCommand {
    pub(super) fn of(row: &impl SqlRow) -> Result<(Uuid, Self), StoreError> {
        let caller = row.id(4)?;
        let key = row.optional_id(5)?.map(|command| ReceiptKey {
            caller,
            command: CommandId(command),
        });
        let command = StoredCommand {
            number: row.number(1)?,
            at: row.number(2)?,
            name: row.text(3)?.to_owned(),
            seed: key.map(|key| key.seed()).or(row.optional_id(6)?),
            is_refused: row.optional_number(7)? == Some(1),
            request: row.optional_text(8)?.map(str::to_owned),
        };
        Ok((row.id(0)?, command))
    }

    pub(super) fn named(&self) -> Option<RecordedCommand> {
        Some(RecordedCommand {
            number: self.number,
            at: instant(self.at).ok()?,
            name: self.name.clone(),
        })
    }
}

/// Everything of one user.
#[derive(Debug, Default)]
pub(super) struct UserRecords {
    pub(super) user: Option<StoredUser>,
    pub(super) rewards: BTreeMap<RewardId, StoredReward>,
    pub(super) tasks: BTreeMap<TaskId, StoredTask>,
    pub(super) days: Vec<CheckInDay>,
    pub(super) bookings: Vec<StoredBooking>,
    /// By board.
    pub(super) scores: BTreeMap<i64, i64>,
    /// In the order in which they were carried out.
    pub(super) commands: Vec<StoredCommand>,
}

impl UserRecords {
    /// The command that was carried out at a moment.
    pub(super) fn command_at(&self, micros: i64) -> Option<&StoredCommand> {
        self.commands
            .iter()
            .rev()
            .find(|command| command.at == micros && !command.is_refused)
    }

    pub(super) fn last_command(&self) -> Option<RecordedCommand> {
        self.commands.last().and_then(StoredCommand::named)
    }

    /// How many rows were read.
    fn size(&self) -> usize {
        1 + self.rewards.len()
            + self.tasks.len()
            + self.days.len()
            + self.bookings.len()
            + self.commands.len()
    }
}

/// Goes through all users in the order of their ids.
#[derive(Debug)]
pub(super) struct UserCursor {
    after: Uuid,
    /// How many users are read at once.
    at_once: usize,
    done: bool,
    boards: Vec<i64>,
}

/// So many rows at once: some ten megabytes.
const ROWS_AT_ONCE: usize = 20_000;
const MOST_USERS_AT_ONCE: usize = 4_096;

impl UserCursor {
    pub(super) fn new(boards: Vec<i64>) -> Self {
        UserCursor {
            // The account of the erased is no user's.
            after: Uuid::nil(),
            at_once: 256,
            done: false,
            boards,
        }
    }

    /// The next users; nothing after the last.
    pub(super) async fn next<T: ReadTransaction>(
        &mut self,
        transaction: &mut T,
    ) -> Result<Option<BTreeMap<UserId, UserRecords>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let mut users = SqlBuilder::new("SELECT user_id, data FROM users WHERE user_id > ? ORDER BY user_id");
        users.bind(self.after).limit(self.at_once);
        let rows = transaction.read(users).await?;
        let last = rows.last().map(|row| row.id(0)).transpose()?;
        // Rows of users of whom there is no record lie between others, or behind the last.
        self.done = rows.len() < self.at_once;
        let to = last.filter(|_| !self.done).unwrap_or(Uuid::max());
        let mut found: BTreeMap<UserId, UserRecords> = BTreeMap::new();
        for row in &rows {
            let user = row.optional_text(1)?.map(from_json).transpose()?;
            found.entry(row.id(0)?.into()).or_default().user = user;
        }
        let range = Range {
            after: self.after,
            to,
        };
        range.read(transaction, &self.boards, &mut found).await?;
        self.after = to;
        let rows: usize = found.values().map(UserRecords::size).sum();
        let fitting = self.at_once.saturating_mul(ROWS_AT_ONCE) / rows.max(1);
        self.at_once = fitting.clamp(1, MOST_USERS_AT_ONCE.min(self.at_once * 4));
        Ok(Some(found))
    }
}

/// Users behind one and up to another.
#[derive(Clone, Copy, Debug)]
struct Range {
    after: Uuid,
    to: Uuid,
}

impl Range {
    fn of(self, sql: &'static str) -> SqlBuilder {
        let mut query = SqlBuilder::new(sql);
        query
            .then(" WHERE user_id > ? AND user_id <= ?")
            .bind(self.after)
            .bind(self.to);
        query
    }

    async fn read<T: ReadTransaction>(
        self,
        transaction: &mut T,
        boards: &[i64],
        found: &mut BTreeMap<UserId, UserRecords>,
    ) -> Result<(), StoreError> {
        let rewards = self.of(
            "SELECT user_id, data, reward_type, source_id, mission_id, status, total_micros, claimed_at, revoked_at
            FROM rewards",
        );
        for row in &transaction.read(rewards).await? {
            let reward = StoredReward {
                record: from_json(row.text(1)?)?,
                reward_type: row.text(2)?.to_owned(),
                source_id: row.id(3)?,
                mission_id: row.optional_id(4)?.map(Into::into),
                status: row.text(5)?.to_owned(),
                total_micros: row.number(6)?,
                claimed_at: row.optional_number(7)?,
                revoked_at: row.optional_number(8)?,
            };
            let user = found.entry(row.id(0)?.into()).or_default();
            user.rewards.insert(reward.record.id, reward);
        }
        let tasks = self.of(
            "SELECT user_id, id, mission_id, status, started_at, completed_at, verified_at,
                CAST(CAST(is_valid AS int) AS bigint), data FROM tasks",
        );
        for row in &transaction.read(tasks).await? {
            let task = StoredTask {
                id: row.id(1)?.into(),
                mission: row.id(2)?.into(),
                status: row.text(3)?.to_owned(),
                started_at: row.number(4)?,
                completed_at: row.optional_number(5)?,
                verified_at: row.optional_number(6)?,
                is_valid: row.optional_number(7)? == Some(1),
                record: from_json(row.text(8)?)?,
            };
            found
                .entry(row.id(0)?.into())
                .or_default()
                .tasks
                .insert(task.id, task);
        }
        for row in &transaction
            .read(self.of("SELECT user_id, data FROM check_in_days"))
            .await?
        {
            let day = from_json(row.text(1)?)?;
            found.entry(row.id(0)?.into()).or_default().days.push(day);
        }
        let bookings = self.of("SELECT user_id, grant_id, kind, amount_micros FROM wallet_entries");
        for row in &transaction.read(bookings).await? {
            let booking = StoredBooking {
                grant: row.id(1)?.into(),
                is_revocation: row.text(2)? == "revocation",
                micros: row.number(3)?,
            };
            found.entry(row.id(0)?.into()).or_default().bookings.push(booking);
        }
        let mut scores = self.of("SELECT user_id, board, points FROM scores");
        scores
            .then(" AND board ")
            .then(T::DIALECT.is_any_number)
            .bind(boards.to_vec());
        for row in &transaction.read(scores).await? {
            let user = found.entry(row.id(0)?.into()).or_default();
            user.scores.insert(row.number(1)?, row.number(2)?);
        }
        let mut commands = SqlBuilder::new(T::DIALECT.commands);
        commands
            .then(" WHERE root_id > ? AND root_id <= ? AND root_kind = 'user' ORDER BY root_id, number")
            .bind(self.after)
            .bind(self.to);
        for row in &transaction.read(commands).await? {
            let (user, command) = StoredCommand::of(row)?;
            found.entry(user.into()).or_default().commands.push(command);
        }
        Ok(())
    }
}
