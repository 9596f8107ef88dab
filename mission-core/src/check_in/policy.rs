//! What a check-in earns: daily points, tiers by streak, rewards by days in a month (`checkin.toml`).

use serde::{Deserialize, Serialize};

use super::Zone;
use crate::{Percent, Points};

/// A stretch of streak lengths with its bonus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The first streak of the tier.
    pub min_days: u32,
    /// The last one; absent = open end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_days: Option<u32>,
    /// Percent of the daily points, each day.
    #[serde(default)]
    pub bonus_percent: Percent,
    /// Points on the day on which the streak reaches the tier.
    #[serde(default)]
    pub milestone_bonus: Points,
}

/// The number of check-in days of a calendar month that earns a row's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonthlyDays {
    /// So many.
    Count(u32),
    /// Every day that the month has in the user's calendar.
    All,
}

/// One reward for check-in days within a calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonthlyRow {
    /// How many days, or `"all"`.
    pub days: MonthlyDays,
    /// What the check-in earns that makes them so many.
    pub points: Points,
}

impl Serialize for MonthlyDays {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            MonthlyDays::Count(days) => serializer.serialize_u32(*days),
            MonthlyDays::All => serializer.serialize_str("all"),
        }
    }
}

impl<'de> Deserialize<'de> for MonthlyDays {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Days;
        impl serde::de::Visitor<'_> for Days {
            type Value = MonthlyDays;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of days or \"all\"")
            }
            fn visit_u64<E: serde::de::Error>(self, days: u64) -> Result<MonthlyDays, E> {
                u32::try_from(days)
                    .map(MonthlyDays::Count)
                    .map_err(|_| E::custom("too many days"))
            }
            fn visit_i64<E: serde::de::Error>(self, days: i64) -> Result<MonthlyDays, E> {
                u32::try_from(days)
                    .map(MonthlyDays::Count)
                    .map_err(|_| E::custom("`days` must be 1 to 31 or \"all\""))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<MonthlyDays, E> {
                if text == "all" {
                    Ok(MonthlyDays::All)
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
                }
            }
        }
        deserializer.deserialize_any(Days)
    }
}

/// A policy as an author writes it: what is left out keeps its default, a list is replaced whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// Points for every check-in.
    pub daily_points: Option<Points>,
    /// The zone of users who have none.
    pub default_zone: Option<Zone>,
    /// Missed days that are forgiven in each gap.
    pub grace_days: Option<u32>,
    /// A freeze is earned at every Nth day of a streak; 0 = never.
    pub freeze_every: Option<u32>,
    /// How many freezes a user can hold.
    pub freezes_max: Option<u32>,
    /// After how many days of a streak the tiers begin anew; 0 = never.
    pub cycle_days: Option<u32>,
    /// Bonuses by streak.
    pub tiers: Option<Vec<Tier>>,
    /// Rewards by days in a month.
    pub monthly: Option<Vec<MonthlyRow>>,
}

/// A check-in policy whose tiers cover every streak exactly once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PolicyFile", into = "PolicyFile")]
pub struct CheckInPolicy {
    daily_points: Points,
    default_zone: Zone,
    grace_days: u32,
    freeze_every: u32,
    freezes_max: u32,
    /// 0 = the tiers do not repeat.
    cycle_days: u32,
    tiers: Vec<Tier>,
    monthly: Vec<MonthlyRow>,
}

