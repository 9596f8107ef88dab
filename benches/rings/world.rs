//! The population, as it grows.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
};

use chrono::{DateTime, Duration, Utc};
use fastrand::Rng;
use mission_core::{
    UserId,
    fraud::{
        DeviceHash,
        rings::{AccountFacts, CheckInMoment, Sighting},
    },
};
use uuid::Uuid;

use crate::{people, planted};

/// What somebody who farms rewards does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Many accounts on some phones.
    Phones,
    /// Many emulators behind one address.
    Emulators,
    /// A script that goes through its accounts, each behind an address of its own.
    Script,
    /// Accounts that invite each other in circles.
    Referrals,
    /// A script that checks in at midnight.
    Midnight,
    /// A little of everything.
    Mixed,
}

/// How much was planted of a kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planted {
    pub(crate) rings: usize,
    pub(crate) accounts: usize,
}

/// So many days are told.
pub(crate) const DAYS: i64 = 60;

/// Everybody, and who is a fraud.
pub(crate) struct World {
    pub(crate) now: DateTime<Utc>,
    pub(crate) accounts: Vec<AccountFacts>,
    pub(crate) kind_of: HashMap<UserId, Kind>,
    pub(crate) planted: BTreeMap<Kind, Planted>,
    pub(crate) random: Rng,
    names: u64,
}

impl World {
    pub(crate) fn generate(seed: u64, accounts: usize) -> Result<Self, Box<dyn Error>> {
        let mut world = World {
            now: "2026-06-30T09:41:00Z".parse()?,
            accounts: Vec::with_capacity(accounts),
            kind_of: HashMap::new(),
            planted: BTreeMap::new(),
            random: Rng::with_seed(seed),
            names: 0,
        };
        // About one account in twenty-five.
        planted::plant(&mut world, accounts / 25);
        people::settle(&mut world, accounts);
        let World { accounts, random, .. } = &mut world;
        random.shuffle(accounts);
        Ok(world)
    }

    /// When the time that is told began.
    pub(crate) fn begin(&self) -> DateTime<Utc> {
        self.now - Duration::days(DAYS)
    }

    /// A name that nothing else has.
    pub(crate) fn name(&mut self, of: &str) -> String {
        self.names += 1;
        format!("{of} {}", self.names)
    }

    /// A new account; its index.
    pub(crate) fn account(&mut self, created_at: DateTime<Utc>) -> usize {
        let user = UserId(Uuid::from_u128(self.random.u128(..)));
        self.accounts.push(AccountFacts::new(user, created_at));
        self.accounts.len() - 1
    }

    pub(crate) fn on_device(&mut self, account: usize, device: &str) {
        let device = DeviceHash::of(device);
        let account = &mut self.accounts[account];
        if account.devices.iter().all(|known| known.of != device) {
            account.devices.push(Sighting {
                of: device,
                first_seen_at: account.created_at,
            });
        }
    }

    pub(crate) fn at_address(&mut self, account: usize, address: &str) {
        let account = &mut self.accounts[account];
        if account.addresses.iter().all(|known| known.of != address) {
            account.addresses.push(Sighting {
                of: address.to_owned(),
                first_seen_at: account.created_at,
            });
        }
    }

    /// A device of its own.
    pub(crate) fn own_device(&mut self, account: usize) {
        let device = self.name("phone");
        self.on_device(account, &device);
    }

    /// A check-in, unless the account is younger or the time is not yet.
    pub(crate) fn check_in(&mut self, account: usize, at: DateTime<Utc>, utc_offset: i64) {
        let account = &mut self.accounts[account];
        if at < account.created_at || at > self.now {
            return;
        }
        let local = (at.timestamp() + utc_offset * 3600).rem_euclid(24 * 3600);
        account.check_ins.push(CheckInMoment {
            at,
            after_midnight: u32::try_from(local).unwrap_or(0),
        });
    }

    /// Something else that it does.
    pub(crate) fn act(&mut self, account: usize, at: DateTime<Utc>) {
        let account = &mut self.accounts[account];
        if at >= account.created_at && at <= self.now {
            account.actions.push(at);
        }
    }

    pub(crate) fn chance(&mut self, of: f64) -> bool {
        self.random.f64() < of
    }

    /// A number of a bell around a middle.
    pub(crate) fn around(&mut self, middle: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.random.f64()).sum();
        middle + deviation * (sum - 6.0)
    }

    /// How long to wait for what comes at any moment alike.
    pub(crate) fn waiting(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.random.f64()).ln()
    }
}

/// A duration of so many seconds, of which there can be parts.
pub(crate) fn seconds(count: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, reason = "some days of milliseconds")]
    Duration::milliseconds((count * 1000.0) as i64)
}
