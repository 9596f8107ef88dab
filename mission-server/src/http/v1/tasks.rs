//! A user's tasks: listed, moved, proved, completed, claimed.

use axum::{Json, extract::State, response::Response};
use mission_core::{
    TaskId,
    engine::{
        ClaimTask, CompleteTask, Executed, NoteRefusedEvidence, Rejection, ReportProgress, ResourceKind,
        SubmitEvidence,
    },
    mission::MAX_TARGET,
    ports::{
        queries::{Page, TaskFilter},
        store::StoreError,
    },
    task::{Evidence, Task, TaskStatus},
    user::User,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Id, answer, mission_named, ok_or_accepted, rewards::claimed};
use crate::cache::{Cache, UserTasks};
use crate::http::{
    AppState, Problem,
    caller::Session,
    command::Command,
    page::{self, List},
    query::{NoQuery, Query},
    view::{ClaimView, ResponseView, TaskView},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(progress))
        .routes(routes!(evidence))
        .routes(routes!(complete))
        .routes(routes!(claim))
}

/// Which tasks.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Of one status.
    pub(super) status: Option<TaskStatus>,
    /// Of one mission: its id or code.
    pub(super) mission: Option<String>,
    /// At most so many; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<usize>,
    /// Where the page before ended.
    pub(super) cursor: Option<String>,
}

/// The caller's tasks, newest first.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(Filter),
    responses((status = 200, description = "A page of tasks", body = List<TaskView>)))]
async fn list(
    State(state): State<AppState>,
    session: Session,
    Query(filter): Query<Filter>,
) -> Result<Json<List<TaskView>>, Problem> {
    let page = page::page::<TaskId>(filter.limit, filter.cursor.as_deref())?;
    let catalog = state.engine.catalog();
    let mission = match filter
        .mission
        .as_deref()
        .map(|wanted| mission_named(&catalog, wanted))
    {
        // There are no tasks of a mission that does not exist.
        Some(None) => {
            session.record(&state).await?;
            return Ok(Json(List {
                items: Vec::new(),
                next_cursor: None,
            }));
        }
        found => found.flatten(),
    };
    let all = TaskFilter {
        hidden: catalog.shadow_ids(),
        ..TaskFilter::default()
    };
    let wanted = TaskFilter {
        status: filter.status,
        mission,
        ..all
    };
    let (user, tasks) = if page::is_among_newest(&page) && wanted == all {
        newest(&state, &session, all).await?
    } else {
        let user = session.record(&state).await?;
        let tasks = state.queries.tasks(session.user(), wanted, page::one_more(page));
        (user, tasks.await?)
    };
    let view = ResponseView {
        catalog: &catalog,
        now: state.engine.now(),
    };
    let zone = zone_of(user.as_ref(), view);
    Ok(Json(page::list(
        tasks,
        page.limit,
        |task| task.id,
        |task| TaskView::of(task, view, zone),
    )))
}

/// The caller's newest tasks, one more than a page by default, perhaps out of the cache.
async fn newest(
    state: &AppState,
    session: &Session,
    all: TaskFilter<'_>,
) -> Result<(Option<User>, Vec<Task>), Problem> {
    let id = session.user();
    let read = || async move {
        let page = Page {
            limit: Cache::NEWEST,
            after: None,
        };
        let user = state.queries.user(id).await?;
        let tasks = state.queries.tasks(id, all, page).await?;
        Ok::<_, StoreError>(UserTasks { user, tasks })
    };
    let found = state.cache.tasks.get(id, read).await?;
    let user = session.require_not_erased(state, found.user.clone()).await?;
    Ok((user, found.tasks.clone()))
}

pub(super) fn zone_of(user: Option<&User>, view: ResponseView<'_>) -> mission_core::check_in::Zone {
    let default = view.catalog.check_in.default_zone();
    user.map_or(default, |user| user.zone_at(view.now, default))
}

/// A task of the caller, or 404 whoever else's it is.
async fn own_task(state: &AppState, session: &Session, task: TaskId) -> Result<Task, Problem> {
    session.record(state).await?;
    let found = state.queries.task(session.user(), task).await?;
    found
        .filter(|task| !task.is_shadow())
        .ok_or_else(|| Problem::not_found(ResourceKind::Task))
}

/// One of the caller's tasks.
#[utoipa::path(get, path = "/tasks/{id}", tag = "tasks", params(("id" = TaskId, Path)), responses(
    (status = 200, description = "The task", body = TaskView),
    (status = 404, description = "`not_found`, also for another's", body = Problem, content_type = "application/problem+json")))]
async fn read(
    State(state): State<AppState>,
    session: Session,
    Id(task): Id<TaskId>,
    _: Query<NoQuery>,
) -> Result<Json<TaskView>, Problem> {
    let user = session.record(&state).await?;
    let task = own_task(&state, &session, task).await?;
    Ok(Json(state.view(|view| {
        TaskView::of(task, view, zone_of(user.as_ref(), view))
    })))
}

