//! The cheapest authenticated request: for clients that test their token, and for benchmarks.

use axum::http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::http::{
    AppState,
    caller::Session,
    query::{NoQuery, Query},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(ping))
}

/// Checks the token and does nothing.
#[utoipa::path(get, path = "/ping", tag = "operations", responses((status = 204, description = "The token is good")))]
async fn ping(_session: Session, _: Query<NoQuery>) -> StatusCode {
    StatusCode::NO_CONTENT
}
