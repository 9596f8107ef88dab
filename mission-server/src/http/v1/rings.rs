//! Rings of accounts that one person seems to run: a queue beside that of the reviews, with one decision for a whole ring.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use mission_core::{
    FraudRingId, UserId,
    engine::{AuditEntry, AuditSubject, Rejection, ResourceKind},
    fraud::rings::RingEvidence,
    ports::iam::Person,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Id, rewards::check_reason};
use crate::{
    http::{
        AppState, Problem,
        body::Body,
        caller::{Operator, ReviewsWrite},
        correlation,
        page::{self, List, RingKey},
        query::{NoQuery, Query},
        view::PersonView,
    },
    rings::{RingAction, RingDecision, RingMember, RingRecord, RingStatus, StoredRing},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(decide))
}

/// So many members are shown with a ring.
const MOST_MEMBERS: usize = 1_000;
/// So often a decision is tried where the ring changes at the same time.
const TRIES: u8 = 5;

/// Accounts that one person seems to run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ring)]
pub(super) struct RingView {
    id: FraudRingId,
    status: RingStatus,
    /// How convincing the evidence is, in percent.
    score: u32,
    /// What its members share.
    evidence: Vec<RingEvidence>,
    /// When the first of it happened.
    since: DateTime<Utc>,
    found_at: DateTime<Utc>,
    /// When it was found last.
    last_seen_at: DateTime<Utc>,
    /// How many accounts it has.
    accounts: u64,
    /// The last decision; of a ring that is open again, the one before it had new members.
    decision: Option<RingDecision>,
    /// Whether all that was decided is done.
    is_done: bool,
}

impl RingView {
    pub(super) fn of(ring: StoredRing) -> Self {
        let RingRecord {
            since,
            score,
            evidence,
            decision,
        } = ring.record;
        RingView {
            id: ring.id,
            status: ring.status,
            score,
            evidence,
            since,
            found_at: ring.found_at,
            last_seen_at: ring.last_seen_at,
            accounts: ring.members,
            decision,
            is_done: ring.work.is_none(),
        }
    }
}

/// A ring and its members.
#[derive(Debug, Serialize, ToSchema)]
struct RingDetail {
    ring: RingView,
    /// In the order of their ids, at most 1,000.
    members: Vec<MemberView>,
}

/// A member of a ring.
#[derive(Debug, Serialize, ToSchema)]
struct MemberView {
    #[serde(flatten)]
    person: PersonView,
    #[serde(flatten)]
    member: RingMember,
}

impl MemberView {
    fn of(member: RingMember, people: &BTreeMap<UserId, Person>) -> Self {
        MemberView {
            person: PersonView::of(member.user_id, people),
            member,
        }
    }
}

/// Which rings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RingFilter {
    /// Of one status; the open ones without it.
    status: Option<RingStatus>,
    /// At most so many; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// Rings, the last found first.
#[utoipa::path(get, path = "/rings", operation_id = "rings", tag = "reviews", security(("bearer" = ["reviews:write"])), params(RingFilter), responses(
    (status = 200, description = "A page of rings", body = List<RingView>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    _operator: Operator<ReviewsWrite>,
    Query(filter): Query<RingFilter>,
) -> Result<Json<List<RingView>>, Problem> {
    let page = page::page::<RingKey>(filter.limit, filter.cursor.as_deref())?;
    let before = page.after.map(|RingKey(at, id)| (at, id));
    let status = filter.status.unwrap_or(RingStatus::Open);
    let found = state.rings.rings(status, before, page.limit + 1).await?;
    let key = |ring: &StoredRing| RingKey(ring.found_at, ring.id);
    Ok(Json(page::list(found, page.limit, key, RingView::of)))
}

async fn ring(state: &AppState, id: FraudRingId) -> Result<StoredRing, Problem> {
    let found = state.rings.ring(id).await?;
    found.ok_or_else(|| Problem::not_found(ResourceKind::Ring))
}