/// What the body of a command on a task says. Who may not touch the task is told that, whatever the body is.
async fn of_own_task<T>(
    request: &Command<Session>,
    task: TaskId,
    body: Result<T, Problem>,
) -> Result<T, Problem> {
    if body.is_err() {
        own_task(&request.state, &request.who, task).await?;
    }
    body
}

/// How far a task has come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProgressReport {
    /// The progress now; what is below the present one changes nothing.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    value: u64,
}

impl ProgressReport {
    fn checked(self) -> Result<Self, Problem> {
        if self.value > MAX_TARGET {
            let message = format!("must not exceed {MAX_TARGET}");
            return Err(Problem::invalid_field("/value", message));
        }
        Ok(self)
    }
}

/// Reports the progress of a task whose mission has no trigger.
#[utoipa::path(post, path = "/tasks/{id}/progress", tag = "tasks", params(("id" = TaskId, Path)),
    request_body = ProgressReport, responses(
    (status = 200, description = "The task", body = TaskView),
    (status = 400, description = "`task_not_open`, `progress_by_events`, `not_eligible`, `rule_failed`, `device_required`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`risk_refused`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn progress(Id(task): Id<TaskId>, request: Command<Session>) -> Result<Response, Problem> {
    let report = request.body.read().and_then(ProgressReport::checked);
    let command = ReportProgress {
        user: request.who.user(),
        task,
        value: of_own_task(&request, task, report).await?.value,
    };
    let done = request.execute(command).await?;
    Ok(changed(&request.state, done.reply.task, false, done.replayed))
}

/// Shows that the mission was done.
#[utoipa::path(post, path = "/tasks/{id}/evidence", tag = "tasks", params(("id" = TaskId, Path)),
    request_body = Evidence, responses(
    (status = 200, description = "The task, with valid evidence", body = TaskView),
    (status = 202, description = "A reviewer has to look at it", body = TaskView),
    (status = 400, description = "`task_not_open`, `rule_failed`, `device_required`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`risk_refused`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`evidence_rejected`, `evidence_reused`, `invalid_body`", body = Problem, content_type = "application/problem+json")))]
async fn evidence(Id(task): Id<TaskId>, request: Command<Session>) -> Result<Response, Problem> {
    let user = request.who.user();
    let command = SubmitEvidence {
        user,
        task,
        evidence: of_own_task(&request, task, request.body.read()).await?,
    };
    let judged_bad = |why: &Rejection| {
        let refused = matches!(why, Rejection::EvidenceRejected(_) | Rejection::EvidenceReused);
        refused.then_some(NoteRefusedEvidence { user, task })
    };
    let Executed { reply, replayed, .. } = request.execute_or_note(command, judged_bad).await?;
    Ok(changed(&request.state, reply.task, reply.under_review, replayed))
}

/// Completes a task, which earns its reward.
#[utoipa::path(post, path = "/tasks/{id}/complete", tag = "tasks", params(("id" = TaskId, Path)), responses(
    (status = 200, description = "The completed task", body = TaskView),
    (status = 202, description = "A reviewer has to let it through", body = TaskView),
    (status = 400, description = "`task_not_complete`, `task_not_open`, `budget_exhausted`, `not_eligible`, `rule_failed`, `device_required`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`risk_refused`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn complete(Id(task): Id<TaskId>, request: Command<Session>) -> Result<Response, Problem> {
    of_own_task(&request, task, request.body.expect_none()).await?;
    let user = request.who.user();
    let Executed { reply, replayed, .. } = request.execute(CompleteTask { user, task }).await?;
    Ok(changed(&request.state, reply.task, reply.under_review, replayed))
}

fn changed(state: &AppState, task: Task, under_review: bool, replayed: bool) -> Response {
    let view = state.view(|view| TaskView::fresh(task, view, under_review));
    answer(ok_or_accepted(under_review), view, replayed)
}

/// Takes the reward of a completed task.
#[utoipa::path(post, path = "/tasks/{id}/claim", tag = "tasks", params(("id" = TaskId, Path)), responses(
    (status = 200, description = "What was granted", body = ClaimView),
    (status = 202, description = "A reviewer has to let it through", body = ClaimView),
    (status = 400, description = "`already_claimed`, `task_not_completed`, `reward_expired`, `reward_rejected`, `device_required`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`risk_refused`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn claim(Id(task): Id<TaskId>, request: Command<Session>) -> Result<Response, Problem> {
    of_own_task(&request, task, request.body.expect_none()).await?;
    let user = request.who.user();
    Ok(claimed(request.execute(ClaimTask { user, task }).await?))
}
