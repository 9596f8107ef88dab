//! Activity events: what users did elsewhere.

mod read;

use axum::{http::StatusCode, response::Response};
use mission_core::{
    engine::{ApplyEvent, ExecuteError, Executed, PendingCommand, Rejection, Reply},
    event::{EventOutcome, EventResult},
    ports::rules::{FailureKind, MissionRuleFailure},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::read::IncomingEvent;
use super::answer;
use crate::http::{
    AppState, Problem,
    caller::{EventsWrite, Operator},
    command::{Command, Requester},
    view::{ResponseView, TaskView},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(apply))
}

/// The most events of one request.
const MOST: usize = 1000;
/// Commands of one request that are given to the writer together.
const PART: usize = 256;

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
/// `ReferralActivatedEvent` pays the inviter, once an invitee, and is an event `referral.activated` of theirs.
#[utoipa::path(post, path = "/events", tag = "events", security(("bearer" = ["events:write"])), request_body(content(
        (Events = "application/json"), (CloudEventSchema = "application/cloudevents+json"),
        (Vec<CloudEventSchema> = "application/cloudevents-batch+json"))), responses(
    (status = 200, description = "What became of each", body = Results),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn apply(request: Command<Operator<EventsWrite>>) -> Result<Response, Problem> {
    let state = &request.state;
    let events = read::events(&request.headers, &request.body, state.engine.now())?;
    let key = request.begin()?;
    let ids: Vec<String> = events.iter().map(|incoming| incoming.event.id.clone()).collect();
    // What another service knows is asked for before anything is applied.
    let mut asked_for = Vec::with_capacity(events.len());
    for (number, IncomingEvent { referral, event }) in events.into_iter().enumerate() {
        let event = (number, ApplyEvent { event }.into());
        // Each has a key of its own: those of referrals count from the other end.
        let referral = referral.map(|referral| (usize::MAX - number, referral.into()));
        for (part, command) in [event].into_iter().chain(referral) {
            let signals = state.engine.with_friends(&command, request.who.signals()).await;
            asked_for.push((part, command, signals));
        }
    }
    let submit = |(part, command, signals)| state.engine.submit(command, signals, key.part(part));
    let mut done: Vec<Done> = Vec::with_capacity(asked_for.len());
    let mut asked_for = asked_for.into_iter();
    // Under a key the first goes alone: a key that was used for another body stops the request here.
    if key.key.is_some()
        && let Some(first) = asked_for.next()
    {
        let _turn = state.admission().event_commands(1).await?;
        done.push(settled(submit(first)?.await)?);
    }
    // In parts and in turns, so that requests of events cannot fill the queue.
    while let commands @ 1.. = asked_for.len().min(PART) {
        let _turn = state.admission().event_commands(commands).await?;
        let part: Vec<Result<PendingCommand, ExecuteError>> =
            asked_for.by_ref().take(PART).map(submit).collect();
        for ticket in part {
            done.push(settled(ticket?.await)?);
        }
    }
    let replayed = key.key.is_some() && done.iter().all(|done| done.replayed);
    let mut results = Vec::with_capacity(ids.len());
    for done in done {
        for fault in &done.failures {
            state.rule_health.note(fault, state.engine.now());
        }
        match done.reply {
            Some(Reply::EventResult(result)) => {
                if !done.replayed {
                    for fault in &result.failures {
                        state.rule_health.note(fault, state.engine.now());
                    }
                }
                results.push(result);
            }
            // A referral that was paid, right behind its event: what one of the two has done counts.
            Some(_) => {
                if let Some(result) = results.last_mut() {
                    (result.outcome, result.reason) = (EventOutcome::Applied, None);
                }
            }
            None => {}
        }
    }
    let results = state.view(|response| {
        let results = ids.into_iter().zip(results);
        results.map(|(id, result)| view(id, result, response)).collect()
    });
    Ok(answer(StatusCode::OK, Results { results }, replayed))
}

/// The result of one command: only a referral that is already known is refused by the domain.
struct Done {
    reply: Option<Reply>,
    replayed: bool,
    /// The rules that failed, but for those that the reply tells of.
    failures: Vec<MissionRuleFailure>,
}

fn settled(executed: Result<Executed<Reply>, ExecuteError>) -> Result<Done, ExecuteError> {
    use Rejection::{ReferralCounted, SelfReferral, UserErased};
    Ok(match executed {
        Ok(executed) => Done {
            replayed: executed.replayed,
            failures: executed.failures,
            reply: Some(executed.reply),
        },
        Err(ExecuteError::Rejected(ReferralCounted | SelfReferral | UserErased)) => Done {
            reply: None,
            replayed: false,
            failures: Vec::new(),
        },
        Err(ExecuteError::RejectedBefore(ReferralCounted | SelfReferral | UserErased)) => Done {
            reply: None,
            replayed: true,
            failures: Vec::new(),
        },
        Err(error) => return Err(error),
    })
}

fn view(id: String, result: EventResult, view: ResponseView<'_>) -> ResultView {
    ResultView {
        id,
        status: result.outcome,
        reason: result.reason,
        detail: result.detail,
        tasks: result
            .tasks
            .into_iter()
            .map(|task| TaskView::fresh(task, view, false))
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
