//! One user as operators see them, in the form of the user's own routes.

use std::cmp::Reverse;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use mission_core::{
    TaskId, UserId,
    engine::ResourceKind,
    fraud::DeviceHash,
    ports::queries::{Page, TaskFilter},
    user::{Boost, InviteCode, User},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::{
    Id, check_in,
    me::Profile,
    mission_named, rewards,
    tasks::{self, zone_of},
};
use crate::{
    auth::Permission,
    http::{
        AppState, Problem,
        caller::{Operator, UsersRead},
        page::{self, LedgerOffset, List, Paging},
        query::{NoQuery, Query},
        view::{PersonView, RewardView, TaskView},
    },
    neighbours::NAMES_WAIT,
    wallet::LedgerEntry,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(find_users))
        .routes(routes!(user_profile))
        .routes(routes!(user_devices))
        .routes(routes!(user_tasks))
        .routes(routes!(user_rewards))
        .routes(routes!(user_check_ins))
        .routes(routes!(user_ledger))
        .routes(routes!(user_boosts))
}

/// A user who is there: 404 where nobody was seen under the id, and where who was is erased.
pub(super) async fn known(state: &AppState, id: UserId) -> Result<User, Problem> {
    let user = state.queries.user(id).await?;
    user.filter(|user| !user.is_erased())
        .ok_or_else(|| Problem::not_found(ResourceKind::User))
}

/// Which users.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Whose code it is, however it is typed.
    #[param(example = "G4XVDG7RWISF")]
    invite_code: String,
}

/// A user who was found.
#[derive(Debug, Serialize, ToSchema)]
struct FoundUser {
    id: UserId,
}

