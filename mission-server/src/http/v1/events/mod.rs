//! Activity events: what users did elsewhere.

mod read;

use axum::{http::StatusCode, response::Response};
use mission_core::{
    engine::{ApplyEvent, ExecuteError, Executed, Reply, Ticket},
    event::{EventOutcome, EventResult},
    ports::rules::FailureKind,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use crate::http::{
    AppState, Problem,
    caller::{EventsWrite, Operator},
    command::{Asker, Command},
    view::{Lens, TaskView},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(apply))
}

/// The most events of one request.
const MOST: usize = 1000;

/// What became of each event, in the order in which they were sent.
#[derive(Debug, Serialize, ToSchema)]
struct Results {
    results: Vec<ResultView>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
struct ResultView {
    /// The event's id.
    id: String,
    /// `applied`, `duplicate`, `ignored` (no task moved) or `rejected`.
    #[schema(value_type = String)]
    status: EventOutcome,
    /// Why it was ignored or rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What exactly was wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The tasks that it moved, as they are now.
    tasks: Vec<TaskView>,
    /// Missions whose rules failed on it; the others went on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Failure>,
}

/// A mission whose rules failed on an event.
#[derive(Debug, Serialize, ToSchema)]
struct Failure {
    mission_id: mission_core::MissionId,
    mission: mission_core::mission::MissionCode,
    code: &'static str,
    /// `eligible`, `progress`, `verify` or `reward`.
    hook: &'static str,
    kind: FailureKind,
    /// The line in the script, from 1, where it is known.
    line: Option<u32>,
    detail: String,
}

/// The form in which one event is sent; an array of them is taken as well.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CloudEvent, example = json!({
    "specversion": "1.0", "id": "evt-1", "source": "/videos", "type": "video.watched",
    "subject": "0190163d-8694-739b-aea5-966c26f8ad91", "time": "2026-01-05T10:00:00Z", "data": {"seconds": 35}
}))]
#[expect(dead_code, reason = "describes the form; `CloudEvent` reads it")]
struct CloudEventSchema {
    #[schema(pattern = "^1\\.0$")]
    specversion: String,
    #[schema(min_length = 1, max_length = 255)]
    id: String,
    #[schema(min_length = 1, max_length = 255)]
    source: String,
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 255)]
    event_type: String,
    /// The user.
    subject: uuid::Uuid,
    /// When it was done; now, where it is left out.
    time: Option<chrono::DateTime<chrono::Utc>>,
    data: Option<serde_json::Map<String, Value>>,
    /// The data in base64, in place of `data`; JSON within.
    data_base64: Option<String>,
}

/// One event or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the form; `read::events` reads it")]
enum Events {
    One(CloudEventSchema),
    Many(Vec<CloudEventSchema>),
}

/// Applies activity events. Each is applied once, by `source` and `id`, whatever way it comes: as CloudEvents in
/// structured, batched or binary mode (attributes in `ce-` headers, the data as the body), or as plain JSON.
#[utoipa::path(post, path = "/events", tag = "events", request_body(content(
        (Events = "application/json"), (CloudEventSchema = "application/cloudevents+json"),
        (Vec<CloudEventSchema> = "application/cloudevents-batch+json"))), responses(
    (status = 200, description = "What became of each", body = Results),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn apply(asked: Command<Operator<EventsWrite>>) -> Result<Response, Problem> {
    let state = &asked.state;
    let events = read::events(&asked.headers, &asked.body, state.engine.now())?;
    let key = asked.begin()?;
    let ids: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    // What another service knows is asked for before anything is applied.
    let mut informed = Vec::with_capacity(events.len());
    for event in events {
        let command = mission_core::engine::Command::from(ApplyEvent { event });
        let signals = state.engine.informed(&command, asked.who.signals()).await?;
        informed.push((command, signals));
    }
    let submit = |(number, (command, signals))| state.engine.submit(command, signals, key.part(number));
    let mut done: Vec<Executed<Reply>> = Vec::with_capacity(informed.len());
    let mut events = informed.into_iter().enumerate();
    // Under a key the first event goes alone: a key that was used for another body stops the request here.
    if key.key.is_some()
        && let Some(first) = events.next()
    {
        done.push(submit(first)?.await?);
    }
    // In parts, so that one request cannot fill the queue.
    loop {
        let part: Vec<Result<Ticket, ExecuteError>> = events.by_ref().take(256).map(submit).collect();
        if part.is_empty() {
            break;
        }
        for ticket in part {
            done.push(ticket?.await?);
        }
    }
    for executed in done.iter().filter(|executed| !executed.replayed) {
        if let Reply::EventResult(result) = &executed.reply {
            for fault in &result.failures {
                state.rule_health.note(fault, state.engine.now());
            }
        }
    }
    let replayed = key.key.is_some() && done.iter().all(|executed| executed.replayed);
    let results = state.with_lens(|lens| {
        let results = ids.into_iter().zip(done).filter_map(|(id, executed)| {
            let result = EventResult::try_from(executed.reply).ok()?;
            Some(view(id, result, lens))
        });
        results.collect()
    });
    Ok(answer(StatusCode::OK, Results { results }, replayed))
}

fn view(id: String, result: EventResult, lens: Lens<'_>) -> ResultView {
    ResultView {
        id,
        status: result.outcome,
        reason: result.reason,
        detail: result.detail,
        tasks: result
            .tasks
            .into_iter()
            .map(|task| TaskView::fresh(task, lens, false))
            .collect(),
        failures: result
            .failures
            .into_iter()
            .map(|fault| Failure {
                detail: fault.to_string(),
                mission_id: fault.mission_id,
                mission: fault.mission,
                code: "rule_failed",
                hook: fault.hook.name(),
                kind: fault.kind,
                line: fault.line,
            })
            .collect(),
    }
}
