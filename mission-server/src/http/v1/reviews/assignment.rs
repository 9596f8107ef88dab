//! A reviewer takes a review on, and gives it back.

use axum::{http::StatusCode, response::Response};
use mission_core::{
    ReviewId, UserId,
    engine::{AssignReview, ReleaseReview},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Id, ReviewView, answer, owner};
use crate::http::{
    AppState, Problem,
    caller::{Operator, ReviewsWrite},
    command::Command,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(assign))
        .routes(routes!(release))
}

/// To whom.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Assignment {
    /// Who is to work on it; oneself without it.
    reviewer: Option<UserId>,
}

/// Leaves the review to one reviewer for `fraud.assignment_minutes`: until then nobody else can decide it, or assign it.
/// Whoever has it prolongs it so, or hands it on.
#[utoipa::path(post, path = "/reviews/{id}/assign", tag = "reviews", security(("bearer" = ["reviews:write"])), params(("id" = ReviewId, Path)),
    request_body = Option<Assignment>, responses(
    (status = 200, description = "The review", body = ReviewView),
    (status = 400, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`assigned_to_another`", body = Problem, content_type = "application/problem+json")))]
async fn assign(
    Id(review): Id<ReviewId>,
    request: Command<Operator<ReviewsWrite>>,
) -> Result<Response, Problem> {
    let user = owner(&request.state, review).await?;
    let Assignment { reviewer } = request.body.read_or_default()?;
    let by = request.who.caller.user;
    let command = AssignReview {
        user,
        review,
        reviewer: reviewer.unwrap_or(by),
        by,
        minutes: request.state.assignment_minutes,
    };
    let done = request.execute(command).await?;
    let view = ReviewView::at(done.reply.review, request.state.engine.now());
    Ok(answer(StatusCode::OK, view, done.replayed))
}

/// Gives the review back: anybody can take it on, or decide it.
#[utoipa::path(post, path = "/reviews/{id}/release", tag = "reviews", security(("bearer" = ["reviews:write"])), params(("id" = ReviewId, Path)),
    responses(
    (status = 200, description = "The review", body = ReviewView),
    (status = 400, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`assigned_to_another`", body = Problem, content_type = "application/problem+json")))]
async fn release(
    Id(review): Id<ReviewId>,
    request: Command<Operator<ReviewsWrite>>,
) -> Result<Response, Problem> {
    let command = ReleaseReview {
        user: owner(&request.state, review).await?,
        review,
        by: request.who.caller.user,
    };
    let done = request.execute(command).await?;
    let view = ReviewView::at(done.reply.review, request.state.engine.now());
    Ok(answer(StatusCode::OK, view, done.replayed))
}
