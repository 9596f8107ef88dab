//! How many points a user can earn in a stretch of time by the missions of a pack.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Points,
    mission::{Frequency, Period},
};

/// The most points (bonuses with them) that a user can earn by missions of a pack, or of one category in it, in a local
/// day, week or month (`[[caps]]` of `pack.toml`). What a reward would have had beyond it is left out of the reward.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointsCap {
    /// The category of the missions; all of the pack without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// In a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Points>,
    /// In an ISO week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week: Option<Points>,
    /// In a calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<Points>,
}

/// What one user has earned under caps, by cap and period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CappedPoints(BTreeMap<String, Points>);

/// One limit of a cap at a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CapLimit {
    pub(crate) key: String,
    pub(crate) limit: Points,
}

/// Longer than any period and any late window: after it the sums of a period are forgotten.
const MEMORY: Days = Days::new(45);

impl PointsCap {
    /// Whether it limits the missions of a category.
    #[must_use]
    pub fn concerns(&self, category: &str) -> bool {
        self.category.as_deref().is_none_or(|capped| capped == category)
    }

    /// Its limits at a local date, with the keys under which a user's sums are kept.
    pub(crate) fn limits_at(&self, pack: &str, date: NaiveDate) -> impl Iterator<Item = CapLimit> {
        let category = self.category.as_deref().unwrap_or("*");
        [
            (self.day, Frequency::Daily),
            (self.week, Frequency::Weekly),
            (self.month, Frequency::Monthly),
        ]
        .into_iter()
        .filter_map(move |(limit, frequency)| Some((limit?, frequency.period_of(date))))
        .map(move |(limit, period)| CapLimit {
            key: format!("{pack}/{category}/{period}"),
            limit,
        })
    }
}

impl CappedPoints {
    /// Whether nothing was earned under a cap.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much more can be earned under all of some limits; `None` where there is none.
    pub(crate) fn left(&self, limits: &[CapLimit]) -> Option<Decimal> {
        let left = limits.iter().map(|cap| {
            let so_far = self.0.get(&cap.key).map_or(Decimal::ZERO, |points| points.get());
            (cap.limit.get() - so_far).max(Decimal::ZERO)
        });
        left.min()
    }

    /// Counts points under limits, and forgets periods that have long ended by a date.
    pub(crate) fn add(&mut self, keys: &[String], points: Decimal, date: NaiveDate) {
        self.0.retain(|key, _| {
            let period = key
                .rsplit('/')
                .next()
                .and_then(|period| period.parse::<Period>().ok());
            let end = period.and_then(Period::next_start);
            let forgotten = end.and_then(|end| end.checked_add_days(MEMORY));
            forgotten.is_some_and(|forgotten| date < forgotten)
        });
        for key in keys {
            let sum = self.0.entry(key.clone()).or_default();
            *sum = Points::new(sum.get() + points).unwrap_or(*sum);
        }
    }

    /// Gives points back that were counted.
    pub(crate) fn take(&mut self, keys: &[String], points: Decimal) {
        for key in keys {
            if let Some(sum) = self.0.get_mut(key) {
                *sum = Points::new((sum.get() - points).max(Decimal::ZERO)).unwrap_or_default();
            }
        }
    }
}
