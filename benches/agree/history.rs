//! The history that everybody is told: who does what, and when.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use fastrand::Rng;
use mission_core::check_in::Zone;
use uuid::Uuid;

use crate::{action::UserAction, life};

/// What one user does at one instant, in order.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// The position in [`History::users`].
    pub(crate) user: usize,
    /// The `zoneinfo` of the token.
    pub(crate) token_zone: Option<Zone>,
    pub(crate) actions: Vec<UserAction>,
}

/// A whole history.
pub(crate) struct History {
    pub(crate) start: NaiveDate,
    pub(crate) users: Vec<Uuid>,
    pub(crate) instants: BTreeMap<DateTime<Utc>, Vec<Moment>>,
}

/// Days after which something odd happens to the calendars of the world within 400 days.
const STARTS: [&str; 8] = [
    "1993-05-01", // Kwajalein skips the 21st of August, Kiritimati the last day of 1994
    "1994-09-01",
    "2006-06-01", // St. John's changes its clocks at one minute past midnight
    "2011-03-01", // Samoa and Tokelau skip the 30th of December
    "2015-06-01",
    "2018-05-01", // Sao Paulo changes its clocks at midnight
    "2025-03-01",
    "2027-12-01", // a leap year
];

impl History {
    /// A history of some users over some days.
    pub(crate) fn generate(random: &mut Rng, users: u32, days: u32) -> Self {
        let start = random.choice(STARTS).and_then(|text| text.parse().ok());
        let start: NaiveDate = start.unwrap_or_default();
        let zones: Vec<Zone> = Zone::all().collect();
        let mut history = History {
            start,
            users: Vec::new(),
            instants: BTreeMap::new(),
        };
        for user in 0..users {
            let number = history.users.len();
            let id = u128::from(user) << 64 | u128::from(random.u64(..));
            let id = 0x0190_0000_0000_7000_8000_0000_0000_0000 | (id & 0x0fff_ffff_ffff_ffff_ffff_ffff);
            history.users.push(Uuid::from_u128(id));
            for (at, (token_zone, actions)) in life::generate(random, &zones, start, days, user) {
                let moment = Moment {
                    user: number,
                    token_zone,
                    actions,
                };
                history.instants.entry(at).or_default().push(moment);
            }
        }
        history
    }

    /// How many things happen.
    pub(crate) fn actions(&self) -> usize {
        let moments = self.instants.values().flatten();
        moments.map(|moment| moment.actions.len()).sum()
    }

    /// One user's moments, in order of time.
    pub(crate) fn of(&self, user: usize) -> impl Iterator<Item = (DateTime<Utc>, &Moment)> {
        self.instants.iter().filter_map(move |(at, moments)| {
            // They are pushed user by user.
            let found = moments.binary_search_by_key(&user, |moment| moment.user).ok()?;
            Some((*at, moments.get(found)?))
        })
    }
}
