//! What rules may read of a user, as the identity service or an operator says it.

use axum::{http::StatusCode, response::Response};
use mission_core::{UserId, check_in::Zone, engine::DescribeUser, user::UserUpdate};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::{Id, answer};
use crate::http::{
    AppState, FieldError, Problem,
    caller::{Operator, UsersWrite},
    command::Command,
    view::ZoneChange,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(describe))
}

/// What is said of a user now.
#[derive(Debug, Serialize, ToSchema)]
struct Described {
    user_id: UserId,
    level: u32,
    country: Option<String>,
    tags: Vec<String>,
    attributes: Map<String, Value>,
    /// The zone that was asked for last.
    #[schema(value_type = String)]
    zone: Zone,
    /// From when it holds, where it does not yet.
    zone_change: Option<ZoneChange>,
}

/// Says what rules may read of a user.
#[utoipa::path(put, path = "/users/{id}/attributes", tag = "users", security(("bearer" = ["users:write"])), params(("id" = UserId, Path)),
    request_body = UserUpdate, responses(
    (status = 200, description = "What is said now", body = Described),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn describe(Id(user): Id<UserId>, request: Command<Operator<UsersWrite>>) -> Result<Response, Problem> {
    let update: UserUpdate = request.body.read()?;
    let faults = update
        .validation_errors()
        .into_iter()
        .map(|(field, message)| FieldError {
            pointer: format!("/{field}"),
            message: message.to_owned(),
        });
    let faults: Vec<FieldError> = faults.collect();
    if !faults.is_empty() {
        return Err(Problem::invalid_body(faults));
    }
    let command = DescribeUser { user, update };
    let done = request.execute(command).await?;
    let (known, catalog) = (done.reply.user, request.state.engine.catalog());
    let described = Described {
        user_id: user,
        level: known.level(&catalog.levels),
        zone_change: ZoneChange::of(&known, request.state.engine.now()),
        zone: known.zone_history(catalog.check_in.default_zone()).requested(),
        country: known.description.country,
        tags: known.description.tags,
        attributes: known.description.attributes,
    };
    Ok(answer(StatusCode::OK, described, done.replayed))
}
