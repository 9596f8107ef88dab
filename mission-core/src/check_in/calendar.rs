//! Local days: where they begin, which of them exist, and what a change of zone does to them.

use chrono::{DateTime, Duration, MappedLocalTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use serde::{Deserialize, Serialize};

/// A time zone of the IANA database, such as `Asia/Ho_Chi_Minh`.
///
/// ```
/// use mission_core::check_in::Zone;
/// let zone: Zone = "Pacific/Apia".parse()?;
/// // Samoa went from one side of the date line to the other: this day never was.
/// assert!(!zone.has_date("2011-12-30".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(Tz);

/// The name is in no time-zone database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone of the IANA database; write one like `Europe/Berlin`")]
pub struct UnknownZone(String);

impl Default for Zone {
    fn default() -> Self {
        Zone(Tz::UTC)
    }
}

impl Zone {
    /// Every zone of the database that was built in.
    pub fn all() -> impl Iterator<Item = Zone> {
        chrono_tz::TZ_VARIANTS.iter().copied().map(Zone)
    }

    /// The IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The local time of an instant.
    #[must_use]
    pub fn local(self, at: DateTime<Utc>) -> DateTime<Tz> {
        at.with_timezone(&self.0)
    }

    /// The local date of an instant.
    #[must_use]
    pub fn date(self, at: DateTime<Utc>) -> NaiveDate {
        self.local(at).date_naive()
    }

    /// The first instant at which the local clock shows this date, or a later one where the date does not exist.
    #[must_use]
    pub fn start_of(self, date: NaiveDate) -> DateTime<Utc> {
        let midnight = date.and_time(NaiveTime::MIN);
        match self.0.from_local_datetime(&midnight) {
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => at.to_utc(),
            MappedLocalTime::None => GapInfo::new(&midnight, &self.0)
                .and_then(|gap| gap.end)
                .map_or_else(|| Utc.from_utc_datetime(&midnight), |end| end.to_utc()),
        }
    }

    /// The instant at which this date is over for good.
    #[must_use]
    pub fn end_of(self, date: NaiveDate) -> DateTime<Utc> {
        let Some(next) = date.succ_opt() else {
            return DateTime::<Utc>::MAX_UTC;
        };
        let midnight = next.and_time(NaiveTime::MIN);
        // Where a clock is set back across midnight, the old date comes round once more.
        match self.0.from_local_datetime(&midnight) {
            MappedLocalTime::Ambiguous(_, latest) => latest.to_utc(),
            _ => {
                let start = self.start_of(next);
                let hour_later = start + Duration::hours(1);
                if self.date(hour_later) < next {
                    self.second_start(next, hour_later)
                } else {
                    start
                }
            }
        }
    }

    /// The second beginning of a date that was left again (St. John's, where clocks went back at 00:01).
    fn second_start(self, date: NaiveDate, within: DateTime<Utc>) -> DateTime<Utc> {
        let (mut before, mut after) = (within, within + Duration::hours(3));
        while after - before > Duration::seconds(1) {
            let middle = before + (after - before) / 2;
            if self.date(middle) < date {
                before = middle;
            } else {
                after = middle;
            }
        }
        DateTime::from_timestamp(after.timestamp(), 0).unwrap_or(after)
    }

    /// Whether the local calendar has this date.
    #[must_use]
    pub fn has_date(self, date: NaiveDate) -> bool {
        self.date(self.start_of(date)) == date
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Zone {
    type Err = UnknownZone;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.parse()
            .map(Zone)
            .map_err(|_| UnknownZone(name.chars().take(80).collect()))
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name().to_owned()
    }
}

/// The time zones of one user over time, with a change that is still pending.
///
/// A change takes effect only when the current day has ended in both zones, so that it never yields a second day.
///
/// ```
/// use mission_core::check_in::{Zone, ZoneHistory};
/// let (utc, tokyo) = (Zone::default(), "Asia/Tokyo".parse::<Zone>()?);
/// let now = "2026-01-05T10:00:00Z".parse()?;
/// let line = ZoneHistory::new(utc).with_zone(tokyo, now);
/// assert_eq!(line.at(now), utc);
/// assert_eq!(line.at("2026-01-06T00:00:00Z".parse()?), tokyo);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneHistory {
    first: Zone,
    /// Later zones with the instants from which they hold, in order of time; the last may lie in the future.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<(DateTime<Utc>, Zone)>,
    /// Dates on which a visit was refused because a change was still to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    excused: Vec<NaiveDate>,
}

impl ZoneHistory {
    /// One zone for ever.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        ZoneHistory {
            first: zone,
            changes: Vec::new(),
            excused: Vec::new(),
        }
    }

    /// The zone that holds at an instant.
    #[must_use]
    pub fn at(&self, at: DateTime<Utc>) -> Zone {
        self.changes
            .iter()
            .rev()
            .find(|(since, _)| *since <= at)
            .map_or(self.first, |(_, zone)| *zone)
    }

    /// The zone that was asked for last, whether or not it holds already.
    #[must_use]
    pub fn requested(&self) -> Zone {
        self.changes.last().map_or(self.first, |(_, zone)| *zone)
    }

    /// The line after a wish for another zone. A wish that has not come true yet is replaced.
    #[must_use]
    pub fn with_zone(&self, to: Zone, now: DateTime<Utc>) -> Self {
        if to == self.requested() {
            return self.clone();
        }
        let mut line = self.clone();
        line.changes.retain(|(since, _)| *since <= now);
        let from = line.at(now);
        if from != to {
            let both_over = from.end_of(from.date(now)).max(to.end_of(to.date(now)));
            line.changes.push((both_over, to));
        }
        line
    }

    /// The line without what ended before an instant.
    #[must_use]
    pub fn since(&self, instant: DateTime<Utc>) -> Self {
        ZoneHistory {
            first: self.at(instant),
            changes: self
                .changes
                .iter()
                .copied()
                .filter(|(since, _)| *since > instant)
                .collect(),
            excused: self
                .excused
                .iter()
                .copied()
                .filter(|date| *date >= instant.date_naive())
                .collect(),
        }
    }

    /// The zone that is yet to come, and from when it holds.
    #[must_use]
    pub fn pending(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Zone)> {
        self.changes.last().copied().filter(|(since, _)| now < *since)
    }

    /// Excuses a date on which a visit was refused because the zone has not changed yet.
    pub(crate) fn excuse(&mut self, date: NaiveDate) {
        if !self.excused.contains(&date) {
            self.excused.push(date);
        }
    }

    /// Whether the user can miss this date: it was theirs for twelve hours at least, and no visit on it was refused
    /// because of a change of the zone.
    #[must_use]
    pub fn can_miss(&self, date: NaiveDate) -> bool {
        if self.excused.contains(&date) {
            return false;
        }
        if self.changes.is_empty() {
            return self.first.has_date(date);
        }
        self.duration_of(date) >= LEAST_OF_A_DAY
    }

    /// For how long the user's clock showed this date.
    fn duration_of(&self, date: NaiveDate) -> Duration {
        let changes = self.changes.iter();
        let since = std::iter::once(DateTime::<Utc>::MIN_UTC).chain(changes.clone().map(|(since, _)| *since));
        let until = changes
            .clone()
            .map(|(since, _)| *since)
            .chain([DateTime::<Utc>::MAX_UTC]);
        let zones = std::iter::once(self.first).chain(changes.map(|(_, zone)| *zone));
        let shown = zones
            .zip(since.zip(until))
            .filter(|(zone, _)| zone.has_date(date));
        shown
            .map(|(zone, (since, until))| {
                let (begins, ends) = (zone.start_of(date).max(since), zone.end_of(date).min(until));
                (ends - begins).max(Duration::zero())
            })
            .sum()
    }
}

/// What of a date must have been the user's for it to be missed.
const LEAST_OF_A_DAY: Duration = Duration::hours(12);
