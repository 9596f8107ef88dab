//! What happens, in buckets of time.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use chrono::{DateTime, Duration, DurationRound, NaiveDate, NaiveTime, Utc};
use mission_core::{
    MissionId,
    mission::{MissionCode, MissionStatus},
    ports::queries::{ActivityCounts, Bucket, CountedMissions, TimeRange},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::mission_named;
use crate::http::{
    AppState, Problem,
    caller::{AnalyticsRead, Operator},
    query::Query,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(analytics))
        .routes(routes!(by_mission))
}

/// The most buckets of one answer.
const MOST: i64 = 2000;

/// Which time, in which steps, of which mission.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// The first instant or date; seven days before `to` without it. The hour (UTC) in which it lies counts whole.
    #[param(example = "2026-01-01")]
    from: Option<String>,
    /// The instant or date after the last; now without it.
    #[param(example = "2026-02-01T00:00:00Z")]
    to: Option<String>,
    /// `hour` or `day`; default `day`.
    #[param(inline)]
    bucket: Option<Width>,
    /// Of one mission: its id or code. Without it of all but shadow missions.
    mission: Option<String>,
}

/// The width of a bucket.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Width {
    /// An hour.
    Hour,
    /// A day in UTC.
    #[default]
    Day,
}

/// What happened, bucket by bucket.
#[derive(Debug, Serialize, ToSchema)]
struct Analytics {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    #[schema(inline)]
    bucket: Width,
    /// Every bucket, those in which nothing happened too.
    series: Vec<Point>,
}

/// What happened within one bucket.
#[derive(Debug, Serialize, ToSchema)]
struct Point {
    start: DateTime<Utc>,
    #[serde(flatten)]
    counts: Counts,
}

/// What happened within a stretch of time.
#[derive(Debug, Serialize, ToSchema)]
struct Counts {
    started: u64,
    completed: u64,
    check_ins: u64,
    claims: u64,
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    points: Decimal,
    /// Of the evidence that was judged, the part that was found good; `null` where none was.
    #[serde(serialize_with = "optional_exact")]
    #[schema(value_type = Option<f64>)]
    verification_success_rate: Option<Decimal>,
}

impl From<ActivityCounts> for Counts {
    fn from(counts: ActivityCounts) -> Self {
        let judged = Decimal::from(counts.verifications);
        Counts {
            started: counts.started,
            completed: counts.completed,
            check_ins: counts.check_ins,
            claims: counts.claims,
            points: counts.points,
            verification_success_rate: (counts.verifications > 0)
                .then(|| (Decimal::from(counts.verified) / judged).round_dp(4)),
        }
    }
}

