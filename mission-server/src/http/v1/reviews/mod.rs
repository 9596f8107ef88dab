//! The review queue: flagged commands that wait for a person.

mod assignment;
mod detail;

use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, NaiveDate, Utc};
use mission_core::{
    CheckInDayId, FileId, ReviewId, RewardId, TaskId, UserId,
    engine::{DecideReview, ResourceKind},
    fraud::{Review, ReviewDecision, ReviewKind, ReviewReason, ReviewStatus, ReviewSubject},
    ports::{
        iam::Person,
        queries::{Assignee, ReviewFilter},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Id, answer};
use crate::http::{
    AppState, Problem,
    caller::{Operator, ReviewsWrite},
    command::Command,
    page::{self, List},
    query::Query,
    view::PersonView,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .merge(detail::routes())
        .merge(assignment::routes())
        .routes(routes!(approve))
        .routes(routes!(reject))
}

/// A flagged command and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Review)]
struct ReviewView {
    id: ReviewId,
    user_id: UserId,
    #[serde(flatten)]
    person: PersonView,
    kind: ReviewKind,
    /// The operator who asks for the grant, and so cannot approve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<UserId>,
    /// The task, where one waits.
    task_id: Option<TaskId>,
    /// The uploaded file, where one waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<FileId>,
    /// The rewards that are held, or that are to be taken back.
    reward_ids: Vec<RewardId>,
    /// The check-in day, where one waits.
    check_in_id: Option<CheckInDayId>,
    /// Its date.
    date: Option<NaiveDate>,
    reasons: Vec<ReviewReason>,
    status: ReviewStatus,
    created_at: DateTime<Utc>,
    /// The reviewer who works on it.
    assigned_to: Option<UserId>,
    /// Until when it is theirs.
    assigned_until: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<UserId>,
    note: Option<String>,
    /// Under which id the moderation service knows of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    moderation_id: Option<String>,
}

impl ReviewView {
    /// The same with the user's name and picture.
    fn named(self, people: &BTreeMap<UserId, Person>) -> Self {
        ReviewView {
            person: PersonView::of(self.user_id, people),
            ..self
        }
    }
}

impl ReviewView {
    /// A review as it stands at an instant: an assignment lapses by itself.
    fn at(review: Review, now: DateTime<Utc>) -> Self {
        let assignment = review.assignment_at(now);
        let kind = review.subject.kind();
        let requested_by = review.subject.requested_by();
        let (task_id, reward_ids) = (review.subject.task(), review.subject.rewards().to_vec());
        let (check_in_id, date) = match review.subject {
            ReviewSubject::CheckIn { day, date, .. } => (Some(day), Some(date)),
            _ => (None, None),
        };
        let file_id = match review.subject {
            ReviewSubject::Upload { file, .. } => Some(file),
            _ => None,
        };
        ReviewView {
            id: review.id,
            user_id: review.user_id,
            person: PersonView::default(),
            kind,
            requested_by,
            task_id,
            file_id,
            reward_ids,
            check_in_id,
            date,
            reasons: review.reasons,
            status: review.status,
            created_at: review.created_at,
            assigned_to: assignment.map(|assignment| assignment.reviewer),
            assigned_until: assignment.map(|assignment| assignment.until),
            decided_at: review.decided_at,
            decided_by: review.decided_by,
            note: review.note,
            moderation_id: review.moderation,
        }
    }
}

/// Which reviews.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of one status; the open ones without it.
    status: Option<ReviewStatus>,
    /// Of one user.
    user: Option<UserId>,
    /// Of one kind.
    kind: Option<ReviewKind>,
    /// Those that a reviewer works on: a user's id, `me`, or `nobody` for those that are free.
    #[param(example = "me")]
    assigned_to: Option<String>,
    /// At most so many; 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// Reviews, oldest first.
#[utoipa::path(get, path = "/reviews", tag = "reviews", security(("bearer" = ["reviews:write"])), params(Filter), responses(
    (status = 200, description = "A page of reviews", body = List<ReviewView>),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    operator: Operator<ReviewsWrite>,
    Query(filter): Query<Filter>,
) -> Result<Json<List<ReviewView>>, Problem> {
    let page = page::page::<ReviewId>(filter.limit, filter.cursor.as_deref())?;
    let status = filter.status.unwrap_or(ReviewStatus::Open);
    let now = state.engine.now();
    let assignee = |named: &str| assignee(named, operator.caller.user);
    let assignee = filter.assigned_to.as_deref().map(assignee).transpose()?;
    let wanted = ReviewFilter {
        status: Some(status),
        user: filter.user,
        kind: filter.kind,
        assigned: assignee.map(|assignee| (assignee, now)),
    };
    let found = state.queries.reviews(wanted, page::one_more(page)).await?;
    let users: BTreeSet<UserId> = found.iter().map(|review| review.user_id).collect();
    let names = state.neighbours.names(&Vec::from_iter(users)).await;
    let view = |review| ReviewView::at(review, now).named(&names);
    Ok(Json(page::list(found, page.limit, |review| review.id, view)))
}

