//! Changes as the engine makes them.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use mission_core::{
    CheckInDayId, CommandId, EventId, MissionId, RewardId, TaskId, UserId,
    check_in::{CheckInDay, Earned},
    engine::{
        Command, EraseUser, Fingerprint, OutboundEvent, ReceiptKey, RegisterUser, Reply, Request, Signals,
        UserSaved,
    },
    event::{IntegrationEvent, UserErased},
    mission::Period,
    ports::store::{Change, JournalEntry, Root, Version},
    reward::{Reward, RewardAmount, RewardStatus, RewardType},
    task::{Progress, Tally, Task, TaskStatus},
    testing::{at, date, user},
    user::User,
};
use uuid::Uuid;

pub(crate) fn noon() -> DateTime<Utc> {
    at("2026-01-05T12:00:00Z")
}

pub(crate) fn fresh() -> Uuid {
    static LAST: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(0x7000 << 64 | u128::from(LAST.fetch_add(1, Ordering::Relaxed)))
}

/// A change of a user who was read at a version, with one journal entry.
pub(crate) fn change(who: u64, version: u64) -> Change {
    let mut change = Change::default();
    let root = Root::User(user(who));
    change.expected.insert(root, Version(version));
    let record = User::new(user(who), noon());
    change.write_set.writes.user.insert(user(who), Some(record));
    change.journal.push(entry(who, noon()));
    change
}

pub(crate) fn entry(who: u64, recorded_at: DateTime<Utc>) -> JournalEntry {
    JournalEntry {
        root: Root::User(user(who)),
        request: Request {
            receipt: ReceiptKey {
                caller: Uuid::nil(),
                command: CommandId(fresh()),
            },
            fingerprint: Fingerprint::default(),
            keyed: true,
            at: recorded_at,
            signals: Signals::default(),
            command: Command::RegisterUser(RegisterUser {
                user: user(who),
                registered_at: None,
                display_name: None,
            }),
        },
        answer: Ok(Reply::UserSaved(UserSaved {
            user: User::new(user(who), recorded_at),
        })),
        events: Vec::new(),
    }
}

/// The change by which the engine erases a user.
pub(crate) fn erasure(who: u64, version: u64) -> Change {
    let mut change = change(who, version);
    change.write_set.erasures.insert(user(who));
    let tombstone = User::tombstone(user(who), noon());
    change.write_set.writes.user.insert(user(who), Some(tombstone));
    change.journal[0].request.command = Command::EraseUser(EraseUser { user: user(who) });
    change.journal[0].events.push(event(user(who)));
    change
}

pub(crate) fn event(user_id: UserId) -> OutboundEvent {
    OutboundEvent {
        id: EventId(fresh()),
        event: IntegrationEvent::UserErased(UserErased {
            user_id,
            erased_at: noon(),
        }),
    }
}

pub(crate) fn reward(who: u64, source_id: Uuid) -> Reward {
    Reward {
        id: RewardId(fresh()),
        user_id: user(who),
        source_id,
        stage: None,
        mission_version: None,
        revoked_at: None,
        mission_id: None,
        is_budgeted: false,
        reward_type: RewardType::CheckInDaily,
        status: RewardStatus::Claimed,
        amount: RewardAmount::new(10.into(), 1.into()),
        experience_points: 0,
        mining_boost_percent: mission_core::Percent::ZERO,
        badge_id: None,
        withheld: mission_core::Points::ZERO,
        caps: Vec::new(),
        earned_at: noon(),
        claimed_at: Some(noon()),
        expires_at: None,
    }
}

pub(crate) fn day(on: &str) -> CheckInDay {
    CheckInDay {
        id: CheckInDayId(fresh()),
        date: date(on),
        streak: 1,
        earned: Earned::default(),
        freezes_used: 0,
        dates_between: 0,
        checked_in_at: noon(),
    }
}

/// An open task that is due at an instant.
pub(crate) fn task(who: u64, due_at: DateTime<Utc>) -> Task {
    Task {
        id: TaskId(fresh()),
        user_id: user(who),
        mission_id: MissionId(fresh()),
        tally: Tally::default(),
        days_away: 0,
        stages: 0,
        mission_version: 1,
        status: TaskStatus::InProgress,
        progress: Progress::new(3, noon()),
        evidence: None,
        verification: None,
        uploads: Vec::new(),
        reward_id: None,
        reward_claimed: false,
        would_earn: None,
        started_at: noon(),
        completed_at: None,
        period: Period::Ever,
        due_at: Some(due_at),
        version: 1,
    }
}
