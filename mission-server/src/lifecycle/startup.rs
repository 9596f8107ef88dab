//! What a server answers while it has no database yet: it lives, it is not ready, and it says why.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use crate::{
    http::{Problem, correlation},
    telemetry::Metrics,
};

/// The last error of connecting to the database.
#[derive(Clone, Default)]
pub(super) struct LastDatabaseError(Arc<RwLock<String>>);

impl LastDatabaseError {
    pub(super) fn set(&self, fault: &str) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fault.to_owned();
    }

    pub(super) fn get(&self) -> String {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The service until the real one takes over.
pub(super) fn router(fault: LastDatabaseError, metrics: Option<Metrics>) -> Router {
    let render = move || {
        let text = metrics.as_ref().map(Metrics::render).unwrap_or_default();
        async move {
            (
                [(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
                )],
                text,
            )
        }
    };
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(health))
        .route("/health", get(health))
        .route("/metrics", get(render))
        .fallback(|| async {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "starting",
                "the server cannot reach its database yet",
            )
            .retry_after(1)
        })
        .layer(middleware::from_fn(correlation::layer))
        .with_state(fault)
}

async fn health(State(fault): State<LastDatabaseError>) -> Response {
    let database = json!({
        "name": "database", "status": "down", "required": true, "latency_ms": 0, "detail": fault.get(),
    });
    let body = Json(json!({"status": "unavailable", "dependencies": [database]}));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}
