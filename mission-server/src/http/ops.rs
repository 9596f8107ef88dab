//! Routes for operators' machines: health, metrics, and the clock of a test server.

use std::{sync::Arc, time::Instant};

use axum::{
    Json, Router,
    extract::{MatchedPath, Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{AppState, InboundReport, OutboxReport, Probe, Problem, body::Body};
use crate::telemetry::Metrics;

pub(super) fn routes(with_clock: bool) -> OpenApiRouter<AppState> {
    let router = OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(health))
        .routes(routes!(metrics));
    if with_clock {
        router.routes(routes!(read_clock, set_clock))
    } else {
        router
    }
}

/// The server's health.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`, `degraded` (something optional is away) or `unavailable`.
    status: &'static str,
    /// What it depends on.
    dependencies: Vec<Dependency>,
    /// Events that have to leave; not told by `/health/ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outbox: Option<OutboxReport>,
    /// Messages of other services, where there is a broker and it answers; not told by `/health/ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    inbound: Option<InboundReport>,
}

/// One dependency.
#[derive(Debug, Serialize, ToSchema)]
struct Dependency {
    /// Its name.
    name: &'static str,
    /// `up` or `down`.
    status: &'static str,
    /// Whether the server is not ready without it.
    required: bool,
    /// How long it took to answer.
    latency_ms: u64,
    /// What is wrong, if something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Of what keeps data: `ok`, or `failing` where the last writes were not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    writes: Option<&'static str>,
    /// Since when writes have failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
}

async fn health_report(probe: &dyn Probe) -> (StatusCode, Health) {
    let reports = probe.probe().await;
    let ready = reports.iter().all(|report| report.up || !report.required);
    let status = match (ready, reports.iter().all(|report| report.up)) {
        (true, true) => "ok",
        (true, false) => "degraded",
        (false, _) => "unavailable",
    };
    let dependencies = reports.into_iter().map(|report| Dependency {
        name: report.name,
        status: if report.up { "up" } else { "down" },
        required: report.required,
        latency_ms: u64::try_from(report.latency.as_millis()).unwrap_or(u64::MAX),
        detail: report.detail,
        writes: report
            .writes
            .map(|since| if since.is_some() { "failing" } else { "ok" }),
        since: report.writes.flatten(),
    });
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        code,
        Health {
            status,
            dependencies: dependencies.collect(),
            outbox: None,
            inbound: None,
        },
    )
}

/// With what is on its way.
async fn detailed_health_report(probe: &dyn Probe) -> (StatusCode, Health) {
    let ((code, health), queues) = tokio::join!(health_report(probe), probe.queues());
    let health = Health {
        outbox: queues.map(|queues| queues.outbox),
        inbound: queues.and_then(|queues| queues.inbound),
        ..health
    };
    (code, health)
}

/// Whether the process lives.
#[utoipa::path(get, path = "/health/live", tag = "operations", security(()),
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
async fn live() -> &'static str {
    "live\n"
}

/// Whether the server can carry out commands.
#[utoipa::path(get, path = "/health/ready", tag = "operations", security(()), responses(
    (status = 200, description = "It can", body = Health),
    (status = 503, description = "It cannot", body = Health)))]
async fn ready(State(state): State<AppState>) -> Response {
    let (code, health) = health_report(state.probe.as_ref()).await;
    (code, Json(health)).into_response()
}

/// What the server depends on, one by one.
#[utoipa::path(get, path = "/health", tag = "operations", security(()), responses(
    (status = 200, description = "Ready, perhaps degraded", body = Health),
    (status = 503, description = "Not ready", body = Health)))]
async fn health(State(state): State<AppState>) -> Response {
    let (code, health) = detailed_health_report(state.probe.as_ref()).await;
    (code, Json(health)).into_response()
}

/// Health and metrics alone, for a process that serves nothing else.
pub(crate) fn health_router(probe: Arc<dyn Probe>, metrics: Option<Metrics>) -> Router {
    let look_at = |probe: Arc<dyn Probe>| async move {
        let (code, health) = health_report(probe.as_ref()).await;
        (code, Json(health))
    };
    let (ready, health) = (Arc::clone(&probe), probe);
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(move || look_at(Arc::clone(&ready))))
        .route("/health", get(move || look_at(Arc::clone(&health))))
        .route("/metrics", get(move || async move { rendered(metrics.as_ref()) }))
}

/// Metrics in Prometheus text form.
#[utoipa::path(get, path = "/metrics", tag = "operations", security(()),
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain")))]
async fn metrics(State(state): State<AppState>) -> Response {
    rendered(state.metrics.as_ref())
}

fn rendered(metrics: Option<&Metrics>) -> Response {
    let text = metrics.map(Metrics::render);
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text.unwrap_or_default(),
    )
        .into_response()
}

/// The domain's time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClockTime {
    /// Now.
    now: DateTime<Utc>,
}

fn no_clock() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "this server's clock cannot be set; see `--test-clock`",
    )
}

/// The domain's time, on a server with `--test-clock`.
#[utoipa::path(get, path = "/dev/clock", tag = "development", security(()),
    responses((status = 200, description = "The time", body = ClockTime)))]
async fn read_clock(State(state): State<AppState>) -> Result<Json<ClockTime>, Problem> {
    let clock = state.test_clock.as_ref().ok_or_else(no_clock)?;
    Ok(Json(ClockTime { now: clock.now() }))
}

/// Sets the domain's time, from which it runs on. Tokens and time-outs keep real time.
#[utoipa::path(put, path = "/dev/clock", tag = "development", security(()), request_body = ClockTime,
    responses((status = 200, description = "The time that was set", body = ClockTime)))]
async fn set_clock(State(state): State<AppState>, body: Body) -> Result<Json<ClockTime>, Problem> {
    let clock = state.test_clock.as_ref().ok_or_else(no_clock)?;
    let time: ClockTime = body.read()?;
    clock.set(time.now).await?;
    Ok(Json(time))
}

/// The route that a request is served by, as it is declared: never what a caller wrote in the path.
pub(super) fn route(request: &Request) -> &str {
    let path = request.extensions().get::<MatchedPath>();
    path.map_or("unmatched", MatchedPath::as_str)
}

/// Counts requests and their time by route, never by what a caller wrote in the path.
pub(super) async fn count(request: Request, next: Next) -> Response {
    let route = route(&request).to_owned();
    let method = request.method().as_str().to_owned();
    let started = Instant::now();
    let response = next.run(request).await;
    let labels = [
        ("method", method),
        ("route", route),
        ("status", response.status().as_u16().to_string()),
    ];
    metrics::histogram!("mission_http_request_seconds", &labels).record(started.elapsed().as_secs_f64());
    response
}
