//! Events that could not leave: looked at, and tried again.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use mission_core::{EventId, ports::bus::ParkedEvent};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    http::{
        AppState, Problem,
        caller::{MessagesRead, MessagesWrite, Operator},
        page::{self, List, Paging, ParkedKey},
        query::Query,
    },
    store::record::{root_id, root_kind},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(retry_all))
        .routes(routes!(retry))
}

/// An event that was not taken. Later ones of the same user, mission or pack wait behind it; others do not.
#[derive(Debug, Serialize, ToSchema)]
struct ParkedView {
    /// The event's CloudEvents id.
    event_id: Uuid,
    /// Its CloudEvents type.
    #[serde(rename = "type")]
    event_type: String,
    /// What it must stay in order with: `user`, `mission` or `pack`.
    root_kind: &'static str,
    /// The id of that.
    root_id: Uuid,
    /// Why it was not taken the last time.
    reason: String,
    /// How often it was not taken.
    attempts: u32,
    /// When it was not taken for the first time.
    since: DateTime<Utc>,
    /// When it was tried last.
    last_attempt_at: DateTime<Utc>,
    /// When it is tried again by itself.
    retry_at: DateTime<Utc>,
    /// How many later commands' events wait behind it.
    behind: u64,
}

impl ParkedView {
    fn of(parked: ParkedEvent) -> Self {
        let ParkedEvent {
            last,
            attempts,
            since,
            behind,
        } = parked;
        ParkedView {
            event_id: last.event.0,
            event_type: last.event_type,
            root_kind: root_kind(last.root),
            root_id: root_id(last.root),
            reason: last.reason,
            attempts,
            since,
            last_attempt_at: last.at,
            retry_at: last.retry_at,
            behind,
        }
    }
}

/// How many events are tried again.
#[derive(Debug, Serialize, ToSchema)]
struct Retried {
    /// So many.
    retried: u64,
}

/// Events that the wallet or the broker did not take, oldest first. Each is tried again by itself, with growing waits where it
/// may be taken in a moment, once an hour where it was refused as it is.
#[utoipa::path(get, path = "/outbox/parked", operation_id = "parked_events", tag = "messages", security(("bearer" = ["messages:read"])), params(Paging), responses(
    (status = 200, description = "A page of events", body = List<ParkedView>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_query`", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    _operator: Operator<MessagesRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<ParkedView>>, Problem> {
    let page = paging.page()?;
    let after = page.after.map(|ParkedKey(entry)| entry);
    let found = state.outbox.parked(after, page.limit + 1).await?;
    let key = |parked: &ParkedEvent| ParkedKey(parked.last.entry);
    Ok(Json(page::list(found, page.limit, key, ParkedView::of)))
}

/// Has all parked events tried again at once.
#[utoipa::path(post, path = "/outbox/parked/retry", operation_id = "retry_parked_events", tag = "messages", security(("bearer" = ["messages:write"])), responses(
    (status = 200, description = "How many there were", body = Retried),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn retry_all(
    State(state): State<AppState>,
    operator: Operator<MessagesWrite>,
) -> Result<Json<Retried>, Problem> {
    Ok(Json(retried(&state, &operator, None).await?))
}

/// Has one parked event tried again at once.
#[utoipa::path(post, path = "/outbox/parked/{event_id}/retry", operation_id = "retry_parked_event", tag = "messages", security(("bearer" = ["messages:write"])),
    params(("event_id" = Uuid, Path)), responses(
    (status = 200, description = "It is tried again", body = Retried),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: no such event is parked", body = Problem, content_type = "application/problem+json")))]
async fn retry(
    State(state): State<AppState>,
    operator: Operator<MessagesWrite>,
    Path(event): Path<String>,
) -> Result<Json<Retried>, Problem> {
    let not_parked = || {
        let detail =
            format!("no event `{event}` is parked; `GET /api/v1/outbox/parked` lists those that are");
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
    };
    let id: Uuid = event.parse().map_err(|_| not_parked())?;
    let retried = retried(&state, &operator, Some(EventId(id))).await?;
    if retried.retried == 0 {
        return Err(not_parked());
    }
    Ok(Json(retried))
}

async fn retried(
    state: &AppState,
    operator: &Operator<MessagesWrite>,
    event: Option<EventId>,
) -> Result<Retried, Problem> {
    let retried = state.outbox.retry_parked(event, state.engine.now()).await?;
    state.outbox_notify.notify_one();
    tracing::info!(operator = %operator.caller.user, ?event, retried, "parked events are tried again");
    Ok(Retried { retried })
}
