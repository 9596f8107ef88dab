//! A deliberately naive model of check-ins, written from the contract's text: it walks through the hours, looks at the
//! clock on the user's wall and writes down which dates it has shown. It shares no code with [`crate::check_in`].

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::{
    PointsScale,
    check_in::{CheckInPolicy, MonthlyDays, PolicyFile, Zone},
};

/// A naive model of one user's check-ins.
#[derive(Clone, Debug)]
pub struct CheckInModel {
    policy: PolicyFile,
    scale: u32,
    /// The zones, each with the instant from which it holds; the first holds since ever.
    zones: Vec<(DateTime<Utc>, Tz)>,
    visits: Vec<(DateTime<Utc>, NaiveDate)>,
    /// Dates of a zone to come on which a visit was refused.
    excused: BTreeSet<NaiveDate>,
    /// Months in which every day was rewarded.
    full_months: BTreeSet<(i32, u32)>,
    streak: u32,
    longest: u32,
    freezes: u32,
}

/// What one check-in gave, part by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are those of the contract's answer to a check-in"
)]
pub struct ExpectedCheckIn {
    pub date: NaiveDate,
    pub streak: u32,
    pub longest: u32,
    pub total: usize,
    pub base: Decimal,
    pub streak_bonus: Decimal,
    pub milestone_bonus: Decimal,
    pub monthly_reward: Decimal,
    pub freezes_used: u32,
    pub freezes_held: u32,
}

impl ExpectedCheckIn {
    /// `daily_points + streak_bonus + milestone_bonus + monthly_reward`.
    #[must_use]
    pub fn points(&self) -> Decimal {
        self.base + self.streak_bonus + self.milestone_bonus + self.monthly_reward
    }
}

/// The model refuses: the date is at or before the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyCheckedIn;

fn tz(zone: Zone) -> Tz {
    zone.name().parse().unwrap_or(Tz::UTC)
}

