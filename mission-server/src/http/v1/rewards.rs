//! Rewards: listed, claimed, revoked.

use axum::{Json, extract::State, response::Response};
use mission_core::{
    RewardId, UserId,
    engine::{ClaimReward, Executed, ResourceKind, RevokeReward, RewardTaken},
    reward::{Reward, RewardStatus},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Id, answer, ok_or_accepted};
use crate::http::{
    AppState, Problem,
    caller::{Operator, RewardsWrite, Session},
    command::Command,
    page::{self, List},
    query::Query,
    view::{ClaimView, RewardView},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(claim))
        .routes(routes!(revoke))
}

/// Which rewards.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Of one status.
    pub(super) status: Option<RewardStatus>,
    /// At most so many; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<usize>,
    /// Where the page before ended.
    pub(super) cursor: Option<String>,
}

/// The caller's rewards, newest first.
#[utoipa::path(get, path = "/rewards", tag = "rewards", params(Filter),
    responses((status = 200, description = "A page of rewards", body = List<RewardView>)))]
async fn list(
    State(state): State<AppState>,
    session: Session,
    Query(filter): Query<Filter>,
) -> Result<Json<List<RewardView>>, Problem> {
    session.record(&state).await?;
    let page = page::page::<RewardId>(filter.limit, filter.cursor.as_deref())?;
    if filter.status.is_none() && page::is_among_newest(&page) {
        let found = state
            .cache
            .newest_rewards(&*state.queries, session.user())
            .await?;
        return Ok(Json(views(&state, found.to_vec(), page.limit)));
    }
    Ok(Json(rewards_of(&state, session.user(), &filter).await?))
}

fn views(state: &AppState, found: Vec<Reward>, limit: usize) -> List<RewardView> {
    let now = state.engine.now();
    page::list(
        found,
        limit,
        |reward| reward.id,
        |reward| RewardView::of(reward, now),
    )
}

/// A page of a user's rewards.
pub(super) async fn rewards_of(
    state: &AppState,
    user: UserId,
    filter: &Filter,
) -> Result<List<RewardView>, Problem> {
    let page = page::page::<RewardId>(filter.limit, filter.cursor.as_deref())?;
    let found = state
        .queries
        .rewards(user, filter.status, page::one_more(page))
        .await?;
    Ok(views(state, found, page.limit))
}

/// Takes a reward.
#[utoipa::path(post, path = "/rewards/{id}/claim", tag = "rewards", params(("id" = RewardId, Path)), responses(
    (status = 200, description = "What was granted", body = ClaimView),
    (status = 202, description = "A reviewer has to let it through", body = ClaimView),
    (status = 400, description = "`already_claimed`, `reward_expired`, `reward_rejected`, `task_not_completed`, `device_required`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`risk_refused`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn claim(Id(reward): Id<RewardId>, request: Command<Session>) -> Result<Response, Problem> {
    let user = request.who.user();
    if let Err(fault) = request.body.expect_none() {
        let found = request.state.queries.reward(reward).await?;
        return Err(match found.filter(|found| found.user_id == user) {
            Some(_) => fault,
            None => request.who.not_found(&request.state, ResourceKind::Reward).await,
        });
    }
    Ok(claimed(request.execute(ClaimReward { user, reward }).await?))
}

/// The answer to a claim.
pub(super) fn claimed(done: Executed<RewardTaken>) -> Response {
    let Executed { reply, replayed, .. } = done;
    let view = ClaimView::of(reply.reward, reply.under_review);
    answer(ok_or_accepted(reply.under_review), view, replayed)
}

/// What is wrong with an operator's reason, if anything.
pub(super) fn check_reason(reason: &str) -> Option<&'static str> {
    (reason.trim().is_empty() || reason.chars().count() > 1000).then_some("must have 1 to 1000 characters")
}

/// Why a reward is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Revocation {
    /// For the audit and the wallet; 1 to 1,000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
    /// Whether the completion that earned it is given back too, so that the user may do the mission again: it no longer
    /// counts towards `max_completions`, the cooldown and what other missions require.
    #[serde(default)]
    reopen: bool,
}

/// Takes a reward back. A granted one is reversed, with its experience and badge, by a ledger entry and an event, never by a
/// deletion; one that is pending or held ends without a grant. `not_claimed`: it is lost already. Where a granted one has more points
/// than `fraud.approve_revocations_above` says, it stays until another operator approves its review.
#[utoipa::path(post, path = "/rewards/{id}/revoke", tag = "rewards", security(("bearer" = ["rewards:write"])), params(("id" = RewardId, Path)),
    request_body = Revocation, responses(
    (status = 200, description = "The revoked reward", body = RewardView),
    (status = 202, description = "The reward, which stays until another operator approves its review", body = RewardView),
    (status = 400, description = "`not_claimed`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn revoke(
    Id(reward): Id<RewardId>,
    request: Command<Operator<RewardsWrite>>,
) -> Result<Response, Problem> {
    let found = request.state.queries.reward(reward).await?;
    let found = found.ok_or_else(|| Problem::not_found(ResourceKind::Reward))?;
    let revocation: Revocation = request.body.read()?;
    if let Some(message) = check_reason(&revocation.reason) {
        return Err(Problem::invalid_field("/reason", message));
    }
    let limit = request.state.approve_revocations_above;
    let command = RevokeReward {
        needs_approval: limit.is_some_and(|limit| found.amount.total() > limit.get()),
        user: found.user_id,
        reward,
        operator: request.who.caller.user,
        reason: revocation.reason,
        reopens: revocation.reopen,
    };
    let done = request.execute(command).await?;
    let view = RewardView::of(done.reply.reward, request.state.engine.now());
    Ok(answer(
        ok_or_accepted(done.reply.under_review),
        view,
        done.replayed,
    ))
}