/// An error in a policy, with its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`{}: {message}", .position.map(|n| format!(" number {}", n + 1)).unwrap_or_default())]
pub struct InvalidPolicy {
    /// The field at the policy's top.
    pub field: &'static str,
    /// The position in the list, from 0.
    pub position: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Default for CheckInPolicy {
    /// The contract's defaults: 10 points a day, tiers from 1, 7, 14, 30 and 100 days.
    fn default() -> Self {
        let tier = |min_days, max_days, percent: u32, bonus: u32| Tier {
            min_days,
            max_days,
            bonus_percent: percent.into(),
            milestone_bonus: bonus.into(),
        };
        let month = |days, points: u32| MonthlyRow {
            days,
            points: points.into(),
        };
        CheckInPolicy {
            daily_points: 10.into(),
            default_zone: Zone::default(),
            grace_days: 0,
            freeze_every: 0,
            freezes_max: 0,
            cycle_days: 0,
            tiers: vec![
                tier(1, Some(6), 0, 0),
                tier(7, Some(13), 10, 50),
                tier(14, Some(29), 20, 100),
                tier(30, Some(99), 50, 500),
                tier(100, None, 100, 1000),
            ],
            monthly: vec![
                month(MonthlyDays::Count(7), 20),
                month(MonthlyDays::Count(14), 50),
                month(MonthlyDays::Count(21), 100),
                month(MonthlyDays::All, 200),
            ],
        }
    }
}

impl TryFrom<PolicyFile> for CheckInPolicy {
    type Error = InvalidPolicy;
    fn try_from(file: PolicyFile) -> Result<Self, Self::Error> {
        let default = CheckInPolicy::default();
        let policy = CheckInPolicy {
            daily_points: file.daily_points.unwrap_or(default.daily_points),
            default_zone: file.default_zone.unwrap_or(default.default_zone),
            grace_days: file.grace_days.unwrap_or(default.grace_days),
            freeze_every: file.freeze_every.unwrap_or(default.freeze_every),
            freezes_max: file.freezes_max.unwrap_or(default.freezes_max),
            cycle_days: file.cycle_days.unwrap_or(default.cycle_days),
            tiers: file.tiers.unwrap_or(default.tiers),
            monthly: file.monthly.unwrap_or(default.monthly),
        };
        check_tiers(&policy.tiers, policy.cycle_days)?;
        check_monthly(&policy.monthly)?;
        Ok(policy)
    }
}

impl From<CheckInPolicy> for PolicyFile {
    fn from(policy: CheckInPolicy) -> Self {
        PolicyFile {
            daily_points: Some(policy.daily_points),
            default_zone: Some(policy.default_zone),
            grace_days: Some(policy.grace_days),
            freeze_every: Some(policy.freeze_every),
            freezes_max: Some(policy.freezes_max),
            cycle_days: Some(policy.cycle_days).filter(|&days| days > 0),
            tiers: Some(policy.tiers),
            monthly: Some(policy.monthly),
        }
    }
}

fn check_tiers(tiers: &[Tier], cycle_days: u32) -> Result<(), InvalidPolicy> {
    let fail = |position, message| {
        Err(InvalidPolicy {
            field: "tiers",
            position,
            message,
        })
    };
    let mut expected = Some(1);
    for (n, tier) in tiers.iter().enumerate() {
        let Some(start) = expected else {
            return fail(
                Some(n),
                "comes after a tier without `max_days`, which has no end".to_owned(),
            );
        };
        if tier.min_days != start {
            let what = if tier.min_days < start {
                "overlaps the tier before"
            } else {
                "leaves a hole"
            };
            return fail(
                Some(n),
                format!("{what}: `min_days` must be {start}, not {}", tier.min_days),
            );
        }
        if tier.max_days.is_some_and(|max| max < tier.min_days) {
            return fail(Some(n), "`max_days` must not be below `min_days`".to_owned());
        }
        let last_day = tier.max_days.unwrap_or(tier.min_days);
        if cycle_days > 0 && last_day > cycle_days {
            let message = format!("holds day {last_day}, which a cycle of {cycle_days} days does not have");
            return fail(Some(n), message);
        }
        expected = tier.max_days.and_then(|max| max.checked_add(1));
    }
    match (tiers.is_empty(), expected) {
        (false, Some(start)) if cycle_days > 0 && start > cycle_days => Ok(()),
        (true, _) => fail(None, "there must be at least one tier, from day 1".to_owned()),
        (_, Some(start)) => fail(
            None,
            format!("leave a hole: no tier holds a streak of {start}; leave `max_days` out of the last one"),
        ),
        _ => Ok(()),
    }
}

fn check_monthly(rows: &[MonthlyRow]) -> Result<(), InvalidPolicy> {
    for (n, row) in rows.iter().enumerate() {
        let fail = |message: &str| {
            Err(InvalidPolicy {
                field: "monthly",
                position: Some(n),
                message: message.to_owned(),
            })
        };
        if let MonthlyDays::Count(days) = row.days
            && !(1..=31).contains(&days)
        {
            return fail("`days` must be 1 to 31 or \"all\"");
        }
        if rows[..n].iter().any(|earlier| earlier.days == row.days) {
            return fail("repeats the `days` of an earlier row");
        }
    }
    Ok(())
}

impl CheckInPolicy {
    /// Points for every check-in.
    #[must_use]
    pub fn daily_points(&self) -> Points {
        self.daily_points
    }

