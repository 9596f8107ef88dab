//! How fast a user mines: by the boosts that the mission server knows of.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::StandIn;

pub(super) fn router() -> Router<StandIn> {
    Router::new().route("/api/v1/speed/{id}", get(speed))
}

async fn speed(State(stand_in): State<StandIn>, Path(user): Path<Uuid>) -> Result<Json<Value>, StatusCode> {
    let (server, token) = stand_in.state().server.clone().ok_or(StatusCode::NOT_FOUND)?;
    let url = format!("{server}/api/v1/users/{user}/boosts");
    let asked = reqwest::Client::new().get(url).bearer_auth(token).send().await;
    let answer = asked
        .and_then(reqwest::Response::error_for_status)
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    let boosts: Value = answer.json().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let percents = boosts["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|boost| boost["percent"].as_f64());
    let percent: f64 = percents.sum();
    Ok(Json(
        json!({"userId": user, "boostPercent": percent, "speed": 1.0 + percent / 100.0}),
    ))
}
