//! Messages of other services that could not be taken: looked at, sent back, dropped.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    amqp::{DeadLetter, DeadLetterAction, DeadLetterSelection, DeadLetters},
    http::{
        AppState, Problem,
        caller::{MessagesRead, MessagesWrite, Operator},
        page::{CursorKey, DeadLetterOffset, Paging},
        query::Query,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, drop_all))
        .routes(routes!(requeue_all))
        .routes(routes!(requeue))
        .routes(routes!(drop_one))
}

/// How much of a body is shown, in bytes.
const SHOWN: usize = 64 << 10;

/// A message that could not be taken.
#[derive(Debug, Serialize, ToSchema)]
struct DeadLetterView {
    /// Made of what the message says: copies of it have the same.
    id: String,
    /// Why it could not be taken.
    reason: Option<String>,
    /// How often it was tried and came again before it was given up.
    attempts: u32,
    /// The exchange that it was published to.
    exchange: String,
    /// With this routing key.
    routing_key: String,
    /// Its AMQP message id.
    message_id: Option<String>,
    /// Its media type.
    content_type: Option<String>,
    /// When it died.
    died_at: Option<DateTime<Utc>>,
    /// When it was published, where its publisher said so.
    published_at: Option<DateTime<Utc>>,
    /// What it says: as JSON where it is JSON, else as text. Of more than 64 KiB, the beginning as text.
    body: Value,
    /// How long the body is, in bytes.
    bytes: usize,
}

impl DeadLetterView {
    fn of(letter: DeadLetter) -> Self {
        let bytes = letter.body.len();
        let as_text = || {
            let shown = letter.body.get(..SHOWN.min(bytes)).unwrap_or_default();
            Value::from(String::from_utf8_lossy(shown))
        };
        let json = (bytes <= SHOWN).then(|| serde_json::from_slice(&letter.body).ok());
        DeadLetterView {
            body: json.flatten().unwrap_or_else(as_text),
            bytes,
            id: letter.id,
            reason: letter.reason,
            attempts: letter.attempts,
            exchange: letter.exchange,
            routing_key: letter.routing_key,
            message_id: letter.message_id,
            content_type: letter.content_type,
            died_at: letter.died_at,
            published_at: letter.published_at,
        }
    }
}

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
struct DeadLetterList {
    /// What the page holds, in the order in which they died.
    items: Vec<DeadLetterView>,
    /// Pass it as `cursor` to get the next page; `null` on the last. Letters that were sent back or dropped since then
    /// move those behind them forward.
    next_cursor: Option<String>,
    /// How many there are in all.
    total: usize,
}

/// What became of dead letters.
#[derive(Debug, Serialize, ToSchema)]
struct Settled {
    /// How many were sent back or dropped: at most 1,000 in one call.
    letters: usize,
    /// How many are left.
    left: usize,
}

fn unavailable(reason: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason).retry_after(1)
}

fn letters(state: &AppState) -> Result<&DeadLetters, Problem> {
    state.dead_letters.as_ref().ok_or_else(|| {
        let detail = "this server has no broker, and so no dead letters; set `amqp.url` (MISSION_AMQP_URL)";
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
    })
}

