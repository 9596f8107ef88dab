//! `/api/v1`: one endpoint group a file.

mod analytics;
mod audit;
mod authoring;
mod check_in;
mod configuration;
mod dead_letters;
mod definition_check;
mod events;
mod journal;
mod leaderboards;
mod me;
mod missions;
mod moderation;
mod open_tasks;
mod pack_cases;
mod packs;
mod parked;
mod ping;
mod reviews;
mod rewards;
mod rings;
mod rules;
mod shadow;
mod slow_scripts;
mod streaks;
mod stream;
mod tasks;
mod uploads;
mod users;
mod webhooks;

use axum::{
    Json,
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use mission_core::engine::ResourceKind;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use super::{AppState, Problem, idempotency::replayed_header};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    let groups = OpenApiRouter::new()
        .merge(missions::routes())
        .merge(authoring::routes())
        .merge(shadow::routes())
        .merge(tasks::routes())
        .merge(uploads::routes())
        .merge(check_in::routes())
        .merge(rewards::routes())
        .merge(me::routes())
        .merge(leaderboards::routes())
        .merge(events::routes())
        .merge(rules::routes())
        .merge(slow_scripts::routes())
        .merge(packs::routes())
        .merge(pack_cases::routes())
        .merge(reviews::routes())
        .merge(rings::routes())
        .merge(users::routes())
        .merge(analytics::routes())
        .merge(streaks::routes())
        .merge(audit::routes())
        .merge(configuration::routes())
        .merge(journal::routes())
        .merge(parked::routes())
        .merge(stream::routes())
        .merge(webhooks::routes())
        .merge(dead_letters::routes())
        .merge(ping::routes());
    OpenApiRouter::new().nest("/api/v1", groups)
}

/// The route that takes files, which may take their time.
pub(super) const UPLOAD: &str = "/api/v1/tasks/{id}/upload";

/// The route that takes activity events, many at once.
pub(super) const EVENTS: &str = "/api/v1/events";

/// Routes below the same path that tell who calls by other means than a token.
pub(super) fn signed_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().nest("/api/v1", moderation::routes())
}

/// An id in the path. What is no UUID names nothing.
struct Id<T>(T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: From<uuid::Uuid> + NamesThing,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<uuid::Uuid>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Id(T::from(id)))
            .map_err(|_| Problem::not_found(T::THING))
    }
}

/// The resource kind of an id type, for "not found" errors.
trait NamesThing {
    const THING: ResourceKind;
}

macro_rules! names {
    ($($id:ident => $thing:ident),*) => { $(
        impl NamesThing for mission_core::$id {
            const THING: ResourceKind = ResourceKind::$thing;
        }
    )* };
}
names!(MissionId => Mission, TaskId => Task, RewardId => Reward, ReviewId => Review, UserId => User, FraudRingId => Ring);

/// A JSON answer to a command, marked where it was given before.
fn answer(status: StatusCode, body: impl Serialize, replayed: bool) -> Response {
    (status, replayed_header(replayed), Json(body)).into_response()
}

/// 202 where a person has to let it through, else 200.
fn ok_or_accepted(under_review: bool) -> StatusCode {
    if under_review {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    }
}

/// The mission that a query names by id or code. An id is taken as it is, whether or not there is such a mission.
fn mission_named(catalog: &mission_core::engine::Catalog, name: &str) -> Option<mission_core::MissionId> {
    name.parse().ok().or_else(|| catalog.id_of(&name.parse().ok()?))
}
