//! What is known of an account that may belong to a ring.

use chrono::{DateTime, Utc};

use crate::{UserId, fraud::DeviceHash};

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// Whose.
    pub user: UserId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The devices that it came with.
    pub devices: Vec<Sighting<DeviceHash>>,
    /// The addresses that it came from, hashed; empty where `fraud.remember_addresses` is off and no pack judges risk.
    pub addresses: Vec<Sighting<String>>,
    /// Whose invite code it has shown.
    pub invited_by: Option<UserId>,
    /// Its check-ins.
    pub check_ins: Vec<CheckInMoment>,
    /// When it did anything else that earns.
    pub actions: Vec<DateTime<Utc>>,
}

/// Something that an account came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting<T> {
    /// What.
    pub of: T,
    /// When it came with it first.
    pub first_seen_at: DateTime<Utc>,
}

/// When an account checked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CheckInMoment {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Seconds since the local midnight before it.
    pub after_midnight: u32,
}

impl CheckInMoment {
    /// How many seconds the nearest midnight is away, before or after.
    #[must_use]
    pub fn from_midnight(self) -> u32 {
        const DAY: u32 = 24 * 60 * 60;
        self.after_midnight.min(DAY.saturating_sub(self.after_midnight))
    }
}

impl AccountFacts {
    /// An account of which no more is known.
    #[must_use]
    pub fn new(user: UserId, created_at: DateTime<Utc>) -> Self {
        AccountFacts {
            user,
            created_at,
            devices: Vec::new(),
            addresses: Vec::new(),
            invited_by: None,
            check_ins: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// When it did anything, after an instant; in no order.
    pub(super) fn moments(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let check_ins = self.check_ins.iter().map(|check_in| check_in.at);
        check_ins
            .chain(self.actions.iter().copied())
            .filter(move |at| *at > after)
    }
}
