//! The rows of a batch of changes, a table each, and the statement that writes them all.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mission_core::{
    MissionId, UserId,
    engine::ClaimHolder,
    fraud::DeviceHash,
    mission::{Budget, BudgetUse},
    points::Points,
    ports::store::{BudgetReservation, Change, Claim, Friendship, Picture, Root, StoreError},
    serde_name,
};

use super::{
    removals::Removals,
    rows::Rows,
    statements::{Table, WRITE_JOURNAL, WRITE_OUTBOX},
};
use crate::store::{
    micros::{budget_micros, total_micros},
    record::{OutboxEnvelope, RecordChange, root_id, root_kind, text_of, to_json},
    sql_builder::SqlBuilder,
};

/// Into so many shards the outbox is divided.
pub(super) const SHARDS: u8 = 64;

/// The holder of a claim, and since when.
struct ClaimRecord {
    holder: ClaimHolder,
    at: Option<DateTime<Utc>>,
}

/// The rows that a batch of changes writes, as one statement.
#[derive(Default)]
pub(super) struct BatchStatement {
    rows: BTreeMap<Table, Rows>,
    pub(super) removals: Removals,
    /// What becomes of each claim in the end, and since when.
    claims: BTreeMap<Claim, Option<ClaimRecord>>,
    released: BTreeSet<Claim>,
    budgets: BTreeMap<MissionId, BudgetReservation>,
    sightings: BTreeMap<(DeviceHash, UserId), DateTime<Utc>>,
    friendships: BTreeMap<(UserId, UserId), Friendship>,
    pictures: Vec<Picture>,
    refused_evidence: BTreeMap<(DateTime<Utc>, MissionId), u64>,
    catalog_changes: i64,
    entries: i64,
}

