//! How a check-in changes the streak, and what it earns: arithmetic without a clock.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{CheckInPolicy, Earned, MonthlyDays, ZoneHistory};
use crate::{AmountError, Points, PointsScale};

/// The check-in state of a user: streak, freezes, the current month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckInState {
    /// The local date of the last check-in.
    pub last_date: Option<NaiveDate>,
    /// The streak as of then.
    pub streak: Streak,
    /// Streak freezes held.
    pub freezes_held: u32,
    /// The calendar month of the last check-in.
    pub month: MonthCount,
    /// The milestones of the streak that were paid, by the `min_days` of their tiers. `None` in a record of before this
    /// was kept: then all that the streak had reached were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestones_paid: Option<Vec<u32>>,
}

/// A streak now, at its best, and all check-ins ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// Consecutive days up to the last check-in.
    pub current: u32,
    /// The longest there has been.
    pub longest: u32,
    /// All check-ins.
    pub total: u32,
}

/// Check-ins within one calendar month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthCount {
    /// The first day of the month.
    pub first: Option<NaiveDate>,
    /// Check-ins in it.
    pub count: u32,
    /// Dates of it, before the last check-in, that could not be missed.
    pub skipped: u32,
    /// The monthly rows that were paid. `None` in a record of before this was kept: then all that the count had reached
    /// were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Vec<MonthlyDays>>,
}

/// The check-in state before a later check-in: what a streak at a past instant is computed from. Kept with every user
/// for every recent day, and so written short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PastStreakTuple", into = "PastStreakTuple")]
pub struct PastStreak {
    /// The first instant at which it no longer held.
    pub until: DateTime<Utc>,
    last_date: Option<NaiveDate>,
    streak: Streak,
    freezes_held: u32,
}

/// The stored form: until, last date, current and longest streak, all check-ins, freezes held.
type PastStreakTuple = (DateTime<Utc>, Option<NaiveDate>, u32, u32, u32, u32);

impl From<PastStreakTuple> for PastStreak {
    fn from((until, last_date, current, longest, total, freezes_held): PastStreakTuple) -> Self {
        let streak = Streak {
            current,
            longest,
            total,
        };
        PastStreak {
            until,
            last_date,
            streak,
            freezes_held,
        }
    }
}

impl From<PastStreak> for PastStreakTuple {
    fn from(standing: PastStreak) -> Self {
        let Streak {
            current,
            longest,
            total,
        } = standing.streak;
        let PastStreak {
            until,
            last_date,
            freezes_held,
            ..
        } = standing;
        (until, last_date, current, longest, total, freezes_held)
    }
}

impl PastStreak {
    /// A state that a check-in ends.
    #[must_use]
    pub fn new(state: &CheckInState, until: DateTime<Utc>) -> Self {
        PastStreak {
            until,
            last_date: state.last_date,
            streak: state.streak,
            freezes_held: state.freezes_held,
        }
    }

    /// The state, without its month.
    #[must_use]
    pub fn state(&self) -> CheckInState {
        CheckInState {
            last_date: self.last_date,
            streak: self.streak,
            freezes_held: self.freezes_held,
            ..CheckInState::default()
        }
    }
}

/// The effect of one check-in on the state.
#[derive(Clone, Debug, PartialEq)]
pub struct StreakStep {
    /// The state after it.
    pub state: CheckInState,
    /// What it earns.
    pub earned: Earned,
    /// The freezes that were spent to keep the streak.
    pub freezes_used: u32,
    /// How many dates the streak was kept over.
    pub dates_between: u32,
}

/// The effect of a gap since the last check-in on the streak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    Continues { freezes_used: u32 },
    Restarts,
}

impl CheckInState {
    /// Whether a date is still to be checked in on: there was no check-in, or the last is before it.
    #[must_use]
    pub fn can_check_in_on(&self, date: NaiveDate) -> bool {
        self.last_date.is_none_or(|last| last < date)
    }

    /// What a check-in on a date does; `None` where the date is at or before the last one.
    ///
    /// # Errors
    /// When a part of what it earns is out of the bounds of [`crate::Points`].
    pub fn check_in(
        &self,
        date: NaiveDate,
        zones: &ZoneHistory,
        policy: &CheckInPolicy,
        scale: PointsScale,
    ) -> Result<Option<StreakStep>, AmountError> {
        if !self.can_check_in_on(date) {
            return Ok(None);
        }
        let (current, freezes_used) = match self.gap(date, zones, policy) {
            Gap::Continues { freezes_used } => (self.streak.current.saturating_add(1), freezes_used),
            Gap::Restarts => (1, 0),
        };
        let dates_between = self.last_date.filter(|_| current > 1).map_or(0, |last| {
            u32::try_from((date - last).num_days() - 1).unwrap_or_default()
        });
        let mut month = self.month_with(date, zones);
        let days_in_month = days_in_month(&month, date, zones);
        let (milestone_bonus, reached, milestones_paid) = self.milestones(current, policy, scale)?;
        let (monthly_reward, rows_paid) = monthly_rows(&month, days_in_month, policy, scale)?;
        month.paid = Some(rows_paid);
        let base = scale.round(policy.daily_points().get())?;
        let earned = Earned {
            base,
            streak_bonus: policy
                .daily_points()
                .percent(policy.bonus_percent(current), scale)?,
            milestone_bonus,
            monthly_reward,
            unpaid_milestone: reached && milestone_bonus.is_zero(),
        };
        let held = self.freezes_held - freezes_used;
        Ok(Some(StreakStep {
            state: CheckInState {
                last_date: Some(date),
                streak: Streak {
                    current,
                    longest: self.streak.longest.max(current),
                    total: self.streak.total.saturating_add(1),
                },
                freezes_held: held + u32::from(policy.earns_freeze(current, held)),
                month,
                milestones_paid: Some(milestones_paid),
            },
            earned,
            freezes_used,
            dates_between,
        }))
    }

