//! `GET /files/{id}`: what a link of ours leads to.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use mission_core::ports::clock::Clock;
use uuid::Uuid;

use super::{
    InvalidLink, MediaType, UploadError, Uploads,
    range::{self, RequestedRange},
};
use crate::http::Problem;

#[derive(Clone)]
struct FilesState {
    uploads: Arc<Uploads>,
    clock: Arc<dyn Clock>,
}

/// The routes GET and HEAD `/files/{id}`, for links that [`Uploads::link`] has made. The clock is that of the `now` of
/// links. Answers 200 or 206 with the file, 416 for a range that it does not have, 403 for a link that does not hold,
/// 404 for a file that is gone.
///
/// A file is served as what it was found to be, never guessed, and without any right in a browser.
pub fn files_router<S: Clone + Send + Sync + 'static>(
    uploads: Arc<Uploads>,
    clock: Arc<dyn Clock>,
) -> Router<S> {
    Router::new()
        .route("/files/{id}", get(file))
        .with_state(FilesState { uploads, clock })
}

impl From<InvalidLink> for Problem {
    fn from(refused: InvalidLink) -> Self {
        Problem::new(StatusCode::FORBIDDEN, "link_refused", refused.to_string())
    }
}

async fn file(
    State(served): State<FilesState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id: Uuid = id.parse().map_err(|_| InvalidLink::Signature)?;
    let uploads = &served.uploads;
    let holds = uploads
        .links()
        .check(id, query.as_deref().unwrap_or_default(), served.clock.now())?;
    let store = uploads.store().ok_or(UploadError::NotFound)?;
    let size = store.stat(id).await?.size_bytes;
    let tag = format!("\"{id}\"");
    // A file never changes: whoever has a part of it has a part of this one.
    let is_same = text(&headers, header::IF_RANGE).is_none_or(|given| given == tag);
    let asked = range::read(text(&headers, header::RANGE).filter(|_| is_same), size);
    let part = match asked {
        RequestedRange::All => None,
        RequestedRange::Part(part) => Some(part),
        RequestedRange::Beyond => return Ok(beyond(size)),
    };
    let kind = store.kind(id).await?;
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(store.get(id, part.clone()).await?)
    };
    let mut response = body.into_response();
    let set = response.headers_mut();
    let mut put = |name, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            set.insert(name, value);
        }
    };
    put(
        header::CONTENT_LENGTH,
        part.as_ref()
            .map_or(size, |part| part.end - part.start)
            .to_string(),
    );
    if let Some(part) = &part {
        put(
            header::CONTENT_RANGE,
            format!("bytes {}-{}/{size}", part.start, part.end - 1),
        );
    }
    let content_type = kind.map_or("application/octet-stream", |kind| kind.content_type());
    let disposition = if kind.is_some_and(MediaType::is_image) {
        "inline"
    } else {
        "attachment"
    };
    let extension = kind.map_or("bin", |kind| kind.extension());
    put(header::CONTENT_TYPE, content_type.to_owned());
    put(
        header::CONTENT_DISPOSITION,
        format!("{disposition}; filename=\"{id}.{extension}\""),
    );
    put(
        header::CACHE_CONTROL,
        format!("private, max-age={}", holds.as_secs()),
    );
    put(header::ETAG, tag);
    put(header::ACCEPT_RANGES, "bytes".to_owned());
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
    put(
        header::CONTENT_SECURITY_POLICY,
        "sandbox; default-src 'none'".to_owned(),
    );
    *response.status_mut() = part.map_or(StatusCode::OK, |_| StatusCode::PARTIAL_CONTENT);
    Ok(response)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn beyond(size: u64) -> Response {
    let detail = format!("the file has {size} bytes, and the range begins behind them");
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
    let mut response = problem.into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

impl IntoResponse for UploadError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
