//! `/console`: the pages for authors, reviewers and operators, served from the binary. They call the API with a token, as any
//! client would, so they may do what the token may.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use mission_core::UserId;
use mission_rules::pack::JSON_SCHEMAS;
use serde_json::json;
use uuid::Uuid;

use super::{
    AppState, Problem,
    rendered::{etag_of, is_held},
};
use crate::auth::development_token;

/// The files, with their types.
const FILES: [(&str, &str, &str); 17] = [
    (
        "index.html",
        "text/html; charset=utf-8",
        include_str!("../../console/index.html"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../console/icon.svg"),
    ),
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("../../console/style.css"),
    ),
    ("app.js", SCRIPT, include_str!("../../console/app.js")),
    ("api.js", SCRIPT, include_str!("../../console/api.js")),
    ("vi.js", SCRIPT, include_str!("../../console/vi.js")),
    ("text.js", SCRIPT, include_str!("../../console/text.js")),
    ("parts.js", SCRIPT, include_str!("../../console/parts.js")),
    ("missions.js", SCRIPT, include_str!("../../console/missions.js")),
    ("packs.js", SCRIPT, include_str!("../../console/packs.js")),
    (
        "playground.js",
        SCRIPT,
        include_str!("../../console/playground.js"),
    ),
    ("reviews.js", SCRIPT, include_str!("../../console/reviews.js")),
    ("rings.js", SCRIPT, include_str!("../../console/rings.js")),
    ("users.js", SCRIPT, include_str!("../../console/users.js")),
    ("analytics.js", SCRIPT, include_str!("../../console/analytics.js")),
    (
        "operations.js",
        SCRIPT,
        include_str!("../../console/operations.js"),
    ),
    (
        "vendor/uplot.css",
        "text/css; charset=utf-8",
        include_str!("../../console/vendor/uplot.css"),
    ),
];
/// The libraries, which are long.
const LIBRARIES: [(&str, &str, &str); 3] = [
    (
        "vendor/htm-preact.js",
        SCRIPT,
        include_str!("../../console/vendor/htm-preact.js"),
    ),
    (
        "vendor/diff.js",
        SCRIPT,
        include_str!("../../console/vendor/diff.js"),
    ),
    (
        "vendor/uplot.js",
        SCRIPT,
        include_str!("../../console/vendor/uplot.js"),
    ),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Nothing from elsewhere, nothing inline, in nobody's frame. Uploads that are to be reviewed may lie in a bucket.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/console", get(|| async { Redirect::permanent("/console/") }))
        .route(
            "/console/",
            get(|headers: HeaderMap| async move { file("index.html", &headers) }),
        )
        .route("/console/development", get(development))
        .route("/schemas/{file}", get(schema))
        .route(
            "/console/{*path}",
            get(|Path(path): Path<String>, headers: HeaderMap| async move { file(&path, &headers) }),
        )
}

/// The `ETag` of each file.
static ETAGS: LazyLock<HashMap<&str, HeaderValue>> = LazyLock::new(|| {
    let files = FILES.iter().chain(&LIBRARIES);
    files
        .map(|(name, _, content)| (*name, etag_of(content.as_bytes())))
        .collect()
});

fn file(path: &str, headers: &HeaderMap) -> Response {
    let mut files = FILES.iter().chain(&LIBRARIES);
    let found = files.find(|(name, ..)| *name == path).zip(ETAGS.get(path));
    let Some(((_, content_type, content), etag)) = found else {
        return Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such page").into_response();
    };
    let about = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        // What belongs together comes together: a new server has new files.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, etag.clone()),
    ];
    if is_held(headers, etag) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, *content_type)], *content).into_response()
}

/// JSON Schemas of a pack's files, at a path that stays.
async fn schema(Path(file): Path<String>) -> Response {
    let Some(schema) = JSON_SCHEMAS.iter().find(|schema| schema.file == file) else {
        let names = JSON_SCHEMAS.map(|schema| schema.file).join(", ");
        let detail = format!("there is no schema `{file}`; there are {names}");
        return Problem::new(StatusCode::NOT_FOUND, "not_found", detail).into_response();
    };
    ([(header::CONTENT_TYPE, "application/schema+json")], schema.text).into_response()
}

/// How long a developer stays signed in.
const LIFETIME: Duration = Duration::from_secs(86_400);

/// A token for whoever develops with this server; of any other there is none.
async fn development(State(state): State<AppState>) -> Result<Response, Problem> {
    if !state.settings.development {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let token = development_token(UserId(Uuid::now_v7()), &["admin"], LIFETIME)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()))?;
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((no_store, Json(json!({"token": token}))).into_response())
}
