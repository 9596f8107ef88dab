//! Daily check-ins and the calendar.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use mission_core::{
    Points, UserId,
    check_in::{CheckInDay, ZoneHistory},
    engine::{Catalog, CheckIn, CheckedIn},
    ports::store::StoreError,
    user::User,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use crate::cache::UserCheckIns;
use crate::http::{AppState, Problem, caller::Session, command::Command, query::Query};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(check_in, calendar))
}

/// What a check-in earned.
#[derive(Debug, Serialize, ToSchema)]
struct CheckInAnswer {
    /// The user's local date.
    date: NaiveDate,
    streak: u32,
    longest_streak: u32,
    total_check_ins: u32,
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    points: Decimal,
    base_points: Points,
    streak_bonus: Points,
    /// Whether a milestone was reached.
    milestone: bool,
    milestone_bonus: Points,
    monthly_reward: Points,
    freezes_used: u32,
    freezes_held: u32,
    /// Whether the rewards wait for a reviewer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    under_review: bool,
}

impl From<CheckedIn> for CheckInAnswer {
    fn from(done: CheckedIn) -> Self {
        let earned = done.day.earned;
        CheckInAnswer {
            date: done.day.date,
            streak: done.streak.current,
            longest_streak: done.streak.longest,
            total_check_ins: done.streak.total,
            points: earned.total(),
            base_points: earned.base,
            streak_bonus: earned.streak_bonus,
            milestone: earned.is_milestone(),
            milestone_bonus: earned.milestone_bonus,
            monthly_reward: earned.monthly_reward,
            freezes_used: done.day.freezes_used,
            freezes_held: done.freezes_held,
            under_review: done.under_review,
        }
    }
}

/// Checks in for today.
#[utoipa::path(post, path = "/checkin", tag = "check-in", responses(
    (status = 200, description = "What it earned", body = CheckInAnswer),
    (status = 400, description = "`already_checked_in`, `device_required`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`risk_refused`", body = Problem, content_type = "application/problem+json")))]
async fn check_in(request: Command<Session>) -> Result<Response, Problem> {
    request.body.expect_none()?;
    let user = request.who.user();
    let done = request.execute(CheckIn { user }).await?;
    let earned = CheckInAnswer::from(done.reply);
    Ok(answer(StatusCode::OK, earned, done.replayed))
}

/// Which month.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MonthQuery {
    /// `YYYY-MM`; the user's current month without it.
    #[param(pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$", example = "2026-01")]
    month: Option<String>,
}

impl MonthQuery {
    /// The first day of the month that is asked for.
    fn first(&self) -> Result<Option<NaiveDate>, Problem> {
        let month = self.month.as_deref();
        let first = month.map(|month| {
            parse_month(month).ok_or_else(|| Problem::invalid_query("month", "must be a month, `YYYY-MM`"))
        });
        first.transpose()
    }
}

/// How a user's check-ins stand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Calendar {
    /// 0 once it can no longer be continued.
    current_streak: u32,
    longest_streak: u32,
    total_check_ins: u32,
    last_check_in_date: Option<NaiveDate>,
    can_check_in_today: bool,
    /// The next instant at which a check-in counts: now, if one does.
    next_check_in_at: DateTime<Utc>,
    /// Whether the streak is lost without a check-in today.
    streak_at_risk: bool,
    next_milestone: Option<Milestone>,
    freezes_held: u32,
    month: Month,
}

/// The next tier with a milestone bonus.
#[derive(Debug, Serialize, ToSchema)]
struct Milestone {
    days: u32,
    bonus: Points,
}

/// One calendar month.
#[derive(Debug, Serialize, ToSchema)]
struct Month {
    days: Vec<Day>,
    count: usize,
}

/// One check-in day.
#[derive(Debug, Serialize, ToSchema)]
struct Day {
    date: NaiveDate,
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    points_earned: Decimal,
    is_milestone: bool,
}

/// The caller's streak and one month of check-ins.
#[utoipa::path(get, path = "/checkin", tag = "check-in", params(MonthQuery),
    responses((status = 200, description = "The streak and the month", body = Calendar)))]
