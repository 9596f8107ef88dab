//! Routes and the layers around them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
    set_header::SetResponseHeaderLayer,
};

use crate::uploads::files_router;

use super::{
    AppState, Problem, caller, console, correlation, docs, idempotency, ops, page_headers, pages, v1,
};

/// The whole service.
pub fn router(state: AppState) -> Router {
    let (v1, _) = v1::routes().split_for_parts();
    let v1 = v1.route_layer(middleware::from_fn_with_state(state.clone(), idempotency::layer));
    let v1 = v1.route_layer(middleware::from_fn_with_state(state.clone(), caller::layer));
    let (signed, _) = v1::signed_routes().split_for_parts();
    let (ops, _) = ops::routes(state.test_clock.is_some()).split_for_parts();
    let pages = docs::routes(state.test_clock.is_some())
        .merge(pages::routes())
        .merge(console::routes())
        .layer(middleware::from_fn(page_headers::layer));
    Router::new()
        .merge(v1)
        .merge(signed)
        .merge(ops)
        .merge(pages)
        .merge(files_router(Arc::clone(&state.uploads), Arc::clone(&state.clock)))
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such route") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this route does not take this method",
            )
        })
        // One stack, which a request clones once; outermost first.
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn(correlation::layer))
                .layer(middleware::from_fn(ops::count))
                .layer(CatchPanicLayer::custom(|_| {
                    tracing::error!("a handler panicked");
                    Problem::new(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "internal",
                        "something went wrong here",
                    )
                    .into_response()
                }))
                .layer(SetResponseHeaderLayer::if_not_present(
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("no-store"),
                ))
                .layer(SetResponseHeaderLayer::if_not_present(
                    header::X_CONTENT_TYPE_OPTIONS,
                    HeaderValue::from_static("nosniff"),
                ))
                .option_layer(cors(&state.settings.cors_origins))
                .layer(CompressionLayer::new())
                .layer(middleware::from_fn_with_state(state.clone(), time_limit))
                .layer(DefaultBodyLimit::max(state.settings.body_limit)),
        )
        .with_state(state)
}

/// A phone may take so long to send a file.
const UPLOAD_TIME: Duration = Duration::from_secs(600);

async fn time_limit(
    State(state): State<AppState>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let is_upload = path.is_some_and(|path| path.as_str() == v1::UPLOAD);
    let limit = if is_upload {
        UPLOAD_TIME.max(state.settings.timeout)
    } else {
        state.settings.timeout
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout",
            "the request took too long; whether it was carried out is unknown: repeat it with the same Idempotency-Key",
        )
        .retry_after(1)
        .into_response(),
    }
}

/// Nothing where no page of another origin is allowed.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        )
    };
    let names = [
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "last-event-id",
        "x-correlation-id",
        "x-device-id",
    ];
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers(names.map(HeaderName::from_static))
            .expose_headers([header::ETAG, header::RETRY_AFTER, super::idempotency::REPLAYED]),
    )
}
