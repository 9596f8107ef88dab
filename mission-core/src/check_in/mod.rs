//! Daily check-ins: whose day it is, how long the streak, and what it earns.

mod calendar;
pub(crate) mod decide;
mod policy;
mod streak;

pub use calendar::{UnknownZone, Zone, ZoneHistory};
pub use policy::{CheckInPolicy, InvalidPolicy, MonthlyDays, MonthlyRow, PolicyFile, Tier};
pub use streak::{CheckInState, MonthCount, PastStreak, Streak, StreakStep};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{CheckInDayId, Points};

/// One user's visit on one local day, and what it earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckInDay {
    /// The day's id; the `source_id` of its rewards.
    pub id: CheckInDayId,
    /// The user's local date.
    pub date: NaiveDate,
    /// The streak with this day.
    pub streak: u32,
    /// What it earned.
    pub earned: Earned,
    /// The freezes that kept the streak.
    pub freezes_used: u32,
    /// How many dates lie between it and the check-in before, where the streak was kept over some.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dates_between: u32,
    /// When.
    pub checked_in_at: DateTime<Utc>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl CheckInDay {
    /// Streaks from this length on are counted together.
    pub const LONGEST_COUNTED: u32 = 367;

    /// Under which length its streak is counted.
    #[must_use]
    pub fn counted_length(&self) -> u32 {
        self.streak.min(Self::LONGEST_COUNTED)
    }

    /// Whether the user had checked in on the date before.
    #[must_use]
    pub fn follows_the_day_before(&self) -> bool {
        self.streak > 1 && self.dates_between == 0
    }
}

/// The parts of what one check-in earns, each rounded once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earned {
    /// The policy's daily points.
    pub base: Points,
    /// The tier's percentage of them.
    pub streak_bonus: Points,
    /// For reaching a tier today.
    pub milestone_bonus: Points,
    /// For the number of days this month.
    pub monthly_reward: Points,
    /// Whether a milestone was reached whose bonus is rounded to nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpaid_milestone: bool,
}

impl Earned {
    /// The exact sum of the parts.
    #[must_use]
    pub fn total(&self) -> rust_decimal::Decimal {
        self.base.get() + self.streak_bonus.get() + self.milestone_bonus.get() + self.monthly_reward.get()
    }

    /// Whether a milestone with a bonus above 0 was reached, however little of it is paid.
    #[must_use]
    pub fn is_milestone(&self) -> bool {
        self.unpaid_milestone || !self.milestone_bonus.is_zero()
    }
}