pub(super) fn optional_exact<S: serde::Serializer>(
    value: &Option<Decimal>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => mission_core::points::exact::serialize(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Starts, completions, check-ins, claims, points and the success of verifications over time.
#[utoipa::path(get, path = "/analytics", tag = "analytics", security(("bearer" = ["analytics:read"])), params(Filter), responses(
    (status = 200, description = "The series", body = Analytics),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn analytics(
    State(state): State<AppState>,
    _operator: Operator<AnalyticsRead>,
    Query(filter): Query<Filter>,
) -> Result<Json<Analytics>, Problem> {
    let (from, to) = stretch(filter.from.as_deref(), filter.to.as_deref(), state.engine.now())?;
    let bucket = filter.bucket.unwrap_or_default();
    let (width, step) = match bucket {
        Width::Hour => (Duration::hours(1), Bucket::Hour),
        Width::Day => (Duration::days(1), Bucket::Day),
    };
    if (to - from).num_seconds() / width.num_seconds() >= MOST {
        return Err(Problem::invalid_query(
            "from",
            format!("at most {MOST} buckets go into one answer"),
        ));
    }
    let catalog = state.engine.catalog();
    let mission = filter
        .mission
        .as_deref()
        .map(|name| {
            mission_named(&catalog, name)
                .ok_or_else(|| Problem::invalid_query("mission", "there is no such mission"))
        })
        .transpose()?;
    let range = TimeRange { from: Some(from), to };
    let all = CountedMissions::AllBut(catalog.shadow_ids());
    let missions = mission.map_or(all, CountedMissions::One);
    let counted = state.queries.analytics(range, step, missions).await?;
    Ok(Json(Analytics {
        from,
        to,
        bucket,
        series: series(from, to, width, counted),
    }))
}

/// Which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Stretch {
    /// The first instant or date; seven days before `to` without it. The hour (UTC) in which it lies counts whole.
    #[param(example = "2026-01-01")]
    from: Option<String>,
    /// The instant or date after the last; now without it.
    #[param(example = "2026-02-01T00:00:00Z")]
    to: Option<String>,
}

/// What happened with each mission.
#[derive(Debug, Serialize, ToSchema)]
struct MissionAnalytics {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// The missions with which something happened, those that paid the most points first.
    items: Vec<MissionCounts>,
}

/// What happened with one mission.
#[derive(Debug, Serialize, ToSchema)]
struct MissionCounts {
    mission_id: MissionId,
    code: MissionCode,
    category: String,
    status: MissionStatus,
    /// Whether it is tried out alone: what it does is counted here and not among the sums of all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    shadow: bool,
    #[serde(flatten)]
    counts: Counts,
}

/// The same for each mission: which ones are started, finished and paid for.
#[utoipa::path(get, path = "/analytics/missions", operation_id = "analytics_by_mission", tag = "analytics", security(("bearer" = ["analytics:read"])),
    params(Stretch), responses(
    (status = 200, description = "By mission", body = MissionAnalytics),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn by_mission(
    State(state): State<AppState>,
    _operator: Operator<AnalyticsRead>,
    Query(filter): Query<Stretch>,
) -> Result<Json<MissionAnalytics>, Problem> {
    let (from, to) = stretch(filter.from.as_deref(), filter.to.as_deref(), state.engine.now())?;
    let range = TimeRange { from: Some(from), to };
    let counted = state.queries.analytics_by_mission(range).await?;
    let catalog = state.engine.catalog();
    let mut items: Vec<MissionCounts> = counted
        .into_iter()
        .filter_map(|(id, counts)| {
            let mission = &catalog.mission(id)?.mission;
            Some(MissionCounts {
                mission_id: id,
                code: mission.definition.code.clone(),
                category: mission.definition.category.clone(),
                status: mission.status,
                shadow: mission.definition.shadow,
                counts: counts.into(),
            })
        })
        .collect();
    items.sort_by(|a, b| {
        b.counts
            .points
            .cmp(&a.counts.points)
            .then_with(|| a.code.cmp(&b.code))
    });
    Ok(Json(MissionAnalytics { from, to, items }))
}

/// The stretch of time that a query asks for.
fn stretch(
    from: Option<&str>,
    to: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Problem> {
    let to = to.map_or(Ok(now), |text| instant("to", text))?;
    let week_before = || to.checked_sub_signed(Duration::days(7)).unwrap_or(to);
    let from = from.map_or_else(|| Ok(week_before()), |text| instant("from", text))?;
    if from >= to {
        return Err(Problem::invalid_query("from", "must be before `to`"));
    }
    Ok((from, to))
}

fn instant(name: &str, text: &str) -> Result<DateTime<Utc>, Problem> {
    let date = || {
        text.parse::<NaiveDate>()
            .ok()
            .map(|date| date.and_time(NaiveTime::MIN).and_utc())
    };
    let at = text.parse::<DateTime<Utc>>().ok().or_else(date);
    // Beyond four-digit years, a bucket cannot be named on the wire.
    let named = at.filter(|at| (0..=9999).contains(&chrono::Datelike::year(at)));
    named.ok_or_else(|| Problem::invalid_query(name, "must be an RFC 3339 time or a date"))
}

fn series(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    width: Duration,
    mut counted: BTreeMap<DateTime<Utc>, ActivityCounts>,
) -> Vec<Point> {
    let mut points = Vec::new();
    let mut start = from.duration_trunc(width).unwrap_or(from);
    while start < to {
        points.push(Point {
            start,
            counts: counted.remove(&start).unwrap_or_default().into(),
        });
        start += width;
    }
    points
}