impl BatchStatement {
    /// The rows of changes. `guarded` budgets are held to their limits once more by the statement itself.
    pub(super) fn of<'c>(
        changes: impl IntoIterator<Item = &'c Change>,
        guarded: bool,
    ) -> Result<Self, StoreError> {
        let mut batch = BatchStatement::default();
        for change in changes {
            batch.add(change)?;
        }
        batch.finish(guarded)?;
        Ok(batch)
    }

    fn rows(&mut self, table: Table) -> &mut Rows {
        let kinds = table.statement().kinds;
        self.rows.entry(table).or_insert_with(|| Rows::of(kinds))
    }

    fn add(&mut self, change: &Change) -> Result<(), StoreError> {
        let write_set = &change.write_set;
        let at = change.journal.iter().map(|entry| entry.request.at).max();
        for user in &write_set.erasures {
            self.removals.erase(*user, at);
        }
        self.roots(change)?;
        self.records(change)?;
        for claim in &write_set.releases {
            self.released.insert(claim.clone());
            self.claims.insert(claim.clone(), None);
        }
        for (claim, holder) in &write_set.claims {
            let holder = *holder;
            self.claims
                .insert(claim.clone(), Some(ClaimRecord { holder, at }));
        }
        for (mission, reservation) in &write_set.reservations {
            let sum = self.budgets.entry(*mission).or_default();
            *sum = BudgetReservation {
                used: sum.used.plus(reservation.used),
                limit: reservation.limit,
            };
        }
        self.sightings.extend(write_set.sightings.clone());
        Friendship::merge_latest(&mut self.friendships, &write_set.friendships);
        self.pictures.extend(&write_set.pictures);
        for (key, count) in &write_set.refused_evidence {
            *self.refused_evidence.entry(*key).or_default() += count;
        }
        for entry in &write_set.audit {
            let row = self.rows(Table::Audit).row().id(entry.id).instant(entry.at);
            row.optional_id(entry.actor.map(|id| id.0))
                .text(entry.subject.clone())
                .optional_id(entry.user_id.map(|id| id.0))
                .record(entry)?;
        }
        self.journal(change)
    }

    /// Raises the version of every root, and writes its record where there is one.
    fn roots(&mut self, change: &Change) -> Result<(), StoreError> {
        let writes = &change.write_set.writes;
        for root in writes.roots() {
            if !change.expected.contains_key(&root) {
                let why = format!("a record below {root:?} comes without the version of its root");
                return Err(StoreError::Refused(why));
            }
        }
        for (root, version) in &change.expected {
            let (table, record) = match root {
                Root::User(id) => (Table::Users, text_of(writes.user.get(id))?),
                Root::Mission(id) => (Table::Missions, text_of(writes.mission.get(id))?),
                Root::Pack(id) => (Table::Packs, text_of(writes.pack.get(id))?),
            };
            let data = match record {
                RecordChange::Replaced(text) => Some(text),
                RecordChange::Unchanged if version.0 > 0 => Some(String::new()),
                RecordChange::Unchanged | RecordChange::Deleted => None,
            };
            let version = i64::try_from(version.0)
                .map_err(|_| StoreError::Refused(format!("{root:?} has no version {}", version.0)))?;
            let row = self.rows(table).row().id(root_id(*root));
            row.number(version).optional_text(data);
            self.catalog_changes += i64::from(!matches!(root, Root::User(_)));
        }
        Ok(())
    }

    fn records(&mut self, change: &Change) -> Result<(), StoreError> {
        let writes = &change.write_set.writes;
        for ((user, id), task) in &writes.task {
            let Some(task) = task else {
                self.removals.tasks.row().id(user.0).id(id.0);
                continue;
            };
            let verification = task.verification.as_ref();
            let row = self.rows(Table::Tasks).row().id(user.0).id(id.0);
            row.id(task.mission_id.0)
                .text(serde_name(task.status))
                .instant(task.started_at)
                .optional_instant(task.completed_at)
                .optional_instant(task.due_at)
                .optional_instant(verification.map(|found| found.verified_at))
                .optional_flag(verification.map(|found| found.is_valid))
                .record(task)?;
        }
        for ((user, mission), participation) in &writes.participation {
            match participation {
                Some(participation) => {
                    let row = self.rows(Table::Participations).row().id(user.0).id(mission.0);
                    row.optional_flag(participation.comparison.map(|_| true))
                        .record(participation)?;
                }
                None => {
                    self.removals.participations.row().id(user.0).id(mission.0);
                }
            }
        }
        for ((user, id), reward) in &writes.reward {
            let Some(reward) = reward else {
                self.removals.rewards.row().id(user.0).id(id.0);
                continue;
            };
            let reward_type = serde_name(reward.reward_type);
            let source = self.rows(Table::RewardSources).row().id(reward.source_id);
            source.text(reward_type.clone()).id(id.0).id(user.0);
            let row = self.rows(Table::Rewards).row().id(user.0).id(id.0);
            row.text(reward_type)
                .id(reward.source_id)
                .optional_id(reward.mission_id.map(|id| id.0))
                .text(serde_name(reward.status))
                .number(total_micros(&reward.amount))
                .optional_instant(reward.claimed_at)
                .optional_instant(reward.expires_at)
                .optional_instant(reward.points_revoked_at())
                .record(reward)?;
        }
        for ((user, id), review) in &writes.review {
            match review {
                Some(review) => {
                    let row = self.rows(Table::Reviews).row().id(user.0).id(id.0);
                    row.text(serde_name(review.status)).record(review)?;
                }
                None => {
                    self.removals.reviews.row().id(user.0).id(id.0);
                }
            }
        }
        for ((user, date), day) in &writes.check_in_day {
            match day {
                Some(day) => {
                    let row = self.rows(Table::CheckInDays).row().id(user.0).date(*date);
                    row.id(day.id.0).instant(day.checked_in_at).record(day)?;
                }
                None => {
                    self.removals.days.row().id(user.0).date(*date);
                }
            }
        }
        Ok(())
    }

    fn journal(&mut self, change: &Change) -> Result<(), StoreError> {
        for entry in &change.journal {
            let (request, receipt) = (&entry.request, entry.request.receipt);
            let answer = to_json(&entry.answer)?;
            let unkeyed_answer = if request.keyed {
                let row = self.rows(Table::Receipts).row();
                row.id(receipt.caller)
                    .id(receipt.command.0)
                    .instant(request.at)
                    .text(String::from(request.fingerprint))
                    .text(answer);
                None
            } else {
                Some(answer)
            };
            let id = root_id(entry.root);
            let refusal = entry.answer.as_ref().err().map(to_json).transpose()?;
            let envelope = if entry.events.is_empty() {
                None
            } else {
                let correlation_id = &request.signals.correlation_id;
                Some(to_json(&OutboxEnvelope::new(correlation_id, &entry.events))?)
            };
            let place = self.entries;
            self.entries += 1;
            let row = self.rows(Table::Journal).row().number(place).id(id);
            row.text(root_kind(entry.root))
                // The last byte of an id is random in every version of UUIDs.
                .number(i64::from(id.as_bytes()[15] % SHARDS))
                .instant(request.at)
                .text(request.command.name())
                .id(receipt.caller)
                .id(receipt.command.0)
                .optional_text(refusal)
                .record(&(&request.command, &request.signals))?
                .optional_text(unkeyed_answer)
                .optional_text(envelope);
        }
        Ok(())
    }

    /// Adds the rows of what the changes share.
    fn finish(&mut self, guarded: bool) -> Result<(), StoreError> {
        for claim in &std::mem::take(&mut self.released) {
            let (kind, key) = claim.storage_key();
            self.removals.claims.row().text(kind).bytes(key);
        }
        for (claim, taken) in std::mem::take(&mut self.claims) {
            if let Some(ClaimRecord { holder, at }) = taken {
                let (kind, key) = claim.storage_key();
                let row = self.rows(Table::Claims).row().text(kind).bytes(key);
                row.id(holder).optional_instant(at);
            }
        }
        for (mission, reservation) in std::mem::take(&mut self.budgets) {
            let limit = if guarded && grows(reservation.used) {
                reservation.limit
            } else {
                Budget::default()
            };
            let row = self.rows(Table::Budgets).row().id(mission.0);
            row.number(budget_micros(reservation.used)?)
                .number(reservation.used.grants)
                .optional_number(limit.max_points.map(Points::millionths))
                .optional_number(limit.max_grants.map(i64::from));
        }
        for ((device, user), seen) in std::mem::take(&mut self.sightings) {
            let row = self.rows(Table::Sightings).row().id(user.0);
            row.text(device.as_str()).instant(seen);
        }
        for ((user, friend), told) in std::mem::take(&mut self.friendships) {
            let row = self.rows(Table::Friendships).row().id(user.0).id(friend.0);
            row.optional_flag(Some(told.are_friends)).instant(told.at);
        }
        for picture in std::mem::take(&mut self.pictures) {
            for band in picture.hash.bands() {
                let row = self.rows(Table::Pictures).row().number(band).id(picture.file.0);
                row.id(picture.user.0)
                    .id(picture.task.0)
                    .number(picture.hash.0.cast_signed());
            }
        }
        for ((hour, mission), count) in std::mem::take(&mut self.refused_evidence) {
            let row = self.rows(Table::Activity).row().instant(hour).id(mission.0);
            row.number(i64::try_from(count).unwrap_or(i64::MAX));
        }
        if self.catalog_changes > 0 {
            let changes = self.catalog_changes;
            self.rows(Table::Catalog).row().number(changes);
        }
        Ok(())
    }

    /// One statement that writes everything or, by a division by zero, nothing: where a version has moved, before
    /// anything else is written; where another guard does not hold, afterwards.
    ///
    /// A part runs when its rows are counted, so that all batches lock in the order of the tables.
    pub(super) fn into_statement(self) -> Result<SqlBuilder, StoreError> {
        let (roots, others): (Vec<_>, Vec<_>) = self.rows.into_iter().partition(|(table, _)| table.is_root());
        let mut statement = SqlBuilder::new("WITH ");
        let guard = parts(&mut statement, roots, 0, false)?;
        statement.then("go AS MATERIALIZED (SELECT 1 / ");
        guard.add_to(&mut statement);
        statement.then(" AS ok), ");
        let guard = parts(&mut statement, others, Table::Catalog as usize, true)?;
        statement.then("done AS (SELECT 1) SELECT 1 / ");
        guard.add_to(&mut statement);
        statement.then(" FROM go");
        Ok(statement)
    }
}