/// The reviewer whom a filter names.
fn assignee(named: &str, me: UserId) -> Result<Assignee, Problem> {
    match named {
        "nobody" => Ok(Assignee::Nobody),
        "me" => Ok(Assignee::Reviewer(me)),
        id => match id.parse() {
            Ok(id) => Ok(Assignee::Reviewer(UserId(id))),
            Err(_) => Err(Problem::invalid_query(
                "assigned_to",
                "must be a user's id, `me` or `nobody`",
            )),
        },
    }
}

/// What the reviewer adds.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// Why; the user is told it where evidence is refused. At most 1,000 characters.
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// What the reviewer adds to a refusal.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refusal {
    /// Why; the user is told it where evidence is refused. At most 1,000 characters.
    #[schema(max_length = 1000)]
    note: Option<String>,
    /// Whether the user is banned: rules see the tag `banned` from now on, whatever other services say of the user.
    #[serde(default)]
    ban: bool,
}

/// A note that is not too long for the record.
pub(super) fn check_note(note: Option<String>) -> Result<Option<String>, Problem> {
    if note.as_ref().is_some_and(|note| note.chars().count() > 1000) {
        return Err(Problem::invalid_field(
            "/note",
            "must not have more than 1000 characters",
        ));
    }
    Ok(note)
}

/// Lets the waiting command go through, exactly once.
#[utoipa::path(post, path = "/reviews/{id}/approve", tag = "reviews", security(("bearer" = ["reviews:write"])), params(("id" = ReviewId, Path)),
    request_body = Option<Note>, responses(
    (status = 200, description = "The decided review", body = ReviewView),
    (status = 400, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`forbidden`, `second_person_required`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`assigned_to_another`", body = Problem, content_type = "application/problem+json")))]
async fn approve(
    Id(review): Id<ReviewId>,
    request: Command<Operator<ReviewsWrite>>,
) -> Result<Response, Problem> {
    let owner = owner(&request.state, review).await?;
    let Note { note } = request.body.read_or_default()?;
    decide(owner, review, ReviewDecision::Approve, note, &request).await
}

/// Refuses the waiting command: nothing is granted. With `ban` the user gets the tag `banned`.
#[utoipa::path(post, path = "/reviews/{id}/reject", tag = "reviews", security(("bearer" = ["reviews:write"])), params(("id" = ReviewId, Path)),
    request_body = Option<Refusal>, responses(
    (status = 200, description = "The decided review", body = ReviewView),
    (status = 400, description = "`already_decided`", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`assigned_to_another`", body = Problem, content_type = "application/problem+json")))]
async fn reject(
    Id(review): Id<ReviewId>,
    request: Command<Operator<ReviewsWrite>>,
) -> Result<Response, Problem> {
    let owner = owner(&request.state, review).await?;
    let Refusal { note, ban } = request.body.read_or_default()?;
    let decision = match ban {
        true => ReviewDecision::RejectAndBan,
        false => ReviewDecision::Reject,
    };
    decide(owner, review, decision, note, &request).await
}

/// Whose command waits.
async fn owner(state: &AppState, review: ReviewId) -> Result<UserId, Problem> {
    let found = state.queries.review(review).await?;
    let found = found.ok_or_else(|| Problem::not_found(ResourceKind::Review))?;
    Ok(found.user_id)
}

async fn decide(
    user: UserId,
    review: ReviewId,
    decision: ReviewDecision,
    note: Option<String>,
    request: &Command<Operator<ReviewsWrite>>,
) -> Result<Response, Problem> {
    let command = DecideReview {
        user,
        review,
        decision,
        reviewer: request.who.caller.user,
        note: check_note(note)?,
    };
    let done = request.execute(command).await?;
    let view = ReviewView::at(done.reply.review, request.state.engine.now());
    Ok(answer(StatusCode::OK, view, done.replayed))
}