    /// The zone of users who have none.
    #[must_use]
    pub fn default_zone(&self) -> Zone {
        self.default_zone
    }

    /// Missed days that are forgiven in each gap.
    #[must_use]
    pub fn grace_days(&self) -> u32 {
        self.grace_days
    }

    /// All tiers, in order.
    #[must_use]
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// All monthly rows, as written.
    #[must_use]
    pub fn monthly(&self) -> &[MonthlyRow] {
        &self.monthly
    }

    /// Whether a freeze is earned at this streak by someone who holds so many.
    #[must_use]
    pub fn earns_freeze(&self, streak: u32, held: u32) -> bool {
        self.freeze_every > 0 && streak.is_multiple_of(self.freeze_every) && held < self.freezes_max
    }

    /// The day of the calendar of tiers that a streak (of 1 or more) is at: the streak itself, unless the tiers repeat.
    #[must_use]
    pub fn calendar_day(&self, streak: u32) -> u32 {
        streak - self.cycle_start(streak)
    }

    /// The streak after which the calendar began that a streak is in.
    pub(super) fn cycle_start(&self, streak: u32) -> u32 {
        let cycles = streak.saturating_sub(1).checked_div(self.cycle_days);
        cycles.unwrap_or(0) * self.cycle_days
    }

    /// The tier that holds a streak (of 1 or more).
    #[must_use]
    pub fn tier(&self, streak: u32) -> Option<&Tier> {
        let day = self.calendar_day(streak);
        self.tiers
            .iter()
            .find(|tier| tier.min_days <= day && tier.max_days.is_none_or(|max| day <= max))
    }

    /// The percent of the daily points that a streak adds.
    #[must_use]
    pub fn bonus_percent(&self, streak: u32) -> Percent {
        self.tier(streak)
            .map(|tier| tier.bonus_percent)
            .unwrap_or_default()
    }

    /// The tiers with a milestone bonus that a streak has reached: each is paid once in a streak (where tiers repeat, once
    /// in a cycle of it), on the day on which the streak equals its `min_days`, or, where an edit of the policy put it
    /// below a running streak, at the next check-in.
    pub fn milestones_up_to(&self, streak: u32) -> impl Iterator<Item = &Tier> {
        let day = self.calendar_day(streak);
        self.tiers
            .iter()
            .filter(move |tier| tier.min_days <= day && !tier.milestone_bonus.is_zero())
    }

    /// The next tier with a milestone bonus after a streak, and the streak that reaches it.
    #[must_use]
    pub fn next_milestone(&self, streak: u32) -> Option<(u32, &Tier)> {
        let start = self.cycle_start(streak);
        let later_cycle = (self.cycle_days > 0).then(|| start.saturating_add(self.cycle_days));
        [Some(start), later_cycle]
            .into_iter()
            .flatten()
            .find_map(|start| {
                let reached_at = |tier: &Tier| start.saturating_add(tier.min_days);
                let mut tiers = self.tiers.iter().filter(|tier| !tier.milestone_bonus.is_zero());
                let next = tiers.find(|tier| reached_at(tier) > streak)?;
                Some((reached_at(next), next))
            })
    }

    /// The monthly rows that a month's count of `count` among `all` days has reached: each is paid once in a month, by the
    /// check-in that makes the count equal to its `days`, or, where an edit put it below the count, by the next one.
    pub fn monthly_up_to(&self, count: u32, all: u32) -> impl Iterator<Item = &MonthlyRow> {
        self.monthly.iter().filter(move |row| match row.days {
            MonthlyDays::Count(days) => days <= count,
            MonthlyDays::All => count == all,
        })
    }
}