fn wall_date(zone: Tz, at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// Instants from one to another, every so often, both ends included.
fn walk(from: DateTime<Utc>, to: DateTime<Utc>, step: Duration) -> impl Iterator<Item = DateTime<Utc>> {
    let inside = std::iter::successors(Some(from), move |at| Some(*at + step));
    inside.take_while(move |at| *at < to).chain([to])
}

fn noon_of(date: NaiveDate) -> DateTime<Utc> {
    date.and_hms_opt(12, 0, 0)
        .map_or(DateTime::<Utc>::MIN_UTC, |noon| noon.and_utc())
}

/// The first instant from which a wall clock never again shows the date that it shows now.
fn end_of_today(zone: Tz, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = wall_date(zone, now);
    let later = now + Duration::hours(60);
    let still_today = |at: &DateTime<Utc>| wall_date(zone, *at) <= today;
    let rough = walk(now, later, Duration::minutes(5)).filter(still_today).last();
    let rough = rough.unwrap_or(now);
    let whole_second = DateTime::from_timestamp(rough.timestamp(), 0).unwrap_or(rough);
    let last = walk(whole_second, rough + Duration::minutes(5), Duration::seconds(1))
        .filter(still_today)
        .last();
    last.unwrap_or(whole_second) + Duration::seconds(1)
}

impl CheckInModel {
    /// An empty model.
    #[must_use]
    pub fn new(policy: &CheckInPolicy, scale: PointsScale) -> Self {
        let zone = tz(policy.default_zone());
        CheckInModel {
            policy: policy.clone().into(),
            scale: u8::from(scale).into(),
            zones: vec![(DateTime::<Utc>::MIN_UTC, zone)],
            visits: Vec::new(),
            excused: BTreeSet::new(),
            full_months: BTreeSet::new(),
            streak: 0,
            longest: 0,
            freezes: 0,
        }
    }

    /// The user asks for another zone. It comes once the day has ended in both; before the first visit, at once.
    pub fn ask_for_zone(&mut self, zone: Zone, now: DateTime<Utc>) {
        let wanted = tz(zone);
        if self.visits.is_empty() {
            self.zones = vec![(DateTime::<Utc>::MIN_UTC, wanted)];
        } else if self.zones.last().is_some_and(|(_, last)| *last != wanted) {
            self.zones.retain(|(since, _)| *since <= now);
            let present = self.zone_at(now);
            if present != wanted {
                let both_over = end_of_today(present, now).max(end_of_today(wanted, now));
                self.zones.push((both_over, wanted));
            }
        }
    }

    fn zone_at(&self, at: DateTime<Utc>) -> Tz {
        let since = self.zones.iter().rfind(|(since, _)| *since <= at);
        since.map_or(Tz::UTC, |(_, zone)| *zone)
    }

    /// Every date that the user's wall clock shows between two instants.
    fn dates_shown(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> BTreeSet<NaiveDate> {
        let changes = self.zones.iter().map(|(since, _)| *since);
        let changes = changes.filter(|since| from <= *since && *since <= to);
        // A date may be shown for half an hour before a change takes it away: too short for the walk's steps.
        let changes = changes.flat_map(|since| [(since - Duration::seconds(1)).max(from), since]);
        walk(from, to, Duration::minutes(50))
            .chain(changes)
            .map(|at| wall_date(self.zone_at(at), at))
            .collect()
    }

    /// Whether a date that was shown can be missed: for twelve hours at least, and no visit on it was refused.
    fn can_miss(&self, date: NaiveDate) -> bool {
        if self.excused.contains(&date) {
            return false;
        }
        if self.zones.len() == 1 {
            return true;
        }
        let noon = noon_of(date);
        let shown_for = |step: Duration| {
            let instants = walk(noon - Duration::hours(40), noon + Duration::hours(40), step);
            let shown = instants.filter(|at| wall_date(self.zone_at(*at), *at) == date);
            step * i32::try_from(shown.count()).unwrap_or(i32::MAX)
        };
        let (rough, half_a_day) = (shown_for(Duration::minutes(1)), Duration::hours(12));
        if (rough - half_a_day).abs() > Duration::minutes(2) {
            return rough > half_a_day;
        }
        shown_for(Duration::seconds(1)) >= half_a_day
    }

    /// The user is here.
    ///
    /// # Errors
    /// When the date is at or before the last one.
    pub fn check_in(&mut self, now: DateTime<Utc>) -> Result<ExpectedCheckIn, AlreadyCheckedIn> {
        let date = wall_date(self.zone_at(now), now);
        let last = self.visits.last().copied();
        if let Some((_, last)) = last.filter(|(_, last)| date <= *last) {
            if let Some((_, coming)) = self.zones.last().filter(|(since, _)| now < *since) {
                let there = wall_date(*coming, now);
                if last < there {
                    self.excused.insert(there);
                }
            }
            return Err(AlreadyCheckedIn);
        }
        let freezes_used = self.count_streak(last, date, now);
        self.longest = self.longest.max(self.streak);
        self.visits.push((now, date));
        let monthly_reward = self.monthly_reward(date);
        let monthly_reward = self.rounded(monthly_reward);
        let visit = ExpectedCheckIn {
            date,
            streak: self.streak,
            longest: self.longest,
            total: self.visits.len(),
            base: self.rounded(self.daily_points()),
            streak_bonus: self.rounded(self.daily_points() * self.bonus_percent() / Decimal::from(100)),
            milestone_bonus: self.rounded(self.milestone_bonus()),
            monthly_reward,
            freezes_used,
            freezes_held: self.earn_freeze(),
        };
        Ok(visit)
    }

    /// Gap by gap as the contract has it; answers how many freezes were spent.
    fn count_streak(
        &mut self,
        last: Option<(DateTime<Utc>, NaiveDate)>,
        date: NaiveDate,
        now: DateTime<Utc>,
    ) -> u32 {
        let Some((last_at, last)) = last else {
            self.streak = 1;
            return 0;
        };
        let shown = self.dates_shown(last_at, now);
        let missed = shown
            .into_iter()
            .filter(|shown| last < *shown && *shown < date && self.can_miss(*shown))
            .count();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        let grace = self.policy.grace_days.unwrap_or(0);
        if missed <= grace {
            self.streak += 1;
            0
        } else if missed - grace <= self.freezes {
            self.freezes -= missed - grace;
            self.streak += 1;
            missed - grace
        } else {
            self.streak = 1;
            0
        }
    }

    fn earn_freeze(&mut self) -> u32 {
        let every = self.policy.freeze_every.unwrap_or(0);
        let most = self.policy.freezes_max.unwrap_or(0);
        let is_multiple = (1..=self.streak).any(|n| n.checked_mul(every) == Some(self.streak));
        if is_multiple && self.freezes < most {
            self.freezes += 1;
        }
        self.freezes
    }

    fn rounded(&self, value: Decimal) -> Decimal {
        value.round_dp_with_strategy(self.scale, rust_decimal::RoundingStrategy::MidpointNearestEven)
    }

    fn daily_points(&self) -> Decimal {
        self.policy.daily_points.unwrap_or_default().get()
    }

    fn bonus_percent(&self) -> Decimal {
        let mut percent = Decimal::ZERO;
        for tier in self.policy.tiers.iter().flatten() {
            if (tier.min_days..=tier.max_days.unwrap_or(u32::MAX)).contains(&self.streak) {
                percent = tier.bonus_percent.get();
            }
        }
        percent
    }

    fn milestone_bonus(&self) -> Decimal {
        let reached = |tier: &&crate::check_in::Tier| tier.min_days == self.streak;
        let tiers = self.policy.tiers.iter().flatten();
        tiers.filter(reached).map(|tier| tier.milestone_bonus.get()).sum()
    }

    fn monthly_reward(&mut self, today: NaiveDate) -> Decimal {
        let this_month = |date: &NaiveDate| (date.year(), date.month()) == (today.year(), today.month());
        let visits = self.visits.iter().filter(|(_, date)| this_month(date)).count();
        let mut reward = Decimal::ZERO;
        for row in self.policy.monthly.clone().unwrap_or_default() {
            let is_met = match row.days {
                MonthlyDays::Count(days) => u32::try_from(visits) == Ok(days),
                // No calendar has a month of fewer than 25 days: spares the walk.
                MonthlyDays::All if visits < 25 => false,
                MonthlyDays::All => {
                    let noon = noon_of(today);
                    let shown = self.dates_shown(noon - Duration::days(35), noon + Duration::days(35));
                    let visited = |date: &NaiveDate| self.visits.iter().any(|(_, visit)| visit == date);
                    let mut shown = shown.iter().filter(|date| this_month(date));
                    // Whoever missed one need not be asked for the others.
                    let all_visited = shown.all(|date| visited(date) || !self.can_miss(*date));
                    all_visited && self.full_months.insert((today.year(), today.month()))
                }
            };
            if is_met {
                reward += row.points.get();
            }
        }
        reward
    }
}
