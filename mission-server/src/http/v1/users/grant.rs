//! Rewards that operators grant by hand.

use axum::{http::StatusCode, response::Response};
use mission_core::{Points, UserId, engine::GrantReward, mission::is_badge_id};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::{Id, answer, rewards::check_reason};
use crate::http::{
    AppState, FieldError, Problem,
    caller::{Operator, RewardsWrite},
    command::Command,
    view::RewardView,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(grant))
}

/// What is granted, and why: points, experience or a badge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ManualGrant {
    /// Rounded as every awarded amount.
    #[serde(default)]
    points: Points,
    #[serde(default)]
    #[schema(maximum = 1_000_000_000)]
    experience_points: u32,
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    badge_id: Option<String>,
    /// For the audit; 1 to 1,000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

impl ManualGrant {
    fn errors(&self) -> Vec<FieldError> {
        let error = |pointer: &str, message: &str| FieldError {
            pointer: pointer.to_owned(),
            message: message.to_owned(),
        };
        let mut errors = Vec::new();
        errors.extend(check_reason(&self.reason).map(|message| error("/reason", message)));
        if self.experience_points > MOST_EXPERIENCE {
            errors.push(error("/experience_points", "must not exceed 1000000000"));
        }
        if self.badge_id.as_deref().is_some_and(|badge| !is_badge_id(badge)) {
            errors.push(error("/badge_id", "must have 1 to 255 characters"));
        }
        if self.points.is_zero() && self.experience_points == 0 && self.badge_id.is_none() {
            errors.push(error(
                "/points",
                "nothing is granted: give `points`, `experience_points` or `badge_id`",
            ));
        }
        errors
    }
}

/// As much as one reward can have points.
const MOST_EXPERIENCE: u32 = 1_000_000_000;

/// Grants a user what nothing earned: a goodwill, a prize, a correction. It is a reward as any other, with its ledger entry and its
/// events. Where more points are granted than `fraud.approve_grants_above` says, it is held until another operator approves its
/// review.
#[utoipa::path(post, path = "/users/{id}/rewards", tag = "users", security(("bearer" = ["rewards:write"])), params(("id" = UserId, Path)),
    request_body = ManualGrant, responses(
    (status = 201, description = "The reward, granted", body = RewardView),
    (status = 202, description = "The reward, held until another operator approves it", body = RewardView),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: the user is not known", body = Problem, content_type = "application/problem+json")))]
async fn grant(Id(user): Id<UserId>, request: Command<Operator<RewardsWrite>>) -> Result<Response, Problem> {
    let asked: ManualGrant = request.body.read()?;
    let errors = asked.errors();
    if !errors.is_empty() {
        return Err(Problem::invalid_body(errors));
    }
    let limit = request.state.approve_grants_above;
    let command = GrantReward {
        user,
        needs_approval: limit.is_some_and(|limit| asked.points > limit),
        points: asked.points,
        experience_points: asked.experience_points,
        badge_id: asked.badge_id,
        operator: request.who.caller.user,
        reason: asked.reason,
    };
    let done = request.execute(command).await?;
    let status = match done.reply.under_review {
        true => StatusCode::ACCEPTED,
        false => StatusCode::CREATED,
    };
    let view = RewardView::of(done.reply.reward, request.state.engine.now());
    Ok(answer(status, view, done.replayed))
}
