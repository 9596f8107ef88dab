//! GetUserInfo and GetUsersByIds: everybody has a name, made of their id.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::StandIn;

/// Ids of one batch at most.
const MOST: usize = 200;

pub(super) fn router() -> Router<StandIn> {
    Router::new()
        .route("/api/v1/users/batch", post(batch))
        .route("/api/v1/users/{id}", get(user))
}

fn profile(user: Uuid) -> Value {
    let name = user.to_string();
    json!({
        "id": user, "email": "someone@mail.example", "displayName": format!("User {}", &name[..8]),
        "avatarUrl": format!("https://pictures.example/{user}"), "createdAt": "2026-01-05T10:00:00Z", "more": {},
    })
}

async fn user(State(stand_in): State<StandIn>, Path(user): Path<Uuid>) -> Result<Json<Value>, StatusCode> {
    if stand_in.state().unknown.contains(&user) {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(Json(profile(user)))
}

#[derive(Deserialize)]
struct Ids {
    ids: Vec<Uuid>,
}

async fn batch(State(stand_in): State<StandIn>, Json(asked): Json<Ids>) -> Result<Json<Value>, StatusCode> {
    if asked.ids.len() > MOST {
        return Err(StatusCode::BAD_REQUEST);
    }
    let state = stand_in.state();
    let known = asked.ids.into_iter().filter(|user| !state.unknown.contains(user));
    let users: Vec<Value> = known.map(profile).collect();
    Ok(Json(json!({ "users": users })))
}
