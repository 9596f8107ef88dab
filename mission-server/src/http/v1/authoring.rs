//! Missions written, changed and moved through their life.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use mission_core::{
    MissionId,
    engine::{
        CreateMission, MissionSaved, MoveMission, Rejection, ResourceKind, TypedCommand, UpdateMission,
    },
    mission::{Definition, StatusTransition},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Id, answer,
    definition_check::{Checked, FindingView},
    missions::etag,
    open_tasks::TouchedTasks,
};
use crate::http::{
    AppState, Problem,
    caller::{MissionsWrite, Operator},
    command::Command,
    locale::Locale,
    view::MissionView,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(update))
        .routes(routes!(activate))
        .routes(routes!(pause))
        .routes(routes!(archive))
}

/// Makes a mission, as a draft.
#[utoipa::path(post, path = "/missions", tag = "authoring", security(("bearer" = ["missions:write"])), request_body = Definition, responses(
    (status = 201, description = "The draft", body = Created, headers(("ETag" = String, description = "Its version"))),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`code_taken`", body = Problem, content_type = "application/problem+json")))]
async fn create(request: Command<Operator<MissionsWrite>>) -> Result<Response, Problem> {
    let Checked { definition, findings } = Checked::read(&request.state, &request.body, None)?;
    let command = CreateMission {
        mission: MissionId(request.state.engine.next_id()),
        definition,
    };
    let done = request.execute(command).await?;
    let mission = &done.reply.mission;
    let created = Created {
        mission: MissionView::of(mission, &Locale::of(None, &request.headers), true),
        findings,
    };
    Ok((etag(mission), answer(StatusCode::CREATED, created, done.replayed)).into_response())
}

/// A new mission.
#[derive(Debug, Serialize, ToSchema)]
struct Created {
    #[serde(flatten)]
    mission: MissionView,
    /// What is probably not meant so.
    findings: Vec<FindingView>,
}

/// Replaces a mission's definition.
#[utoipa::path(put, path = "/missions/{id}", tag = "authoring", security(("bearer" = ["missions:write"])),
    params(("id" = MissionId, Path), ("If-Match" = Option<String>, Header, description = "The version that was read")),
    request_body = Definition, responses(
    (status = 200, description = "The mission", body = Edited, headers(("ETag" = String, description = "Its version"))),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`code_taken`, `shadow_fixed`", body = Problem, content_type = "application/problem+json"),
    (status = 412, description = "`version_conflict`", body = Problem, content_type = "application/problem+json")))]
async fn update(
    Id(mission): Id<MissionId>,
    request: Command<Operator<MissionsWrite>>,
) -> Result<Response, Problem> {
    exists(&request.state, mission)?;
    let Checked { definition, findings } = Checked::read(&request.state, &request.body, Some(mission))?;
    let command = UpdateMission {
        mission,
        expected_version: if_match(&request.headers)?,
        definition,
    };
    let before = request.state.engine.catalog();
    let done = request.execute(command).await?;
    let mission = &done.reply.mission;
    let touched = std::slice::from_ref(mission);
    let edited = Edited {
        mission: MissionView::of(mission, &Locale::of(None, &request.headers), true),
        findings,
        open_tasks: TouchedTasks::of(request.state.queries.as_ref(), &before, touched).await?,
    };
    Ok((etag(mission), answer(StatusCode::OK, edited, done.replayed)).into_response())
}

/// A mission after an edit.
#[derive(Debug, Serialize, ToSchema)]
struct Edited {
    #[serde(flatten)]
    mission: MissionView,
    /// What is probably not meant so.
    findings: Vec<FindingView>,
    open_tasks: TouchedTasks,
}

macro_rules! moves {
    ($($name:ident, $path:literal, $doc:literal, $move:ident;)*) => { $(
        #[doc = $doc]
        #[utoipa::path(post, path = $path, tag = "authoring", security(("bearer" = ["missions:write"])),
            params(("id" = MissionId, Path), ("If-Match" = Option<String>, Header, description = "The version that was read")),
            responses(
            (status = 200, description = "The mission", body = MissionView, headers(("ETag" = String, description = "Its version"))),
            (status = 400, description = "`invalid_transition`", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
            (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
            (status = 412, description = "`version_conflict`", body = Problem, content_type = "application/problem+json")))]
        async fn $name(
            Id(mission): Id<MissionId>,
            request: Command<Operator<MissionsWrite>>,
        ) -> Result<Response, Problem> {
            change_status(mission, StatusTransition::$move, &request).await
        }
    )* };
}

moves! {
    activate, "/missions/{id}/activate", "Opens a mission to users.", Activate;
    pause, "/missions/{id}/pause", "Closes a mission for now.", Pause;
    archive, "/missions/{id}/archive", "Closes a paused mission for good.", Archive;
}

async fn change_status(
    mission: MissionId,
    to: StatusTransition,
    request: &Command<Operator<MissionsWrite>>,
) -> Result<Response, Problem> {
    exists(&request.state, mission)?;
    request.body.expect_none()?;
    let command = MoveMission {
        mission,
        asked: to,
        expected_version: if_match(&request.headers)?,
    };
    save(StatusCode::OK, request, command).await
}

fn exists(state: &AppState, mission: MissionId) -> Result<(), Problem> {
    state
        .engine
        .catalog()
        .mission(mission)
        .map(|_| ())
        .ok_or_else(|| Problem::not_found(ResourceKind::Mission))
}

async fn save<I: TypedCommand<Reply = MissionSaved>>(
    status: StatusCode,
    request: &Command<Operator<MissionsWrite>>,
    intent: I,
) -> Result<Response, Problem> {
    let done = request.execute(intent).await?;
    let mission = &done.reply.mission;
    let view = MissionView::of(mission, &Locale::of(None, &request.headers), true);
    Ok((etag(mission), answer(status, view, done.replayed)).into_response())
}

/// The version in `If-Match`: `"3"`; `*` and no header match every one.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_start_matches("W/").trim_matches('"').parse().ok();
    version.map(Some).ok_or_else(|| {
        // Whatever else it is, it is no version that this mission has.
        Rejection::VersionConflict { current: 0 }.into()
    })
}
