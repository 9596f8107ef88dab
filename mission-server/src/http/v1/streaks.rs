//! How long streaks are, and how many of them go on.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, Utc};
use mission_core::{check_in::CheckInDay, ports::queries::StreakCounts};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::analytics::optional_exact;
use crate::http::{
    AppState, Problem,
    caller::{AnalyticsRead, Operator},
    query::Query,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(streaks))
}

/// The most days of one answer.
const MOST: i64 = 100;
/// From this length on streaks are shown together.
const LONGEST: u32 = CheckInDay::LONGEST_COUNTED - 1;
/// So long after a date in UTC it is over in every zone.
const LAST_ZONE: Duration = Duration::hours(12);

/// Which dates.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Dates {
    /// The first date; 30 days before `to` without it.
    #[param(example = "2026-01-01")]
    from: Option<NaiveDate>,
    /// The date after the last; the day after today (UTC) without it.
    #[param(example = "2026-02-01")]
    to: Option<NaiveDate>,
}

/// Check-ins by the length of the streak.
#[derive(Debug, Serialize, ToSchema)]
struct Streaks {
    from: NaiveDate,
    to: NaiveDate,
    /// Every date, those without a check-in too.
    days: Vec<StreakDay>,
    /// The sums of the complete days.
    lengths: Vec<StreakLength>,
}

/// The check-ins of one date, which is each user's own.
#[derive(Debug, Serialize, ToSchema)]
struct StreakDay {
    date: NaiveDate,
    check_ins: u64,
    /// Whether the date after it is over in every zone: before that, some may still come back.
    complete: bool,
    /// By length, the shortest first; lengths that nobody has are left out.
    lengths: Vec<StreakLength>,
}

/// Check-ins with one length of streak.
#[derive(Debug, Serialize, ToSchema)]
struct StreakLength {
    /// Days; 366 stands for all that are longer, too.
    length: u32,
    users: u64,
    /// Those of them who checked in on the date after it as well.
    returned: u64,
    /// The part of them that did.
    #[serde(serialize_with = "optional_exact")]
    #[schema(value_type = Option<f64>)]
    retention: Option<Decimal>,
}

/// How many users checked in on each date, by the length of their streak with it, and how many of those came back on the
/// next date. Streaks that were kept over a missed date go on, but their users did not come back on the next one.
#[utoipa::path(get, path = "/analytics/streaks", operation_id = "analytics_of_streaks", tag = "analytics", security(("bearer" = ["analytics:read"])),
    params(Dates), responses(
    (status = 200, description = "By date and length", body = Streaks),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_query`", body = Problem, content_type = "application/problem+json")))]
async fn streaks(
    State(state): State<AppState>,
    _operator: Operator<AnalyticsRead>,
    Query(asked): Query<Dates>,
) -> Result<Json<Streaks>, Problem> {
    let now = state.engine.now();
    let tomorrow = now.date_naive().succ_opt().unwrap_or(NaiveDate::MAX);
    let to = asked.to.unwrap_or(tomorrow);
    let from = asked.from.or_else(|| to.checked_sub_days(Days::new(30)));
    let from = from.filter(|from| *from < to);
    let from = from.ok_or_else(|| Problem::invalid_query("from", "must be before `to`"))?;
    if (to - from).num_days() > MOST {
        let message = format!("at most {MOST} days go into one answer");
        return Err(Problem::invalid_query("from", message));
    }
    // Who comes back on the date after the last is told by that date.
    let counted = state.queries.streak_counts(from, to).await?;
    Ok(Json(Streaks::new(from, to, &counted, now)))
}

impl Streaks {
    fn new(
        from: NaiveDate,
        to: NaiveDate,
        counted: &BTreeMap<(NaiveDate, u32), StreakCounts>,
        now: DateTime<Utc>,
    ) -> Self {
        let days: Vec<StreakDay> = from
            .iter_days()
            .take_while(|date| *date < to)
            .map(|date| StreakDay::new(date, counted, now))
            .collect();
        let mut sums: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        let complete = days.iter().filter(|day| day.complete);
        for length in complete.flat_map(|day| &day.lengths) {
            let (users, returned) = sums.entry(length.length).or_default();
            *users += length.users;
            *returned += length.returned;
        }
        let lengths = sums.into_iter();
        let lengths = lengths.map(|(length, (users, returned))| StreakLength::new(length, users, returned));
        Streaks {
            from,
            to,
            days,
            lengths: lengths.collect(),
        }
    }
}

impl StreakDay {
    fn new(
        date: NaiveDate,
        counted: &BTreeMap<(NaiveDate, u32), StreakCounts>,
        now: DateTime<Utc>,
    ) -> StreakDay {
        let next = date.succ_opt().unwrap_or(date);
        let mut lengths: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for ((_, length), counts) in counted.range((date, 0)..=(date, u32::MAX)) {
            lengths.entry((*length).min(LONGEST)).or_default().0 += counts.users;
        }
        // Who comes back with a day more had one less.
        for ((_, length), counts) in counted.range((next, 2)..=(next, u32::MAX)) {
            if let Some((_, returned)) = lengths.get_mut(&(length - 1).min(LONGEST)) {
                *returned += counts.returned;
            }
        }
        let end = next.and_time(NaiveTime::MIN).and_utc() + Duration::days(1) + LAST_ZONE;
        let lengths = lengths.into_iter();
        let lengths: Vec<_> = lengths
            .map(|(length, (users, returned))| StreakLength::new(length, users, returned))
            .collect();
        StreakDay {
            date,
            check_ins: lengths.iter().map(|length| length.users).sum(),
            complete: end <= now,
            lengths,
        }
    }
}

impl StreakLength {
    fn new(length: u32, users: u64, returned: u64) -> Self {
        let retention = (users > 0).then(|| (Decimal::from(returned) / Decimal::from(users)).round_dp(4));
        StreakLength {
            length,
            users,
            returned,
            retention,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_streaks_are_counted_together() {
        let date = |day: u32| NaiveDate::from_ymd_opt(2026, 1, day).unwrap();
        let of = |users, returned| StreakCounts { users, returned };
        let counted = [
            ((date(5), 365), of(2, 2)),
            ((date(5), 366), of(3, 3)),
            ((date(5), 367), of(5, 5)),
            ((date(6), 366), of(1, 1)),
            ((date(6), 367), of(7, 6)),
        ];
        let now = "2026-01-07T11:59:59Z".parse().unwrap();
        let streaks = Streaks::new(date(5), date(7), &counted.into(), now);
        let shown = |day: &StreakDay| {
            let lengths = day.lengths.iter();
            lengths
                .map(|one| (one.length, one.users, one.returned))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&streaks.days[0]), [(365, 2, 1), (366, 8, 6)]);
        assert_eq!(shown(&streaks.days[1]), [(366, 8, 0)]);
        assert!(
            streaks.days.iter().all(|day| !day.complete) && streaks.lengths.is_empty(),
            "it is still the sixth in the last zone"
        );
        let streaks = Streaks::new(date(5), date(7), &counted.into(), now + Duration::seconds(1));
        assert_eq!(streaks.days.iter().filter(|day| day.complete).count(), 1);
        assert_eq!(streaks.lengths[1].retention, Some(Decimal::new(75, 2)));
    }
}
