//! Instants worth trying: anywhere in a day, about its two ends, and about a change of the clock.

use chrono::{DateTime, Duration, NaiveDate, Offset, Timelike, Utc};
use fastrand::Rng;
use mission_core::check_in::Zone;

/// How long before a boundary "just before" is: the server's clock runs on from what it was set to, and must not reach
/// the boundary while it is asked.
pub(crate) const JUST_BEFORE: Duration = Duration::seconds(20);

/// An instant of a user's day.
pub(crate) fn of_day(random: &mut Rng, zone: Zone, date: NaiveDate) -> DateTime<Utc> {
    let (start, end) = (zone.start_of(date), zone.end_of(date));
    if let Some(change) = clock_change(zone, start, end)
        && random.u8(..10) < 7
    {
        return match random.u8(..4) {
            0 => change - JUST_BEFORE,
            1 => change,
            2 => change - Duration::minutes(30),
            _ => change + Duration::minutes(30),
        };
    }
    match random.u8(..12) {
        0 => start,
        1 => start - JUST_BEFORE,
        2 => end - JUST_BEFORE,
        _ => on_the_hour(start + Duration::minutes(random.i64(0..24 * 60))).max(start),
    }
}

/// Most requests meet on the hour, so that many of them are in one instant.
pub(crate) fn on_the_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at - Duration::seconds(i64::from(at.num_seconds_from_midnight() % 3600))
}

/// The first second of a stretch from which the clock on the wall runs otherwise than at its start.
fn clock_change(zone: Zone, start: DateTime<Utc>, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let offset = |at| zone.local(at).offset().fix();
    let (mut before, mut after) = (start - Duration::hours(1), end + Duration::hours(1));
    let old = offset(before);
    if offset(after) == old {
        return None;
    }
    while after - before > Duration::seconds(1) {
        let middle = before + Duration::seconds((after - before).num_seconds() / 2);
        if offset(middle) == old {
            before = middle;
        } else {
            after = middle;
        }
    }
    Some(after)
}
