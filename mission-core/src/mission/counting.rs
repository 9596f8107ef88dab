//! How the events that move a mission add up.

use serde::{Deserialize, Serialize};

use super::BaseReward;

/// How the events that move a mission add up: `events`, or `distinct:` and the path of what has to differ.
///
/// ```
/// use mission_core::mission::Counting;
/// let counting: Counting = "distinct:event.data.shop_id".parse()?;
/// assert_eq!(counting, Counting::Distinct("event.data.shop_id".to_owned()));
/// assert!("distinct".parse::<Counting>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Counting {
    /// Each adds what the hook `progress` says; 1 without it.
    #[default]
    Events,
    /// Progress is the number of different values that the events have at a path. What the hook `progress` gives 0 does
    /// not count, nor does an event without a value there.
    Distinct(String),
}

/// Progress is the longest run of periods, one after the other, in each of which an event counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StreakRule {
    /// What must follow each other, in the user's local time.
    #[serde(default)]
    pub period: StreakPeriod,
    /// Periods without an event that are forgiven in each gap.
    #[serde(default)]
    pub grace: u32,
    /// A freeze, which forgives one more, is earned at every Nth period of a run; 0 = never.
    #[serde(default)]
    pub freeze_every: u32,
    /// How many freezes can be held.
    #[serde(default)]
    pub freezes_max: u32,
}

/// The unit of a streak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StreakPeriod {
    /// Local days.
    #[default]
    Day,
    /// ISO weeks.
    Week,
    /// Calendar months.
    Month,
}

/// A threshold on the way to the target, with a reward of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The progress that reaches it.
    pub at: u64,
    /// What users call it, such as `silver`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What reaching it earns.
    #[serde(default)]
    pub reward: BaseReward,
}

/// The most stages of a mission.
pub const MAX_STAGES: usize = 50;

/// The largest target of a mission that counts different values, or a streak: each value and period is remembered.
pub const MAX_REMEMBERED: u64 = 1_000;

impl Counting {
    /// Whether it is the default.
    #[must_use]
    pub fn is_events(&self) -> bool {
        *self == Counting::Events
    }
}

impl std::str::FromStr for Counting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "events" => Ok(Counting::Events),
            Some(("distinct", path)) if path.trim().starts_with("event.") => {
                Ok(Counting::Distinct(path.trim().to_owned()))
            }
            _ => Err(format!(
                "must be `events`, or `distinct:` and a path of the event such as `distinct:event.data.shop_id`, not `{text}`"
            )),
        }
    }
}

impl TryFrom<String> for Counting {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Counting> for String {
    fn from(counting: Counting) -> String {
        match counting {
            Counting::Events => "events".to_owned(),
            Counting::Distinct(path) => format!("distinct:{path}"),
        }
    }
}

impl StreakPeriod {
    /// The number of a local date's period: that of the next period is one more.
    #[must_use]
    pub fn number_of(self, date: chrono::NaiveDate) -> i32 {
        use chrono::Datelike;
        match self {
            StreakPeriod::Day => date.num_days_from_ce(),
            // The first day of the common era was a Monday.
            StreakPeriod::Week => (date.num_days_from_ce() - 1).div_euclid(7),
            StreakPeriod::Month => date.year() * 12 + i32::try_from(date.month0()).unwrap_or_default(),
        }
    }
}

impl StreakRule {
    /// The longest run among the numbers of periods, in rising order, and the run that the last of them is in.
    ///
    /// ```
    /// use mission_core::mission::{StreakPeriod, StreakRule};
    /// let rule = StreakRule { period: StreakPeriod::Day, grace: 0, freeze_every: 0, freezes_max: 0 };
    /// assert_eq!(rule.runs([1, 2, 3, 7, 8]), (3, 2));
    /// assert_eq!(StreakRule { grace: 3, ..rule }.runs([1, 2, 3, 7, 8]), (5, 5));
    /// ```
    #[must_use]
    pub fn runs(&self, periods: impl IntoIterator<Item = i32>) -> (u32, u32) {
        let (mut longest, mut current, mut freezes) = (0_u32, 0_u32, 0_u32);
        let mut last: Option<i32> = None;
        for period in periods {
            let missed = last.map_or(0, |last| period.abs_diff(last).saturating_sub(1));
            let beyond = missed.saturating_sub(self.grace);
            if beyond > freezes {
                // As with check-ins: freezes that do not reach are kept.
                current = 0;
            } else {
                freezes -= beyond;
            }
            current += 1;
            if self.freeze_every > 0
                && current.is_multiple_of(self.freeze_every)
                && freezes < self.freezes_max
            {
                freezes += 1;
            }
            longest = longest.max(current);
            last = Some(period);
        }
        (longest, current)
    }
}
