//! Missions as users see them, and their start.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use mission_core::{
    MissionId,
    engine::{Catalog, ResourceKind, StartTask},
    mission::{Mission, MissionStatus, MissionType},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Id, answer};
use crate::{
    auth::Permission,
    http::{
        AppState, Problem,
        caller::Session,
        command::Command,
        locale::Locale,
        page::{self, List, MissionKey},
        query::Query,
        view::{MissionState, MissionView, TaskView},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(start))
}

/// Which missions, and in which language.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of one type.
    #[serde(rename = "type")]
    mission_type: Option<MissionType>,
    /// Of one category.
    category: Option<String>,
    /// Of one status; without it, the active ones, and all for who may write missions.
    status: Option<MissionStatus>,
    /// A language tag, or `*` for all languages.
    lang: Option<String>,
    /// At most so many; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// Missions by falling priority.
#[utoipa::path(get, path = "/missions", tag = "missions", params(Filter), responses(
    (status = 200, description = "A page of missions", body = List<MissionView>,
        headers(("ETag" = String, description = "Of this answer, for `If-None-Match`"))),
    (status = 304, description = "It is as `If-None-Match` says")))]
async fn list(
    State(state): State<AppState>,
    session: Session,
    uri: Uri,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    session.record(&state).await?;
    let author = session.caller.has(Permission::MissionsWrite);
    state.cache.publish_missions(&state.engine).await;
    let catalog = state.engine.catalog();
    let locale = Locale::of(filter.lang.as_deref(), &headers);
    if author {
        let page = page_of(&catalog, &filter, author)?;
        let mut states = states(&state, &page.items).await?;
        return Ok(Json(page.map(|mission| {
            let view = MissionView::of(mission, &locale, author);
            match states.remove(&mission.id) {
                Some(state) => view.with_state(state),
                None => view,
            }
        }))
        .into_response());
    }
    let render = || {
        let page = page_of(&catalog, &filter, author)?;
        Ok((
            page.map(|mission| MissionView::of(mission, &locale, author)),
            None,
        ))
    };
    state.rendered().respond(&catalog, &uri, &headers, render)
}

fn page_of<'c>(
    catalog: &'c Catalog,
    filter: &Filter,
    author: bool,
) -> Result<List<&'c Arc<Mission>>, Problem> {
    let page = page::page::<MissionKey>(filter.limit, filter.cursor.as_deref())?;
    let wanted = |mission: &Mission| {
        filter
            .mission_type
            .is_none_or(|wanted| wanted == mission.definition.mission_type)
            && filter
                .category
                .as_ref()
                .is_none_or(|wanted| *wanted == mission.definition.category)
            && visible(mission, author)
            && match filter.status {
                Some(status) => status == mission.status,
                None => author || mission.status == MissionStatus::Active,
            }
    };
    let mut missions: Vec<_> = catalog
        .missions()
        .map(|listed| &listed.mission)
        .filter(|mission| wanted(mission))
        .collect();
    missions.sort_by_key(|mission| MissionKey::of(mission));
    if let Some(after) = page.after {
        missions.retain(|mission| MissionKey::of(mission) > after);
    }
    missions.truncate(page.limit + 1);
    Ok(page::list(
        missions,
        page.limit,
        |mission| MissionKey::of(mission),
        |mission| mission,
    ))
}

/// How missions do.
async fn states(
    state: &AppState,
    missions: &[&Arc<Mission>],
) -> Result<BTreeMap<MissionId, MissionState>, Problem> {
    let limited: Vec<MissionId> = missions
        .iter()
        .filter(|mission| is_counted(mission))
        .map(|mission| mission.id)
        .collect();
    let used = if limited.is_empty() {
        BTreeMap::new()
    } else {
        state.queries.budget_uses(&limited).await?
    };
    let now = state.engine.now();
    let states = missions.iter().map(|mission| {
        let state = MissionState {
            health: state.rule_health.of(mission.id, now),
            budget_used: is_counted(mission)
                .then(|| used.get(&mission.id).copied().unwrap_or_default().into()),
            open_task_count: None,
        };
        (mission.id, state)
    });
    Ok(states.collect())
}

/// Whether it is counted what its rewards take of a budget: a shadow mission's always are.
fn is_counted(mission: &Mission) -> bool {
    mission.definition.budget.is_some() || mission.definition.shadow
}

/// Drafts and shadow missions are their authors' own.
pub(super) fn visible(mission: &Mission, author: bool) -> bool {
    author || (mission.status != MissionStatus::Draft && !mission.definition.shadow)
}

/// In which language.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Language {
    /// A language tag, or `*` for all languages.
    pub(super) lang: Option<String>,
}

/// One mission.
#[utoipa::path(get, path = "/missions/{id}", tag = "missions", params(("id" = MissionId, Path), Language), responses(
    (status = 200, description = "The mission", body = MissionView, headers(("ETag" = String, description = "Its version"))),
    (status = 304, description = "It is of the version that `If-None-Match` names"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn read(
    State(state): State<AppState>,
    session: Session,
    Id(id): Id<MissionId>,
    uri: Uri,
    headers: HeaderMap,
    Query(language): Query<Language>,
) -> Result<Response, Problem> {
    session.record(&state).await?;
    let author = session.caller.has(Permission::MissionsWrite);
    state.cache.publish_mission(&state.engine, id).await;
    let catalog = state.engine.catalog();
    let locale = Locale::of(language.lang.as_deref(), &headers);
    let mission = || {
        let mission = catalog
            .mission(id)
            .map(|listed| &listed.mission)
            .filter(|mission| visible(mission, author));
        mission.ok_or_else(|| Problem::not_found(ResourceKind::Mission))
    };
    if author {
        let mission = mission()?;
        let open = state.queries.open_tasks(&[id]).await?;
        let mut view = MissionView::of(mission, &locale, author);
        if let Some(known) = states(&state, &[mission]).await?.remove(&id) {
            view = view.with_state(MissionState {
                open_task_count: Some(open.get(&id).copied().unwrap_or_default()),
                ..known
            });
        }
        return Ok(([(header::ETAG, version(mission))], Json(view)).into_response());
    }
    let render = || {
        let mission = mission()?;
        Ok((MissionView::of(mission, &locale, author), Some(version(mission))))
    };
    state.rendered().respond(&catalog, &uri, &headers, render)
}

/// The mission's version as an `ETag`.
pub(super) fn etag(mission: &Mission) -> [(header::HeaderName, HeaderValue); 1] {
    [(header::ETAG, version(mission))]
}

fn version(mission: &Mission) -> HeaderValue {
    let value = HeaderValue::from_str(&format!("\"{}\"", mission.version));
    value.unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// Starts a task.
#[utoipa::path(post, path = "/missions/{id}/start", tag = "missions", params(("id" = MissionId, Path)), responses(
    (status = 201, description = "The task", body = TaskView),
    (status = 400, description = "`mission_not_active`, `task_already_open`, `max_completions_reached`, `not_eligible`, `rule_failed`, `device_required`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`risk_refused`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn start(Id(mission): Id<MissionId>, request: Command<Session>) -> Result<Response, Problem> {
    let catalog = request.state.engine.catalog();
    let known = catalog.mission(mission);
    if known.is_none_or(|known| known.mission.definition.shadow) {
        return Err(request.who.not_found(&request.state, ResourceKind::Mission).await);
    }
    request.body.expect_none()?;
    let user = request.who.user();
    let done = request.execute(StartTask { user, mission }).await?;
    let view = request
        .state
        .view(|view| TaskView::fresh(done.reply.task, view, false));
    Ok(answer(StatusCode::CREATED, view, done.replayed))
}
