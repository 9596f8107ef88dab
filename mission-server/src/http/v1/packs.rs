//! Whole packs: put in place all or nothing, and read back.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use mission_core::engine::{ResourceKind, pack_id};
use mission_rules::pack::{Finding, PackFiles, PackLimits, put_command, report};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{answer, open_tasks::TouchedTasks};
use crate::http::{
    AppState, FieldError, Problem,
    body::{self, BodyLimit},
    caller::{MissionsWrite, Operator},
    command::Command,
    query::{NoQuery, Query},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    // A whole pack comes in one body, its texts escaped as JSON.
    let limit = BodyLimit(PackLimits::default().max_total_bytes.saturating_mul(2));
    OpenApiRouter::new()
        .routes(routes!(put, read))
        .routes(routes!(versions))
        .layer(axum::Extension(limit))
}

/// A pack's files.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Upload {
    /// Text by path, such as `pack.toml` and `missions/watch.toml`.
    files: BTreeMap<String, String>,
}

/// How the pack is put in place.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Options {
    /// Whether new missions become active (the default) or drafts. Known missions keep their status.
    activate: Option<bool>,
}

/// What was put in place.
#[derive(Debug, Serialize, ToSchema)]
struct Put {
    name: String,
    /// Raised by every change of the content.
    version: u64,
    /// Its missions: id and status by code.
    missions: BTreeMap<String, PutMission>,
    /// How many of its missions are new.
    created: usize,
    /// How many of its missions were known and are different now.
    changed: usize,
    /// How many missions its last version held and this one does not; they are archived now.
    archived: usize,
    /// Their codes.
    archived_missions: Vec<String>,
    open_tasks: TouchedTasks,
    /// What is probably not meant so.
    warnings: Value,
}

/// One mission of a pack.
#[derive(Debug, Serialize, ToSchema)]
struct PutMission {
    id: mission_core::MissionId,
    status: mission_core::mission::MissionStatus,
    version: u64,
}

/// Puts a whole pack in place, all or nothing.
#[utoipa::path(put, path = "/packs/{name}", tag = "authoring", security(("bearer" = ["missions:write"])),
    params(("name" = String, Path, description = "The name in `pack.toml`", example = "videos"), Options), request_body = Upload, responses(
    (status = 200, description = "It is in force", body = Put),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`policy_taken`, `code_taken`, `shadow_fixed`", body = Problem, content_type = "application/problem+json")))]
async fn put(
    Path(name): Path<String>,
    request: Command<Operator<MissionsWrite>, Options>,
) -> Result<Response, Problem> {
    let state = &request.state;
    let upload: Upload = request.body.read()?;
    let files = PackFiles::from_map(upload.files);
    let shown = files.clone();
    let activate = request.query.activate.unwrap_or(true);
    let (command, warnings) = put_command(&state.engine, &state.scripts, files, activate)
        .map_err(|found| refused(&found, &shown))?;
    if command.name != name {
        let message = format!("the pack calls itself `{}`, not `{name}`", command.name);
        return Err(Problem::invalid_field("/files/pack.toml", message));
    }
    let before = state.engine.catalog();
    let done = request.execute(command).await?;
    let open_tasks = TouchedTasks::of(state.queries.as_ref(), &before, &done.reply.missions).await?;
    let archived = done.reply.archived.into_iter();
    let archived_missions: Vec<String> = archived
        .map(|mission| mission.definition.code.to_string())
        .collect();
    let missions = done.reply.missions.into_iter().map(|mission| {
        let put = PutMission {
            id: mission.id,
            status: mission.status,
            version: mission.version,
        };
        (mission.definition.code.to_string(), put)
    });
    let put = Put {
        name: done.reply.name,
        version: done.reply.version,
        missions: missions.collect(),
        created: done.reply.created,
        changed: done.reply.changed,
        archived: archived_missions.len(),
        archived_missions,
        open_tasks,
        warnings: report::json(&warnings, &shown),
    };
    Ok(answer(StatusCode::OK, put, done.replayed))
}

pub(super) fn refused(findings: &[Finding], files: &PackFiles) -> Problem {
    let errors = findings
        .iter()
        .filter(|finding| finding.is_error())
        .map(|finding| {
            let at = report::region(finding, files);
            let place = at
                .map(|at| format!("{}:{}: ", at.line, at.column))
                .unwrap_or_default();
            let help = finding
                .diagnostic
                .help
                .as_ref()
                .map(|help| format!(" ({help})"))
                .unwrap_or_default();
            FieldError {
                pointer: format!("/files/{}", body::escape(&finding.file)),
                message: format!("{place}{}{help}", finding.diagnostic.message),
            }
        });
    Problem::invalid_body(errors.collect())
}

/// A pack as the server keeps it.
#[derive(Debug, Serialize, ToSchema)]
struct StoredPack {
    name: String,
    version: u64,
    files: BTreeMap<String, String>,
    /// The codes of its missions.
    missions: Vec<String>,
    updated_at: DateTime<Utc>,
}

/// Which of its versions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AsOf {
    /// One that is kept; else the pack as it is.
    #[param(minimum = 1)]
    version: Option<u64>,
}

/// A pack as it was put in place.
#[utoipa::path(get, path = "/packs/{name}", tag = "authoring", security(("bearer" = ["missions:write"])),
    params(("name" = String, Path, description = "The name in `pack.toml`"), AsOf), responses(
    (status = 200, description = "The pack", body = StoredPack),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: no such pack, or no such version of it", body = Problem,
        content_type = "application/problem+json")))]
async fn read(
    State(state): State<AppState>,
    _operator: Operator<MissionsWrite>,
    Path(name): Path<String>,
    Query(as_of): Query<AsOf>,
) -> Result<Json<StoredPack>, Problem> {
    let pack = state.queries.pack(pack_id(&name), as_of.version).await?;
    let pack = pack.ok_or_else(|| Problem::not_found(ResourceKind::Pack))?;
    Ok(Json(StoredPack {
        name: pack.name,
        version: pack.version,
        files: pack.files,
        missions: pack.missions.into_iter().map(String::from).collect(),
        updated_at: pack.updated_at,
    }))
}

/// A version of a pack.
#[derive(Debug, Serialize, ToSchema)]
struct Version {
    version: u64,
    /// When it was put in place.
    updated_at: DateTime<Utc>,
}

/// The versions of a pack.
#[derive(Debug, Serialize, ToSchema)]
struct Versions {
    /// Newest first; the first is in force.
    items: Vec<Version>,
    /// Always `null`: all that are kept come at once.
    next_cursor: Option<String>,
}

/// The versions of a pack that are kept: the last hundred. Who put each in place is in `/audit`.
#[utoipa::path(get, path = "/packs/{name}/versions", tag = "authoring", security(("bearer" = ["missions:write"])),
    params(("name" = String, Path, description = "The name in `pack.toml`")), responses(
    (status = 200, description = "Its versions", body = Versions),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn versions(
    State(state): State<AppState>,
    _operator: Operator<MissionsWrite>,
    Path(name): Path<String>,
    _: Query<NoQuery>,
) -> Result<Json<Versions>, Problem> {
    let kept = state.queries.pack_versions(pack_id(&name)).await?;
    if kept.is_empty() {
        return Err(Problem::not_found(ResourceKind::Pack));
    }
    let items = kept.into_iter().map(|kept| Version {
        version: kept.version,
        updated_at: kept.updated_at,
    });
    Ok(Json(Versions {
        items: items.collect(),
        next_cursor: None,
    }))
}
