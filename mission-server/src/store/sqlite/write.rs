//! Writes the changes of a batch with one statement a table, whatever their number.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mission_core::{
    MissionId, UserId,
    engine::{ClaimHolder, Command},
    fraud::DeviceHash,
    mission::BudgetUse,
    ports::store::{Change, Claim, Friendship, JournalEntry, Picture, Root, StoreError},
    serde_name,
};

use serde::Serialize;
use uuid::Uuid;

use super::rows::Rows;
use crate::store::{
    micros::{budget_micros, total_micros},
    record::{OutboxEnvelope, root_id, root_kind},
    sql_builder::SqlBuilder,
};

/// How a commit guards what must be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UniquenessGuard {
    /// The constraints guard: whatever stands against a row fails the whole script.
    Constraints,
    /// Everything was looked up in the same transaction.
    LookedUp,
}

/// Adds the statements for changes of which none stands against another.
pub(super) fn write(
    script: &mut SqlBuilder,
    changes: &[&Change],
    guard: UniquenessGuard,
) -> Result<(), StoreError> {
    let mut batch = BatchRows {
        entries_left: changes.iter().map(|change| change.journal.len()).sum(),
        ..BatchRows::default()
    };
    for change in changes {
        batch.add(change)?;
    }
    batch.into_script(script, guard)
}

/// The holder of a claim, and since when.
struct ClaimRecord {
    holder: ClaimHolder,
    at: Option<DateTime<Utc>>,
}

/// The rows of a batch, a table each.
#[derive(Default)]
struct BatchRows {
    erased: Rows,
    users: Rows,
    missions: Rows,
    packs: Rows,
    tasks: Rows,
    participations: Rows,
    rewards: Rows,
    reviews: Rows,
    days: Rows,
    gone: [Rows; 5],
    /// What becomes of each claim in the end, and since when.
    claims: BTreeMap<Claim, Option<ClaimRecord>>,
    released: BTreeSet<Claim>,
    budgets: BTreeMap<MissionId, BudgetUse>,
    sightings: BTreeMap<(DeviceHash, UserId), DateTime<Utc>>,
    friendships: BTreeMap<(UserId, UserId), Friendship>,
    pictures: Vec<Picture>,
    refused_evidence: BTreeMap<(DateTime<Utc>, MissionId), u64>,
    old_receipts: Rows,
    audit: Rows,
    journal: Rows,
    outbox: Rows,
    /// Journal entries that come after the one that is added.
    entries_left: usize,
    catalog_changes: u32,
}

impl BatchRows {
    fn add(&mut self, change: &Change) -> Result<(), StoreError> {
        let write_set = &change.write_set;
        let at = change.journal.iter().map(|entry| entry.request.at).max();
        for user in &write_set.erasures {
            self.erased.row().id(user.0).optional_instant(at);
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
            *sum = sum.plus(reservation.used);
        }
        self.sightings.extend(write_set.sightings.clone());
        Friendship::merge_latest(&mut self.friendships, &write_set.friendships);
        self.pictures.extend(&write_set.pictures);
        for (key, count) in &write_set.refused_evidence {
            *self.refused_evidence.entry(*key).or_default() += count;
        }
        for entry in &write_set.audit {
            let row = self.audit.row().id(entry.id).instant(entry.at);
            row.optional_id(entry.actor.map(|id| id.0))
                .text(&entry.subject)
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
            let (id, next) = (root_id(*root), version.next().0);
            match root {
                Root::User(user) => root_row(&mut self.users, id, next, writes.user.get(user))?,
                Root::Mission(mission) => {
                    root_row(&mut self.missions, id, next, writes.mission.get(mission))?;
                }
                Root::Pack(pack) => root_row(&mut self.packs, id, next, writes.pack.get(pack))?,
            }
            self.catalog_changes += u32::from(!matches!(root, Root::User(_)));
        }
        Ok(())
    }