/// A ring, its evidence and its members, with who invited whom.
#[utoipa::path(get, path = "/rings/{id}", operation_id = "ring", tag = "reviews", security(("bearer" = ["reviews:write"])), params(("id" = FraudRingId, Path)), responses(
    (status = 200, description = "The ring", body = RingDetail),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn read(
    State(state): State<AppState>,
    _operator: Operator<ReviewsWrite>,
    Id(id): Id<FraudRingId>,
    _: Query<NoQuery>,
) -> Result<Json<RingDetail>, Problem> {
    let ring = ring(&state, id).await?;
    let nobody = UserId(Uuid::nil());
    let members = state.rings.members(id, nobody, MOST_MEMBERS).await?;
    let users: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
    let names = state.neighbours.names(&users).await;
    Ok(Json(RingDetail {
        ring: RingView::of(ring),
        members: members
            .into_iter()
            .map(|member| MemberView::of(member, &names))
            .collect(),
    }))
}

/// What is decided on a ring.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDecision {
    action: RingAction,
    /// Why: for the audit, and for the wallet and the users where something is taken back; 1 to 1,000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    note: String,
}

/// Decides on a whole ring. `hold`: from now on what its members earn by themselves and claim waits for a reviewer, until the
/// ring is dismissed. `revoke`: all that its members have earned since the ring's first evidence is taken back, as by
/// `POST /rewards/{id}/revoke`; who is held stays held. `dismiss`: it is none; who was held for it is let go, and it is shown
/// again only if it gets new members. The members are gone through at once, one by one; `is_done` tells when all are. A held ring
/// can be revoked or dismissed later.
#[utoipa::path(post, path = "/rings/{id}/decision", operation_id = "decide_ring", tag = "reviews", security(("bearer" = ["reviews:write"])), params(("id" = FraudRingId, Path)),
    request_body = NewDecision, responses(
    (status = 202, description = "It is decided, and is being done", body = RingView),
    (status = 400, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_body`", body = Problem, content_type = "application/problem+json")))]
async fn decide(
    State(state): State<AppState>,
    operator: Operator<ReviewsWrite>,
    Id(id): Id<FraudRingId>,
    body: Body,
) -> Result<Response, Problem> {
    let known = ring(&state, id).await?;
    let NewDecision { action, note } = body.read()?;
    if let Some(message) = check_reason(&note) {
        return Err(Problem::invalid_field("/note", message));
    }
    let decision = RingDecision {
        action,
        by: operator.caller.user,
        at: state.engine.now(),
        note,
    };
    let mut before = known;
    for _ in 0..TRIES {
        if !action.is_possible(before.status) {
            return Err(Rejection::AlreadyDecided.into());
        }
        let mut after = before.clone();
        after.status = action.status();
        after.work = Some(action);
        after.record.decision = Some(decision.clone());
        if state.rings.change_ring(&after).await? {
            audit(&state, &before, &after, &decision).await?;
            state.ring_decided.notify_one();
            return Ok((StatusCode::ACCEPTED, Json(RingView::of(after))).into_response());
        }
        // It was found again, or somebody else was faster.
        before = ring(&state, id).await?;
    }
    Err(Problem::busy())
}

async fn audit(
    state: &AppState,
    before: &StoredRing,
    after: &StoredRing,
    decision: &RingDecision,
) -> Result<(), Problem> {
    let entry = AuditEntry {
        id: state.engine.next_id(),
        at: decision.at,
        actor: Some(decision.by),
        action: "DecideRing".to_owned(),
        subject_kind: AuditSubject::Ring,
        subject: after.id.to_string(),
        user_id: None,
        before: Some(json!({"status": before.status})),
        after: Some(json!({"status": after.status, "accounts": after.members, "note": decision.note})),
        correlation_id: correlation::current(),
    };
    tracing::info!(operator = %decision.by, command = "DecideRing", ring = %after.id, "an administrative command");
    Ok(state.rings.add_ring_audit(&entry).await?)
}
