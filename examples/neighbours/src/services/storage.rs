//! Keeps files in memory, and hands them out by signed addresses.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Multipart, Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{Duration, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::StandIn;

pub(super) fn router() -> Router<StandIn> {
    Router::new()
        .route("/api/v1/upload", post(upload))
        .layer(DefaultBodyLimit::disable())
        .route("/api/v1/files/{id}/signed-url", get(signed_url))
        .route("/stored/{id}", get(stored))
}

async fn upload(State(stand_in): State<StandIn>, mut form: Multipart) -> Result<Response, StatusCode> {
    let field = form.next_field().await.map_err(|_| StatusCode::BAD_REQUEST)?;
    let field = field
        .filter(|field| field.name() == Some("file"))
        .ok_or(StatusCode::BAD_REQUEST)?;
    let content_type = field
        .content_type()
        .unwrap_or("application/octet-stream")
        .to_owned();
    let bytes = field.bytes().await.map_err(|_| StatusCode::BAD_REQUEST)?;
    let (id, size) = (Uuid::new_v4(), bytes.len());
    stand_in.state().files.insert(id, (content_type, bytes));
    let url = format!("{}/stored/{id}", stand_in.url);
    let kept = Json(json!({"fileId": id, "url": url, "sizeBytes": size}));
    Ok((StatusCode::CREATED, kept).into_response())
}

#[derive(Deserialize)]
struct Asked {
    ttl: Option<u32>,
}

async fn signed_url(
    State(stand_in): State<StandIn>,
    Path(id): Path<Uuid>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, StatusCode> {
    if !stand_in.state().files.contains_key(&id) {
        return Err(StatusCode::NOT_FOUND);
    }
    let expires = Utc::now() + Duration::seconds(asked.ttl.unwrap_or(300).into());
    let url = format!("{}/stored/{id}?expires={}", stand_in.url, expires.timestamp());
    Ok(Json(json!({"signedUrl": url, "expiresAt": expires})))
}

#[derive(Deserialize)]
struct Signed {
    expires: i64,
}

/// Anybody could make such an address: it stands for one that is signed.
async fn stored(
    State(stand_in): State<StandIn>,
    Path(id): Path<Uuid>,
    Query(signed): Query<Signed>,
) -> Result<Response, StatusCode> {
    if signed.expires < Utc::now().timestamp() {
        return Err(StatusCode::FORBIDDEN);
    }
    let found = stand_in.state().files.get(&id).cloned();
    let (content_type, bytes) = found.ok_or(StatusCode::NOT_FOUND)?;
    Ok(([(header::CONTENT_TYPE, content_type)], bytes).into_response())
}
