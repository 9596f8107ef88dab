//! A clock that stands still, ids that count, and plain things to test with.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::{
    MissionId, Points, UserId,
    check_in::Zone,
    mission::{
        BaseReward, Counting, Definition, Frequency, LocalizedText, Mission, MissionStatus, MissionType,
        Triggers,
    },
    ports::clock::{Clock, Ids},
};

/// A clock that shows what it is set to. Clones share the time.
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<Mutex<DateTime<Utc>>>);

impl FixedClock {
    /// A clock that shows an instant.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        FixedClock(Arc::new(Mutex::new(now)))
    }

    /// Sets it.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids that count up, so that a test's are the same at every run.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl CountingIds {
    /// Ids that no other generator with another `from` will give.
    #[must_use]
    pub fn starting_at(from: u64) -> Self {
        CountingIds(AtomicU64::new(from))
    }
}

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(
            0x7000_u128 << 64 | 0x8000_u128 << 48 | u128::from(self.0.fetch_add(1, Ordering::Relaxed)),
        )
    }
}

/// An instant out of its RFC 3339 text.
///
/// # Panics
/// When the text is no instant.
#[must_use]
#[expect(clippy::expect_used, reason = "a typing error in a test is to stop it")]
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an RFC 3339 instant")
}

/// A date out of its ISO text.
///
/// # Panics
/// When the text is no date.
#[must_use]
#[expect(clippy::expect_used, reason = "a typing error in a test is to stop it")]
pub fn date(text: &str) -> NaiveDate {
    text.parse().expect("an ISO date")
}

/// A zone by its name.
///
/// # Panics
/// When there is no such zone.
#[must_use]
#[expect(clippy::expect_used, reason = "a typing error in a test is to stop it")]
pub fn zone(name: &str) -> Zone {
    name.parse().expect("a zone of the IANA database")
}

/// Points out of their decimal text.
///
/// # Panics
/// When the text is no amount.
#[must_use]
#[expect(clippy::expect_used, reason = "a typing error in a test is to stop it")]
pub fn points(text: &str) -> Points {
    Points::new(text.parse().expect("a decimal")).expect("an amount of points")
}

/// The user with a number.
#[must_use]
pub fn user(number: u64) -> UserId {
    UserId(numbered(0xA, number))
}

/// The mission with a number.
#[must_use]
pub fn mission_id(number: u64) -> MissionId {
    MissionId(numbered(0xB, number))
}

fn numbered(kind: u128, number: u64) -> Uuid {
    Uuid::from_u128((kind << 112) | (0x7000_u128 << 64) | (0x8000_u128 << 48) | u128::from(number))
}

/// The plainest definition there can be: once, without trigger, for 50 points.
///
/// # Panics
/// When the code is none.
#[must_use]
#[expect(clippy::expect_used, reason = "a typing error in a test is to stop it")]
pub fn definition(code: &str) -> Definition {
    Definition {
        code: code.parse().expect("a mission code"),
        mission_type: MissionType::Custom,
        category: String::new(),
        title: LocalizedText::english(code).expect("a title"),
        description: LocalizedText::english("What there is to do.").expect("a description"),
        frequency: Frequency::OneTime,
        max_completions: None,
        priority: 0,
        target: 1,
        auto_start: false,
        starts_at: None,
        ends_at: None,
        trigger: Triggers::default(),
        count: Counting::default(),
        streak: None,
        stage: Vec::new(),
        reward: BaseReward {
            points: 50.into(),
            ..BaseReward::default()
        },
        rules: Vec::new(),
        evidence: None,
        requires: Vec::new(),
        cooldown_seconds: 0,
        budget: None,
        apply_to_running: false,
        shadow: false,
        shadow_of: None,
        rules_script: None,
        script: None,
    }
}

/// A mission that is active, made long ago.
#[must_use]
pub fn active(number: u64, definition: Definition) -> Mission {
    Mission {
        id: mission_id(number),
        definition,
        status: MissionStatus::Active,
        pack: None,
        dropped_from: None,
        running_version: 0,
        editions: Vec::new(),
        created_at: DateTime::UNIX_EPOCH,
        version: 1,
    }
}