async fn calendar(
    State(state): State<AppState>,
    session: Session,
    Query(query): Query<MonthQuery>,
) -> Result<Json<Calendar>, Problem> {
    let requested = query.first()?;
    let (catalog, now) = (state.engine.catalog(), state.engine.now());
    let id = session.user();
    let found = state
        .cache
        .check_ins
        .get(id, || current_month(&state, id))
        .await?;
    let record = session.require_not_erased(&state, found.user.clone()).await?;
    let user = record.unwrap_or_else(|| User::new(id, now).asking_for_zone(session.caller.zone, now));
    let zones = user.zone_history(catalog.check_in.default_zone());
    let today = zones.at(now).date(now);
    let first = requested.unwrap_or_else(|| first_of_month(today));
    let days = if first == found.month {
        found.days.clone()
    } else {
        days_of_month(&state, id, first).await?
    };
    Ok(Json(calendar_of(&user, &zones, today, now, &catalog, days)))
}

/// A user's streak and one month of check-ins.
pub(super) async fn month_of(state: &AppState, user: &User, query: &MonthQuery) -> Result<Calendar, Problem> {
    let (catalog, now) = (state.engine.catalog(), state.engine.now());
    let zones = user.zone_history(catalog.check_in.default_zone());
    let today = zones.at(now).date(now);
    let first = query.first()?.unwrap_or_else(|| first_of_month(today));
    let days = days_of_month(state, user.id, first).await?;
    Ok(calendar_of(user, &zones, today, now, &catalog, days))
}

/// A user's record, and the days of the month that is now.
async fn current_month(state: &AppState, id: UserId) -> Result<UserCheckIns, StoreError> {
    let (catalog, now) = (state.engine.catalog(), state.engine.now());
    let user = state.queries.user(id).await?;
    let default = catalog.check_in.default_zone();
    let zone = user.as_ref().map_or(default, |user| user.zone_at(now, default));
    let today = zone.date(now);
    let month = first_of_month(today);
    let days = days_of_month(state, id, month).await?;
    let rest_of_day = (zone.end_of(today) - now).to_std().unwrap_or_default();
    Ok(UserCheckIns {
        user,
        month,
        days,
        rest_of_day,
    })
}

fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

async fn days_of_month(
    state: &AppState,
    id: UserId,
    first: NaiveDate,
) -> Result<Vec<CheckInDay>, StoreError> {
    let last = first.with_day(u32::from(first.num_days_in_month()));
    state
        .queries
        .check_in_days(id, first, last.unwrap_or(first))
        .await
}

fn parse_month(text: &str) -> Option<NaiveDate> {
    let well_formed = text.len() == 7 && text.is_ascii();
    format!("{text}-01").parse().ok().filter(|_| well_formed)
}

fn calendar_of(
    user: &User,
    zones: &ZoneHistory,
    today: NaiveDate,
    now: DateTime<Utc>,
    catalog: &Catalog,
    days: Vec<CheckInDay>,
) -> Calendar {
    let (state, policy) = (&user.check_in, catalog.check_in.as_ref());
    let current = state.streak_on(today, zones, policy);
    let can_check_in_today = state.can_check_in_on(today);
    let next = policy.next_milestone(current);
    Calendar {
        current_streak: current,
        longest_streak: state.streak.longest,
        total_check_ins: state.streak.total,
        last_check_in_date: state.last_date,
        can_check_in_today,
        next_check_in_at: if can_check_in_today {
            now
        } else {
            next_check_in(user, zones, now)
        },
        streak_at_risk: state.is_at_risk_on(today, zones, policy),
        next_milestone: next.map(|(days, tier)| Milestone {
            days,
            bonus: tier.milestone_bonus,
        }),
        freezes_held: state.freezes_held,
        month: Month {
            count: days.len(),
            days: days
                .into_iter()
                .map(|day| Day {
                    date: day.date,
                    points_earned: day.earned.total(),
                    is_milestone: day.earned.is_milestone(),
                })
                .collect(),
        },
    }
}

/// When the first local day after the last check-in begins. A zone that is about to change may put it off.
fn next_check_in(user: &User, zones: &ZoneHistory, now: DateTime<Utc>) -> DateTime<Utc> {
    let Some(last) = user.check_in.last_date else {
        return now;
    };
    let mut at = now;
    // Each step goes to the start of the next local day; two zones can disagree by three days at most.
    for _ in 0..4 {
        let zone = zones.at(at);
        let date = zone.date(at);
        if date > last {
            return at;
        }
        at = zone.end_of(date.max(last)).max(at);
        at = zones.at(at).start_of(zones.at(at).date(at)).max(at);
    }
    at
}