/// Messages of other services that could not be taken, with the reasons.
#[utoipa::path(get, path = "/inbound/dead", operation_id = "dead_letters", tag = "messages", security(("bearer" = ["messages:read"])), params(Paging), responses(
    (status = 200, description = "A page of letters", body = DeadLetterList),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_query`", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`unavailable`: the broker is away", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    _operator: Operator<MessagesRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<DeadLetterList>, Problem> {
    let page = paging.page()?;
    let offset = page.after.map_or(0, |DeadLetterOffset(offset)| offset);
    let (found, total) = match &state.dead_letters {
        Some(letters) => letters.list(offset, page.limit).await.map_err(unavailable)?,
        // Without a broker nothing can die.
        None => (Vec::new(), 0),
    };
    let seen = offset.saturating_add(found.len());
    let more = found.len() == page.limit && seen < total;
    Ok(Json(DeadLetterList {
        items: found.into_iter().map(DeadLetterView::of).collect(),
        next_cursor: more.then(|| DeadLetterOffset(seen).to_cursor()),
        total,
    }))
}

/// Sends all dead letters back into the inbound queue, as if they had never been tried.
#[utoipa::path(post, path = "/inbound/dead/requeue", operation_id = "requeue_dead_letters", tag = "messages", security(("bearer" = ["messages:write"])), responses(
    (status = 200, description = "How many went, and how many are left", body = Settled),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: this server has no broker", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`unavailable`: the broker is away", body = Problem, content_type = "application/problem+json")))]
async fn requeue_all(
    State(state): State<AppState>,
    operator: Operator<MessagesWrite>,
) -> Result<Json<Settled>, Problem> {
    settle(
        &state,
        &operator,
        DeadLetterSelection::All,
        DeadLetterAction::Requeued,
    )
    .await
}

/// Drops all dead letters. Nothing brings them back.
#[utoipa::path(delete, path = "/inbound/dead", operation_id = "drop_dead_letters", tag = "messages", security(("bearer" = ["messages:write"])), responses(
    (status = 200, description = "How many went, and how many are left", body = Settled),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: this server has no broker", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`unavailable`: the broker is away", body = Problem, content_type = "application/problem+json")))]
async fn drop_all(
    State(state): State<AppState>,
    operator: Operator<MessagesWrite>,
) -> Result<Json<Settled>, Problem> {
    settle(
        &state,
        &operator,
        DeadLetterSelection::All,
        DeadLetterAction::Dropped,
    )
    .await
}

/// Sends one dead letter, with its copies, back into the inbound queue, as if it had never been tried.
#[utoipa::path(post, path = "/inbound/dead/{id}/requeue", operation_id = "requeue_dead_letter", tag = "messages", security(("bearer" = ["messages:write"])),
    params(("id" = String, Path)), responses(
    (status = 200, description = "How many went, and how many are left", body = Settled),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: no such letter", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`unavailable`: the broker is away", body = Problem, content_type = "application/problem+json")))]
async fn requeue(
    State(state): State<AppState>,
    operator: Operator<MessagesWrite>,
    Path(id): Path<String>,
) -> Result<Json<Settled>, Problem> {
    settle(
        &state,
        &operator,
        DeadLetterSelection::Id(&id),
        DeadLetterAction::Requeued,
    )
    .await
}

/// Drops one dead letter, with its copies. Nothing brings it back.
#[utoipa::path(delete, path = "/inbound/dead/{id}", operation_id = "drop_dead_letter", tag = "messages", security(("bearer" = ["messages:write"])),
    params(("id" = String, Path)), responses(
    (status = 200, description = "How many went, and how many are left", body = Settled),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: no such letter", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`unavailable`: the broker is away", body = Problem, content_type = "application/problem+json")))]
async fn drop_one(
    State(state): State<AppState>,
    operator: Operator<MessagesWrite>,
    Path(id): Path<String>,
) -> Result<Json<Settled>, Problem> {
    settle(
        &state,
        &operator,
        DeadLetterSelection::Id(&id),
        DeadLetterAction::Dropped,
    )
    .await
}

async fn settle(
    state: &AppState,
    operator: &Operator<MessagesWrite>,
    which: DeadLetterSelection<'_>,
    fate: DeadLetterAction,
) -> Result<Json<Settled>, Problem> {
    let settled = letters(state)?.settle(which, fate).await.map_err(unavailable)?;
    let (letters, left) = (settled.letters, settled.left);
    tracing::info!(operator = %operator.caller.user, ?which, ?fate, letters, left, "dead letters were settled");
    match which {
        DeadLetterSelection::Id(id) if letters == 0 => {
            let detail = format!(
                "there is no dead letter `{id}`; `GET /api/v1/inbound/dead` lists those that there are"
            );
            Err(Problem::new(StatusCode::NOT_FOUND, "not_found", detail))
        }
        _ => Ok(Json(Settled { letters, left })),
    }
}