/// Whether a take may meet a limit.
fn grows(used: BudgetUse) -> bool {
    used.points > rust_decimal::Decimal::ZERO || used.grants > 0
}

/// The number of rows that each part of the statement must have written.
struct Guard(Vec<(usize, Option<i64>)>);

impl Guard {
    /// Adds a term that is 0 where a part did not write all that it must, and 1 otherwise.
    fn add_to(self, statement: &mut SqlBuilder) {
        statement.then("CASE");
        for (part, must) in self.0 {
            statement.then(" WHEN (SELECT count(*) FROM ").name(&name(part));
            match must {
                Some(rows) => statement.then(") <> ?::bigint THEN 0").bind(rows),
                // Only to have it run in its turn.
                None => statement.then(") < 0 THEN 0"),
            };
        }
        statement.then(" WHEN FALSE THEN 0 ELSE 1 END");
    }
}

fn name(part: usize) -> String {
    format!("p{part}")
}

fn parts(
    statement: &mut SqlBuilder,
    tables: Vec<(Table, Rows)>,
    first: usize,
    guarded: bool,
) -> Result<Guard, StoreError> {
    let mut guard = Vec::new();
    for (place, (table, rows)) in tables.into_iter().enumerate() {
        let part = first + place;
        let insert = table.statement();
        let count = i64::try_from(rows.len()).map_err(|error| StoreError::Refused(error.to_string()))?;
        statement.name(&name(part)).then(" AS (").then(insert.before);
        statement.rows(rows)?.then(insert.names);
        if guarded {
            statement.then(", go");
        }
        statement.then(insert.after);
        if table == Table::Journal {
            statement
                .then("), journal AS (")
                .then(WRITE_JOURNAL)
                .name(&name(part))
                .then("), outbox AS (")
                .then(WRITE_OUTBOX)
                .name(&name(part))
                .then(" WHERE envelope IS NOT NULL), ");
        } else {
            statement.then(" RETURNING 1), ");
        }
        guard.push((part, insert.whole.then_some(count)));
    }
    Ok(Guard(guard))
}