/// Users by what they tell support of themselves: their invite code.
#[utoipa::path(get, path = "/users", operation_id = "find_users", tag = "users", security(("bearer" = ["users:read"])), params(Wanted), responses(
    (status = 200, description = "One user, or none", body = List<FoundUser>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn find_users(
    State(state): State<AppState>,
    _operator: Operator<UsersRead>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<List<FoundUser>>, Problem> {
    let code = InviteCode::typed(&wanted.invite_code);
    let owner = match state.queries.invite_owner(&code).await? {
        Some(id) => state.queries.user(id).await?.filter(|user| !user.is_erased()),
        None => None,
    };
    Ok(Json(List {
        items: owner.iter().map(|user| FoundUser { id: user.id }).collect(),
        next_cursor: None,
    }))
}

/// A device that a user came with.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceView {
    /// A hash of what the client named.
    #[schema(value_type = String)]
    device: DeviceHash,
    /// Whether it is the user's first one, or approved by a reviewer.
    trusted: bool,
    first_seen_at: DateTime<Utc>,
    /// Within a day.
    last_seen_at: DateTime<Utc>,
    /// How many other users came with it; of many the latest fifty.
    other_users: usize,
}

/// The devices that a user came with, the latest first.
#[utoipa::path(get, path = "/users/{id}/devices", tag = "users", security(("bearer" = ["users:read"])), params(("id" = UserId, Path)), responses(
    (status = 200, description = "All that are remembered", body = List<DeviceView>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn user_devices(
    State(state): State<AppState>,
    _operator: Operator<UsersRead>,
    Id(id): Id<UserId>,
    _: Query<NoQuery>,
) -> Result<Json<List<DeviceView>>, Problem> {
    let devices = known(&state, id).await?.devices;
    let hashes: Vec<DeviceHash> = devices.iter().map(|known| known.device.clone()).collect();
    let users = state.queries.device_users(&hashes).await?;
    let others = |device: &DeviceHash| {
        let came = users.get(device).into_iter().flat_map(|users| users.keys());
        came.filter(|user| **user != id).count()
    };
    let views = devices.into_iter().map(|known| DeviceView {
        other_users: others(&known.device),
        device: known.device,
        trusted: known.trusted,
        first_seen_at: known.first_seen_at,
        last_seen_at: known.last_seen_at,
    });
    let mut items: Vec<DeviceView> = views.collect();
    items.sort_by_key(|device| Reverse(device.last_seen_at));
    Ok(Json(List {
        items,
        next_cursor: None,
    }))
}

/// A user's profile, with their name and picture.
#[derive(Debug, Serialize, ToSchema)]
struct UserPage {
    #[serde(flatten)]
    profile: Profile,
    #[serde(flatten)]
    person: PersonView,
    /// When a reviewer banned the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    banned_at: Option<DateTime<Utc>>,
}

/// A user's profile.
#[utoipa::path(get, path = "/users/{id}", tag = "users", security(("bearer" = ["users:read"])), params(("id" = UserId, Path)), responses(
    (status = 200, description = "The profile", body = UserPage),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn user_profile(
    State(state): State<AppState>,
    _operator: Operator<UsersRead>,
    Id(id): Id<UserId>,
    _: Query<NoQuery>,
) -> Result<Json<UserPage>, Problem> {
    let user = known(&state, id).await?;
    let balance = state.wallet.balance(id).await?;
    let person = match &state.neighbours.iam {
        Some(iam) => iam.person(id, NAMES_WAIT).await.ok().flatten(),
        None => None,
    };
    Ok(Json(UserPage {
        profile: state.view(|view| Profile::of(&user, balance, view)),
        person: person.map(PersonView::from).unwrap_or_default(),
        banned_at: user.banned_at,
    }))
}

/// A user's tasks, newest first.
#[utoipa::path(get, path = "/users/{id}/tasks", tag = "users", security(("bearer" = ["users:read"])), params(("id" = UserId, Path), tasks::Filter), responses(
    (status = 200, description = "A page of tasks", body = List<TaskView>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn user_tasks(
    State(state): State<AppState>,
    operator: Operator<UsersRead>,
    Id(id): Id<UserId>,
    Query(filter): Query<tasks::Filter>,
) -> Result<Json<List<TaskView>>, Problem> {
    let page = page::page::<TaskId>(filter.limit, filter.cursor.as_deref())?;
    let user = known(&state, id).await?;
    let catalog = state.engine.catalog();
    // Those of shadow missions are their authors' business.
    let hidden = match operator.caller.has(Permission::MissionsWrite) {
        true => &[],
        false => catalog.shadow_ids(),
    };
    let named = filter
        .mission
        .as_deref()
        .map(|name| mission_named(&catalog, name));
    let found = match named {
        // There are no tasks of a mission that does not exist.
        Some(None) => Vec::new(),
        mission => {
            let filter = TaskFilter {
                status: filter.status,
                mission: mission.flatten(),
                hidden,
            };
            state.queries.tasks(id, filter, page::one_more(page)).await?
        }
    };
    Ok(Json(state.view(|view| {
        let zone = zone_of(Some(&user), view);
        page::list(
            found,
            page.limit,
            |task| task.id,
            |task| TaskView::of(task, view, zone),
        )
    })))
}

/// A user's rewards, newest first.
#[utoipa::path(get, path = "/users/{id}/rewards", tag = "users", security(("bearer" = ["users:read"])), params(("id" = UserId, Path), rewards::Filter), responses(
    (status = 200, description = "A page of rewards", body = List<RewardView>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn user_rewards(
    State(state): State<AppState>,
    _operator: Operator<UsersRead>,
    Id(id): Id<UserId>,
    Query(filter): Query<rewards::Filter>,
) -> Result<Json<List<RewardView>>, Problem> {
    known(&state, id).await?;
    Ok(Json(rewards::rewards_of(&state, id, &filter).await?))
}

/// A user's streak and one month of check-ins.
#[utoipa::path(get, path = "/users/{id}/checkin", tag = "users", security(("bearer" = ["users:read"])), params(("id" = UserId, Path), check_in::MonthQuery),
    responses(
    (status = 200, description = "The streak and the month", body = check_in::Calendar),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn user_check_ins(
    State(state): State<AppState>,
    _operator: Operator<UsersRead>,
    Id(id): Id<UserId>,
    Query(query): Query<check_in::MonthQuery>,
) -> Result<Json<check_in::Calendar>, Problem> {
    let user = known(&state, id).await?;
    Ok(Json(check_in::month_of(&state, &user, &query).await?))
}

/// The bookings of the embedded ledger in a user's account, oldest first.
#[utoipa::path(get, path = "/users/{id}/ledger", tag = "users", security(("bearer" = ["users:read"])), params(("id" = UserId, Path), Paging), responses(
    (status = 200, description = "A page of bookings", body = List<LedgerEntry>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn user_ledger(
    State(state): State<AppState>,
    _operator: Operator<UsersRead>,
    Id(id): Id<UserId>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<LedgerEntry>>, Problem> {
    let Page { limit, after } = paging.page()?;
    known(&state, id).await?;
    // Bookings are only ever added, so that a place among them stays the same.
    let seen = after.map_or(0, |LedgerOffset(seen)| seen);
    let entries = state.wallet.entries(id).await?.into_iter().enumerate();
    let page: Vec<_> = entries.skip(seen).take(limit + 1).collect();
    Ok(Json(page::list(
        page,
        limit,
        |(place, _)| LedgerOffset(place + 1),
        |(_, entry)| entry,
    )))
}

/// A user's mining boosts that have not ended, the latest last: what a mining service speeds up by.
#[utoipa::path(get, path = "/users/{id}/boosts", tag = "users", security(("bearer" = ["users:read"])), params(("id" = UserId, Path)), responses(
    (status = 200, description = "All of them", body = List<Boost>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn user_boosts(
    State(state): State<AppState>,
    _operator: Operator<UsersRead>,
    Id(id): Id<UserId>,
    _: Query<NoQuery>,
) -> Result<Json<List<Boost>>, Problem> {
    let user = known(&state, id).await?;
    Ok(Json(List {
        items: user.boosts_at(state.engine.now()).cloned().collect(),
        next_cursor: None,
    }))
}