    /// The streak as it stands on a date without a check-in: 0 once it can no longer be continued.
    #[must_use]
    pub fn streak_on(&self, date: NaiveDate, zones: &ZoneHistory, policy: &CheckInPolicy) -> u32 {
        if !self.can_check_in_on(date) {
            return self.streak.current;
        }
        match self.gap(date, zones, policy) {
            Gap::Continues { .. } => self.streak.current,
            Gap::Restarts => 0,
        }
    }

    /// Whether the streak is lost without a check-in on a date that has begun.
    #[must_use]
    pub fn is_at_risk_on(&self, date: NaiveDate, zones: &ZoneHistory, policy: &CheckInPolicy) -> bool {
        let next = date.succ_opt().unwrap_or(date);
        self.can_check_in_on(date)
            && self.streak_on(date, zones, policy) > 0
            && self.streak_on(next, zones, policy) == 0
    }

    /// Check-ins in the calendar month of a date.
    #[must_use]
    pub fn count_in_month_of(&self, date: NaiveDate) -> u32 {
        if self.month.first == date.with_day(1) {
            self.month.count
        } else {
            0
        }
    }

    fn gap(&self, date: NaiveDate, zones: &ZoneHistory, policy: &CheckInPolicy) -> Gap {
        let Some(last) = self.last_date else {
            return Gap::Restarts;
        };
        let forgiven = policy.grace_days().saturating_add(self.freezes_held);
        // One more than can be forgiven settles it, so a gap of a thousand years costs no more than a short one.
        let missed = missed_dates(last, date, zones)
            .take(forgiven as usize + 1)
            .count();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        if missed > forgiven {
            Gap::Restarts
        } else {
            Gap::Continues {
                freezes_used: missed.saturating_sub(policy.grace_days()),
            }
        }
    }

    /// What milestones earn at a streak, each rounded once, whether one is reached, and all that are paid then.
    fn milestones(
        &self,
        current: u32,
        policy: &CheckInPolicy,
        scale: PointsScale,
    ) -> Result<(Points, bool, Vec<u32>), AmountError> {
        let reached_before = || {
            policy
                .milestones_up_to(self.streak.current)
                .map(|tier| tier.min_days)
        };
        let mut paid = match &self.milestones_paid {
            _ if current == 1 || policy.cycle_start(current) != policy.cycle_start(self.streak.current) => {
                Vec::new()
            }
            Some(paid) => paid.clone(),
            None => reached_before().collect(),
        };
        let mut bonus = Points::ZERO;
        let mut reached = false;
        for tier in policy.milestones_up_to(current) {
            if !paid.contains(&tier.min_days) {
                bonus = bonus.plus(scale.round(tier.milestone_bonus.get())?)?;
                paid.push(tier.min_days);
                reached = true;
            }
        }
        Ok((bonus, reached, paid))
    }

    fn month_with(&self, date: NaiveDate, zones: &ZoneHistory) -> MonthCount {
        let first = date.with_day(1);
        let before = if self.month.first == first {
            self.month.clone()
        } else {
            MonthCount {
                first,
                paid: Some(Vec::new()),
                ..MonthCount::default()
            }
        };
        // What lies before the first check-in of all does not matter: that month can no longer be full.
        let since = self.last_date.max(first.and_then(|first| first.pred_opt()));
        let skipped = since.map_or(0, |since| {
            dates_between(since, date).filter(|d| !zones.can_miss(*d)).count()
        });
        MonthCount {
            count: before.count + 1,
            skipped: before.skipped + u32::try_from(skipped).unwrap_or_default(),
            ..before
        }
    }
}

/// What monthly rows earn at a count, each rounded once, and all that are paid then.
fn monthly_rows(
    month: &MonthCount,
    days_in_month: u32,
    policy: &CheckInPolicy,
    scale: PointsScale,
) -> Result<(Points, Vec<MonthlyDays>), AmountError> {
    let reached_before = || {
        policy
            .monthly_up_to(month.count - 1, days_in_month)
            .map(|row| row.days)
    };
    let mut paid = month.paid.clone().unwrap_or_else(|| reached_before().collect());
    let mut reward = Points::ZERO;
    for row in policy.monthly_up_to(month.count, days_in_month) {
        if !paid.contains(&row.days) {
            reward = reward.plus(scale.round(row.points.get())?)?;
            paid.push(row.days);
        }
    }
    Ok((reward, paid))
}

/// How many dates of the month the user's calendar has, as far as a full month could still be reached.
fn days_in_month(month: &MonthCount, date: NaiveDate, zones: &ZoneHistory) -> u32 {
    let full_so_far = month.count + month.skipped == date.day();
    // Manila had no 31st of December 1844: whoever came on every other day of it was done on the 30th.
    let over = || {
        let mut later = date.iter_days().skip(1).take_while(|d| d.month() == date.month());
        !later.any(|d| zones.can_miss(d))
    };
    if full_so_far && over() {
        month.count
    } else {
        u32::from(date.num_days_in_month()).saturating_sub(month.skipped)
    }
}

fn dates_between(after: NaiveDate, before: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    after.iter_days().skip(1).take_while(move |date| *date < before)
}

/// The dates between two check-ins on which the user could have come and did not.
fn missed_dates(last: NaiveDate, today: NaiveDate, zones: &ZoneHistory) -> impl Iterator<Item = NaiveDate> {
    dates_between(last, today).filter(|date| zones.can_miss(*date))
}
