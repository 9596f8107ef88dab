//! The audit: who changed what.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use mission_core::{
    UserId,
    engine::AuditEntry,
    ports::queries::{AuditFilter, Page},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::mission_named;
use crate::http::{
    AppState, Problem,
    caller::{AuditRead, Operator},
    page::{self, List},
    query::Query,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of one operator.
    actor: Option<UserId>,
    /// About one thing: the id of a mission, user, reward or review, a mission's code, or a pack's name. A user's id
    /// finds the user's rewards and reviews as well.
    subject: Option<String>,
    /// From this instant on.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    to: Option<DateTime<Utc>>,
    /// At most so many; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// Administrative commands, newest first.
#[utoipa::path(get, path = "/audit", operation_id = "audit", tag = "audit", security(("bearer" = ["audit:read"])), params(Filter), responses(
    (status = 200, description = "A page of entries", body = List<AuditEntry>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_query`", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    _operator: Operator<AuditRead>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<AuditEntry>>, Problem> {
    let page = page::page::<page::AuditKey>(filter.limit, filter.cursor.as_deref())?;
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && to <= from
    {
        return Err(Problem::invalid_query("to", "must be after `from`"));
    }
    let catalog = state.engine.catalog();
    // A mission's code stands for its id, unless a pack has that name.
    let named = |subject: String| match mission_named(&catalog, &subject) {
        Some(mission) if subject.parse::<Uuid>().is_err() => vec![mission.to_string(), subject],
        _ => vec![subject],
    };
    let subjects = filter.subject.map_or_else(Vec::new, named);
    let wanted = AuditFilter {
        actor: filter.actor,
        subjects,
        from: filter.from,
        to: filter.to,
    };
    let more = Page {
        limit: page.limit + 1,
        after: page.after.map(|page::AuditKey(id)| id),
    };
    let found = state.queries.audit(&wanted, more);
    Ok(Json(page::list(
        found.await?,
        page.limit,
        |entry| page::AuditKey(entry.id),
        std::convert::identity,
    )))
}