    fn records(&mut self, change: &Change) -> Result<(), StoreError> {
        let writes = &change.write_set.writes;
        let [no_tasks, no_participations, no_rewards, no_reviews, no_days] = &mut self.gone;
        for ((user, id), task) in &writes.task {
            let Some(task) = task else {
                no_tasks.row().id(user.0).id(id.0);
                continue;
            };
            let row = self.tasks.row().id(user.0).id(id.0).id(task.mission_id.0);
            row.text(&serde_name(task.status))
                .instant(task.started_at)
                .optional_instant(task.completed_at)
                .optional_instant(task.due_at);
            match &task.verification {
                Some(found) => row.instant(found.verified_at).number(u8::from(found.is_valid)),
                None => row.null().null(),
            };
            row.record(task)?;
        }
        for ((user, mission), participation) in &writes.participation {
            match participation {
                Some(participation) => {
                    let row = self.participations.row().id(user.0).id(mission.0);
                    match participation.comparison {
                        Some(_) => row.number(1),
                        None => row.null(),
                    };
                    row.record(participation)?;
                }
                None => {
                    no_participations.row().id(user.0).id(mission.0);
                }
            }
        }
        for ((user, id), reward) in &writes.reward {
            let Some(reward) = reward else {
                no_rewards.row().id(user.0).id(id.0);
                continue;
            };
            let row = self.rewards.row().id(user.0).id(id.0);
            row.text(&serde_name(reward.reward_type))
                .id(reward.source_id)
                .optional_id(reward.mission_id.map(|id| id.0))
                .text(&serde_name(reward.status))
                .number(total_micros(&reward.amount))
                .optional_instant(reward.claimed_at)
                .optional_instant(reward.expires_at)
                .optional_instant(reward.points_revoked_at())
                .record(reward)?;
        }
        for ((user, id), review) in &writes.review {
            match review {
                Some(review) => {
                    let row = self.reviews.row().id(user.0).id(id.0);
                    row.text(&serde_name(review.status)).record(review)?;
                }
                None => {
                    no_reviews.row().id(user.0).id(id.0);
                }
            }
        }
        for ((user, date), day) in &writes.check_in_day {
            match day {
                Some(day) => {
                    let row = self.days.row().id(user.0).date(*date).id(day.id.0);
                    row.instant(day.checked_in_at).record(day)?;
                }
                None => {
                    no_days.row().id(user.0).date(*date);
                }
            }
        }
        Ok(())
    }

    fn journal(&mut self, change: &Change) -> Result<(), StoreError> {
        for (place, entry) in change.journal.iter().enumerate() {
            let request = &entry.request;
            let receipt = request.receipt;
            let row = self.journal.row();
            row.text(root_kind(entry.root))
                .id(root_id(entry.root))
                .instant(request.at)
                .text(request.command.name());
            if request.keyed {
                row.id(receipt.caller)
                    .id(receipt.command.0)
                    .text(&String::from(request.fingerprint))
                    .null();
                self.old_receipts.row().id(receipt.caller).id(receipt.command.0);
            } else {
                row.null().null().null().id(receipt.command.0);
            }
            if erased_afterwards(&change.journal[place + 1..], entry) {
                row.no_record();
            } else {
                row.record(&(&request.command, &request.signals))?;
            }
            row.record(&entry.answer)?;
            self.entries_left -= 1;
            if !entry.events.is_empty() {
                let correlation_id = &request.signals.correlation_id;
                let row = self.outbox.row().number(self.entries_left as u64);
                row.text(root_kind(entry.root))
                    .id(root_id(entry.root))
                    .instant(request.at)
                    .record(&OutboxEnvelope::new(correlation_id, &entry.events))?;
            }
        }
        Ok(())
    }

