//! Why a user can do a mission, or cannot.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use mission_core::{
    UserId,
    engine::{ExplainError, ResourceKind, Signals, StartTask},
    mission::MissionStatus,
    task::Explanation,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{super::mission_named, read::known};
use crate::{
    auth::Permission,
    http::{
        AppState, Problem,
        caller::Session,
        command::Requester,
        query::{NoQuery, Query},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(explain_mission))
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Rejected(rejection) => rejection.into(),
            ExplainError::Store(error) => error.into(),
        }
    }
}

/// Why a user can start a mission or go on with it, or cannot: every condition with the value that it saw, which one
/// decides, and what is still to do. Users see their own, and of scripts the outcome alone; with `users:read` everybody's,
/// and the lines that ran.
#[utoipa::path(get, path = "/users/{id}/missions/{mission}/explain", tag = "users", params(
    ("id" = UserId, Path),
    ("mission" = String, Path, description = "The mission's id or code")), responses(
    (status = 200, description = "The explanation", body = Explanation),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 410, description = "`user_erased`", body = Problem, content_type = "application/problem+json")))]
async fn explain_mission(
    State(state): State<AppState>,
    session: Session,
    path: Result<Path<(Uuid, String)>, PathRejection>,
    _: Query<NoQuery>,
) -> Result<Json<Explanation>, Problem> {
    let Ok(Path((user, name))) = path else {
        return Err(Problem::not_found(ResourceKind::User));
    };
    let user = UserId(user);
    let is_operator = session.caller.has(Permission::UsersRead);
    let signals = if user == session.user() {
        session.record(&state).await?;
        session.signals()
    } else if is_operator {
        known(&state, user).await?;
        Signals::default()
    } else {
        let detail = "of other users this needs the permission `users:read`";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    };
    let catalog = state.engine.catalog();
    let mission = mission_named(&catalog, &name)
        .filter(|id| {
            let compiled = catalog.mission(*id);
            compiled.is_some_and(|compiled| match compiled.mission.definition.shadow {
                true => session.caller.has(Permission::MissionsWrite),
                false => is_operator || compiled.mission.status != MissionStatus::Draft,
            })
        })
        .ok_or_else(|| Problem::not_found(ResourceKind::Mission))?;
    let start = StartTask { user, mission };
    let mut explanation = state.engine.explain(&*state.store, start, signals).await?;
    if !is_operator {
        // How a script decides is its author's business.
        for condition in &mut explanation.conditions {
            condition.lines.clear();
        }
    }
    Ok(Json(explanation))
}
