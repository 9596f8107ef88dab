//! The configuration in force.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    config::EffectiveSetting,
    http::{
        AppState, Problem,
        caller::{AuditRead, Operator},
        page::List,
        query::{NoQuery, Query},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(configuration))
}

/// The settings that this server was started with, and where each came from; secrets are masked.
#[utoipa::path(get, path = "/configuration", operation_id = "configuration", tag = "operations", security(("bearer" = ["audit:read"])), responses(
    (status = 200, description = "All settings that have a value", body = List<EffectiveSetting>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn configuration(
    State(state): State<AppState>,
    _operator: Operator<AuditRead>,
    _: Query<NoQuery>,
) -> Json<List<EffectiveSetting>> {
    Json(List {
        items: state.configuration.clone(),
        next_cursor: None,
    })
}
