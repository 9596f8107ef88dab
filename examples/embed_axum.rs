//! The engine in an axum service of one's own: own routes, own way to know the user, own answers. Nothing of
//! `mission-server` is used.
//!
//! ```text
//! cargo run --example embed_axum                        # calls its own routes once, and ends
//! cargo run --example embed_axum -- 127.0.0.1:3000      # listens
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use axum::{
    Json, Router,
    body::Body,
    extract::{FromRequestParts, Path, State},
    http::{Request, StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use http_body_util::BodyExt;
use mission_core::{
    MissionId, TaskId, UserId,
    engine::{
        CheckIn, ClaimTask, CompleteTask, CreateMission, Engine, EngineBuilder, ExecuteError, MoveMission,
        ReportProgress, Signals, StartTask,
    },
    memory::MemoryStore,
    mission::StatusTransition,
    points::exact,
};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

const READ_THE_NEWS: &str = r#"{
    "code": "read-the-news", "type": "custom", "frequency": "daily", "target": 3,
    "title": {"en": "Read 3 articles"}, "description": {"en": "Any three."}, "reward": {"points": "5"}
}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (engine, writer) = EngineBuilder::system(MemoryStore::default()).build();
    tokio::spawn(writer.run());
    let mission = create_mission(&engine).await?;
    let app = routes(engine);

    if let Some(address) = std::env::args().nth(1) {
        let listener = tokio::net::TcpListener::bind(address).await?;
        println!(
            "listening on http://{}; the mission is {mission}",
            listener.local_addr()?
        );
        return Ok(axum::serve(listener, app).await?);
    }
    walk_through(app, mission).await
}

async fn create_mission(engine: &Engine) -> Result<MissionId, Box<dyn Error>> {
    let mission = MissionId(engine.next_id());
    let definition = serde_json::from_str(READ_THE_NEWS)?;
    let created = CreateMission { mission, definition };
    engine.execute(created, Signals::default(), None).await?;
    let activated = MoveMission {
        mission,
        asked: StatusTransition::Activate,
        expected_version: None,
    };
    engine.execute(activated, Signals::default(), None).await?;
    Ok(mission)
}

fn routes(engine: Engine) -> Router {
    Router::new()
        .route("/visit", post(visit))
        .route("/missions/{id}/begin", post(begin))
        .route("/tasks/{id}/read/{articles}", post(read))
        .route("/tasks/{id}/finish", post(finish))
        .with_state(engine)
}

/// Points leave as JSON numbers with exact digits, never through a binary float.
#[derive(Serialize)]
struct Visit {
    streak: u32,
    #[serde(with = "exact")]
    points: Decimal,
}

#[derive(Serialize)]
struct Finished {
    #[serde(with = "exact")]
    points: Decimal,
}

async fn visit(State(engine): State<Engine>, Caller(user): Caller) -> Result<Json<Visit>, Refused> {
    let visited = engine
        .execute(CheckIn { user }, Signals::default(), None)
        .await?
        .reply;
    Ok(Json(Visit {
        streak: visited.streak.current,
        points: visited.day.earned.total(),
    }))
}

async fn begin(
    State(engine): State<Engine>,
    Caller(user): Caller,
    Path(mission): Path<MissionId>,
) -> Result<Json<Value>, Refused> {
    let begin = StartTask { user, mission };
    let task = engine.execute(begin, Signals::default(), None).await?.reply.task;
    Ok(Json(json!({"task": task.id, "articles": task.progress.target()})))
}

async fn read(
    State(engine): State<Engine>,
    Caller(user): Caller,
    Path((task, value)): Path<(TaskId, u64)>,
) -> Result<Json<Value>, Refused> {
    let report = ReportProgress { user, task, value };
    let task = engine.execute(report, Signals::default(), None).await?.reply.task;
    Ok(Json(json!({"read": task.progress.current()})))
}

/// Completes and claims in one go: whoever embeds the engine decides what a route does.
async fn finish(
    State(engine): State<Engine>,
    Caller(user): Caller,
    Path(task): Path<TaskId>,
) -> Result<Json<Finished>, Refused> {
    let complete = CompleteTask { user, task };
    engine.execute(complete, Signals::default(), None).await?;
    let claim = ClaimTask { user, task };
    let reward = engine
        .execute(claim, Signals::default(), None)
        .await?
        .reply
        .reward;
    Ok(Json(Finished {
        points: reward.amount.total(),
    }))
}

/// The user, as this service knows them: here by a header that a gateway would set.
struct Caller(UserId);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let id = parts.headers.get("x-user").and_then(|id| id.to_str().ok());
        id.and_then(|id| id.parse().ok())
            .map(Caller)
            .ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// Why a command was not carried out, as this service's clients are told.
struct Refused(ExecuteError);

impl From<ExecuteError> for Refused {
    fn from(error: ExecuteError) -> Self {
        Refused(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, code) = match &self.0 {
            ExecuteError::Rejected(rejection) | ExecuteError::RejectedBefore(rejection) => {
                (StatusCode::CONFLICT, rejection.code())
            }
            _ => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        };
        (status, Json(json!({"code": code, "why": self.0.to_string()}))).into_response()
    }
}

/// Calls the routes as a client would, and checks every answer.
async fn walk_through(app: Router, mission: MissionId) -> Result<(), Box<dyn Error>> {
    let user = UserId(Uuid::now_v7());
    let begun = call(&app, user, &format!("/missions/{mission}/begin"), 200).await?;
    let task = begun["task"].as_str().ok_or("no task")?;
    let finish = format!("/tasks/{task}/finish");

    let early = call(&app, user, &finish, 409).await?;
    assert_eq!(early["code"], "task_not_complete");
    let all = call(&app, user, &format!("/tasks/{task}/read/3"), 200).await?;
    assert_eq!(all["read"], 3);
    let finished = call(&app, user, &finish, 200).await?;
    assert_eq!(finished["points"].to_string(), "5");
    let twice = call(&app, user, &finish, 409).await?;
    assert_eq!(twice["code"], "task_not_open");

    let visit = call(&app, user, "/visit", 200).await?;
    assert_eq!(visit["streak"], 1);
    let again = call(&app, user, "/visit", 409).await?;
    assert_eq!(again["code"], "already_checked_in");
    Ok(())
}

async fn call(app: &Router, user: UserId, path: &str, expected: u16) -> Result<Value, Box<dyn Error>> {
    let request = Request::post(path)
        .header("x-user", user.to_string())
        .body(Body::empty())?;
    let response = app.clone().oneshot(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!(
        "POST {path}: {} {}",
        status.as_u16(),
        String::from_utf8_lossy(&body)
    );
    assert_eq!(status.as_u16(), expected);
    Ok(serde_json::from_slice(&body)?)
}