    fn into_script(self, script: &mut SqlBuilder, guard: UniquenessGuard) -> Result<(), StoreError> {
        if !self.erased.is_empty() {
            let erased = self.erased.into_text();
            for statement in sql::ERASURE {
                script.then(statement).bind(erased.clone());
            }
        }
        let mut add = |sql: &'static str, rows: Rows| -> Result<(), StoreError> {
            if !rows.is_empty() {
                let (records, text) = rows.into_parts();
                script.then(sql);
                if sql.contains(sql::RECORDS) {
                    script.bind(records);
                }
                script.bind(text);
            }
            Ok(())
        };
        add(sql::USERS, self.users)?;
        add(sql::MISSIONS, self.missions)?;
        add(sql::PACKS, self.packs)?;
        let [tasks, participations, rewards, reviews, days] = self.gone;
        add(sql::NO_TASKS, tasks)?;
        add(sql::NO_PARTICIPATIONS, participations)?;
        add(sql::NO_REWARDS, rewards)?;
        add(sql::NO_REVIEWS, reviews)?;
        add(sql::NO_DAYS, days)?;
        add(sql::TASKS, self.tasks)?;
        add(sql::PARTICIPATIONS, self.participations)?;
        add(sql::REWARDS, self.rewards)?;
        add(sql::REVIEWS, self.reviews)?;
        match guard {
            UniquenessGuard::Constraints => add(sql::NEW_DAYS, self.days)?,
            UniquenessGuard::LookedUp => add(sql::DAYS, self.days)?,
        }
        let mut released = Rows::default();
        for claim in &self.released {
            let (kind, key) = claim.storage_key();
            released.row().text(kind).bytes(key.as_bytes());
        }
        add(sql::RELEASES, released)?;
        let mut claims = Rows::default();
        for (claim, taken) in &self.claims {
            if let Some(ClaimRecord { holder, at }) = taken {
                let (kind, key) = claim.storage_key();
                let row = claims.row().text(kind).bytes(key.as_bytes());
                row.id(*holder).optional_instant(*at);
            }
        }
        add(sql::CLAIMS, claims)?;
        let mut budgets = Rows::default();
        for (mission, used) in &self.budgets {
            let row = budgets.row().id(mission.0);
            row.number(budget_micros(*used)?).number(used.grants);
        }
        add(sql::BUDGETS, budgets)?;
        let mut sightings = Rows::default();
        for ((device, user), seen) in &self.sightings {
            sightings.row().id(user.0).text(device.as_str()).instant(*seen);
        }
        add(sql::SIGHTINGS, sightings)?;
        let mut friendships = Rows::default();
        for ((user, friend), told) in &self.friendships {
            let row = friendships.row().id(user.0).id(friend.0);
            row.number(u8::from(told.are_friends)).instant(told.at);
        }
        add(sql::FRIENDSHIPS, friendships)?;
        let mut pictures = Rows::default();
        for picture in &self.pictures {
            for band in picture.hash.bands() {
                let row = pictures.row().number(band).id(picture.file.0);
                row.id(picture.user.0)
                    .id(picture.task.0)
                    .number(picture.hash.0.cast_signed());
            }
        }
        add(sql::PICTURES, pictures)?;
        let mut refused_evidence = Rows::default();
        for ((hour, mission), count) in &self.refused_evidence {
            let row = refused_evidence.row().instant(*hour).id(mission.0);
            row.number(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        add(sql::REFUSED_EVIDENCE, refused_evidence)?;
        if guard == UniquenessGuard::LookedUp {
            add(sql::OLD_RECEIPTS, self.old_receipts)?;
        }
        add(sql::AUDIT, self.audit)?;
        add(sql::JOURNAL, self.journal)?;
        add(sql::OUTBOX, self.outbox)?;
        if self.catalog_changes > 0 {
            script.then(sql::CATALOG).bind(i64::from(self.catalog_changes));
        }
        Ok(())
    }
}

/// The row of a root: whether its record is written, and the record.
fn root_row<V: Serialize>(
    rows: &mut Rows,
    id: Uuid,
    version: u64,
    written: Option<&Option<V>>,
) -> Result<(), StoreError> {
    let row = rows.row().id(id).number(version);
    match written {
        None => row.number(0).no_record(),
        Some(None) => row.number(1).no_record(),
        Some(Some(record)) => row.number(1).record(record)?,
    };
    Ok(())
}

/// Whether the same change goes on to erase the user of whom an entry tells: then the journal is not to keep it.
fn erased_afterwards(later: &[JournalEntry], entry: &JournalEntry) -> bool {
    later
        .iter()
        .any(|one| one.root == entry.root && matches!(one.request.command, Command::EraseUser(_)))
}

/// The statements, in the order in which they are run. Each binds one JSON text, behind the records where it has some.
mod sql {
    /// What stands in every statement that reads records.
    pub(super) const RECORDS: &str = "? AS records";
    /// The rows of such a statement.
    macro_rules! rows {
        () => {
            " FROM (SELECT ? AS records), json_each(?)"
        };
    }
    /// The record whose place and length are these two values.
    macro_rules! record {
        ($place:literal, $length:literal) => {
            concat!(
                "CAST(substr(records, value->>",
                $place,
                ", value->>",
                $length,
                ") AS TEXT)"
            )
        };
    }
    macro_rules! of_erased {
        ($start:literal, $column:literal, $end:literal) => {
            concat!(
                $start,
                " WHERE ",
                $column,
                " IN (SELECT unhex(value->>0) FROM json_each(?))",
                $end,
                ";"
            )
        };
    }
    macro_rules! root {
        ($table:literal, $key:literal) => {
            concat!(
                "INSERT INTO ",
                $table,
                " (",
                $key,
                ", version, data) SELECT unhex(value->>0), value->>1,
                CASE WHEN value->>2 THEN ",
                record!(3, 4),
                " ELSE (SELECT known.data FROM ",
                $table,
                " known WHERE known.",
                $key,
                " = unhex(value->>0)) END",
                rows!(),
                " WHERE TRUE
                ON CONFLICT (",
                $key,
                ") DO UPDATE SET version = excluded.version, data = excluded.data;"
            )
        };
    }
    macro_rules! gone {
        ($table:literal, $key:literal, $value:literal) => {
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE (user_id, ",
                $key,
                ") IN (SELECT unhex(value->>0), ",
                $value,
                " FROM json_each(?));"
            )
        };
    }

    /// All that goes with a user; what has not left yet stays without what it rested on.
    pub(super) const ERASURE: [&str; 16] = [
        "INSERT INTO archive_erasures (user_id, erased_at) SELECT unhex(value->>0), coalesce(value->>1, 0)
            FROM json_each(?) WHERE TRUE ON CONFLICT (user_id) DO NOTHING;",
        of_erased!(
            "UPDATE audit SET data = json_remove(data, '$.before', '$.after')",
            "user_id",
            ""
        ),
        of_erased!("DELETE FROM tasks", "user_id", ""),
        of_erased!("DELETE FROM participations", "user_id", ""),
        of_erased!("DELETE FROM rewards", "user_id", ""),
        of_erased!("DELETE FROM reviews", "user_id", ""),
        of_erased!("DELETE FROM check_in_days", "user_id", ""),
        of_erased!("DELETE FROM sightings", "user_id", ""),
        of_erased!("DELETE FROM friendships", "user_id", ""),
        of_erased!("DELETE FROM friendships", "friend_id", ""),
        of_erased!("DELETE FROM pictures", "user_id", ""),
        of_erased!("DELETE FROM ring_members", "user_id", ""),
        of_erased!("UPDATE ring_members SET invited_by = NULL", "invited_by", ""),
        of_erased!("UPDATE users SET data = NULL", "user_id", ""),
        of_erased!("UPDATE journal SET caller = NULL, command = NULL", "caller", ""),
        of_erased!("DELETE FROM journal", "root_id", " AND root_kind = 'user'"),
    ];
    pub(super) const USERS: &str = root!("users", "user_id");
    pub(super) const MISSIONS: &str = root!("missions", "id");
    pub(super) const PACKS: &str = root!("packs", "id");
    pub(super) const NO_TASKS: &str = gone!("tasks", "id", "unhex(value->>1)");
    pub(super) const NO_PARTICIPATIONS: &str = gone!("participations", "mission_id", "unhex(value->>1)");
    pub(super) const NO_REWARDS: &str = gone!("rewards", "id", "unhex(value->>1)");
    pub(super) const NO_REVIEWS: &str = gone!("reviews", "id", "unhex(value->>1)");
    pub(super) const NO_DAYS: &str = gone!("check_in_days", "date", "value->>1");
    /// Of a task that has expired the record no longer says when, which is what it is kept by.
    pub(super) const TASKS: &str = concat!(
        "INSERT INTO tasks AS t
        (user_id, id, mission_id, status, started_at, completed_at, due_at, verified_at, is_valid, data)
        SELECT unhex(value->>0), unhex(value->>1), unhex(value->>2), value->>3, value->>4, value->>5, value->>6,
            value->>7, value->>8, ",
        record!(9, 10),
        rows!(),
        " WHERE TRUE
        ON CONFLICT (user_id, id) DO UPDATE SET status = excluded.status, started_at = excluded.started_at,
            completed_at = excluded.completed_at,
            due_at = CASE WHEN excluded.status = 'expired' THEN t.due_at ELSE excluded.due_at END,
            verified_at = excluded.verified_at, is_valid = excluded.is_valid,
            data = excluded.data;"
    );
    pub(super) const PARTICIPATIONS: &str = concat!(
        "INSERT INTO participations (user_id, mission_id, is_shadow, data)
        SELECT unhex(value->>0), unhex(value->>1), value->>2, ",
        record!(3, 4),
        rows!(),
        " WHERE TRUE
        ON CONFLICT (user_id, mission_id) DO UPDATE SET is_shadow = excluded.is_shadow, data = excluded.data;"
    );
    pub(super) const REWARDS: &str = concat!(
        "INSERT INTO rewards
        (user_id, id, reward_type, source_id, mission_id, status, total_micros, claimed_at, expires_at, revoked_at, data)
        SELECT unhex(value->>0), unhex(value->>1), value->>2, unhex(value->>3), unhex(value->>4), value->>5, value->>6,
            value->>7, value->>8, value->>9, ",
        record!(10, 11),
        rows!(),
        " WHERE TRUE
        ON CONFLICT (user_id, id) DO UPDATE SET reward_type = excluded.reward_type, source_id = excluded.source_id,
            status = excluded.status, total_micros = excluded.total_micros, claimed_at = excluded.claimed_at,
            expires_at = excluded.expires_at, revoked_at = excluded.revoked_at, data = excluded.data;"
    );
    pub(super) const REVIEWS: &str = concat!(
        "INSERT INTO reviews (user_id, id, status, data)
        SELECT unhex(value->>0), unhex(value->>1), value->>2, ",
        record!(3, 4),
        rows!(),
        " WHERE TRUE
        ON CONFLICT (user_id, id) DO UPDATE SET status = excluded.status, data = excluded.data;"
    );
    /// A day that is there already fails.
    pub(super) const NEW_DAYS: &str = concat!(
        "INSERT INTO check_in_days (user_id, date, id, checked_in_at, data)
        SELECT unhex(value->>0), value->>1, unhex(value->>2), value->>3, ",
        record!(4, 5),
        rows!(),
        ";"
    );
    pub(super) const DAYS: &str = concat!(
        "INSERT INTO check_in_days (user_id, date, id, checked_in_at, data)
        SELECT unhex(value->>0), value->>1, unhex(value->>2), value->>3, ",
        record!(4, 5),
        rows!(),
        " WHERE TRUE
        ON CONFLICT (user_id, date) DO UPDATE SET checked_in_at = excluded.checked_in_at, data = excluded.data;"
    );
    pub(super) const RELEASES: &str = "DELETE FROM claims
        WHERE (kind, key) IN (SELECT value->>0, unhex(value->>1) FROM json_each(?));";
    pub(super) const CLAIMS: &str = "INSERT INTO claims (kind, key, holder, taken_at)
        SELECT value->>0, unhex(value->>1), unhex(value->>2), value->>3 FROM json_each(?);";
    pub(super) const BUDGETS: &str = "INSERT INTO budgets (mission_id, points_micros, grants)
        SELECT unhex(value->>0), value->>1, value->>2 FROM json_each(?) WHERE TRUE
        ON CONFLICT (mission_id) DO UPDATE SET points_micros = points_micros + excluded.points_micros,
            grants = grants + excluded.grants;";
    pub(super) const SIGHTINGS: &str = "INSERT INTO sightings (user_id, device, seen_at)
        SELECT unhex(value->>0), value->>1, value->>2 FROM json_each(?) WHERE TRUE
        ON CONFLICT (user_id, device) DO UPDATE SET seen_at = excluded.seen_at;";
    pub(super) const FRIENDSHIPS: &str = "INSERT INTO friendships AS known (user_id, friend_id, are_friends, told_at)
        SELECT unhex(value->>0), unhex(value->>1), value->>2, value->>3 FROM json_each(?) WHERE TRUE
        ON CONFLICT (user_id, friend_id) DO UPDATE SET are_friends = excluded.are_friends, told_at = excluded.told_at
        WHERE excluded.told_at >= known.told_at;";
    pub(super) const PICTURES: &str = "INSERT INTO pictures (band, file_id, user_id, task_id, hash)
        SELECT value->>0, unhex(value->>1), unhex(value->>2), unhex(value->>3), value->>4 FROM json_each(?);";
    pub(super) const REFUSED_EVIDENCE: &str = "INSERT INTO activity (kind, times, at, mission_id)
        SELECT 6, value->>2, value->>0, unhex(value->>1) FROM json_each(?);";
    pub(super) const OLD_RECEIPTS: &str = "UPDATE journal SET caller = NULL, command = NULL
        WHERE (caller, command) IN (SELECT unhex(value->>0), unhex(value->>1) FROM json_each(?));";
    pub(super) const AUDIT: &str = concat!(
        "INSERT INTO audit (id, recorded_at, actor, subject, user_id, data)
        SELECT unhex(value->>0), value->>1, unhex(value->>2), value->>3, unhex(value->>4), ",
        record!(5, 6),
        rows!(),
        ";"
    );
    pub(super) const JOURNAL: &str = concat!(
        "INSERT INTO journal
        (root_kind, root_id, recorded_at, name, caller, command, fingerprint, engine_id, request, answer)
        SELECT value->>0, unhex(value->>1), value->>2, value->>3, unhex(value->>4), unhex(value->>5),
            unhex(value->>6), unhex(value->>7), ",
        record!(8, 9),
        ", ",
        record!(10, 11),
        rows!(),
        ";"
    );
    /// The first value says how many entries of the same script came after this one, and so its number.
    pub(super) const OUTBOX: &str = concat!(
        "INSERT INTO outbox_entries (number, root_kind, root_id, recorded_at, envelope)
        SELECT (SELECT max(number) FROM journal) - (value->>0), value->>1, unhex(value->>2), value->>3, ",
        record!(4, 5),
        rows!(),
        ";"
    );
    pub(super) const CATALOG: &str = "UPDATE counters SET value = value + ? WHERE name = 'catalogue';";
}
