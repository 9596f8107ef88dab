//! One review with all that a reviewer decides on.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::HeaderMap};
use chrono::{DateTime, Utc};
use mission_core::{
    FileId, ReviewId,
    engine::ResourceKind,
    fraud::{Review, ReviewSubject},
    ports::{
        queries::{Page, ReviewFilter},
        store::StoreError,
    },
    reward::{Reward, RewardType},
    task::{Evidence, EvidenceType, Task},
    user::User,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    super::{tasks::zone_of, uploads::LINK_TIME},
    Id, ReviewView,
};
use crate::http::{
    AppState, Problem,
    caller::{Operator, ReviewsWrite},
    locale::Locale,
    query::{NoQuery, Query},
    view::{MissionView, RewardView, TaskView},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read))
}

/// A flagged command with what it is about.
#[derive(Debug, Serialize, ToSchema)]
struct ReviewDetail {
    #[serde(flatten)]
    review: ReviewView,
    task: Option<TaskView>,
    mission: Option<MissionView>,
    evidence: Option<ShownEvidence>,
    /// The uploaded file that is to be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<ShownUpload>,
    /// The rewards that are held, or that are to be taken back.
    rewards: Vec<RewardView>,
    device: Option<DeviceFacts>,
    /// The user's other reviews, the latest first, at most 50.
    earlier_reviews: Vec<ReviewView>,
}

/// What the user showed, and where it can be looked at.
#[derive(Debug, Serialize, ToSchema)]
struct ShownEvidence {
    #[serde(flatten)]
    evidence: Evidence,
    /// Addresses within the evidence, to open.
    links: Vec<String>,
}

impl ShownEvidence {
    fn of(evidence: Evidence) -> Self {
        let clicked = match evidence.evidence_type {
            EvidenceType::ClickData => serde_json::from_str::<serde_json::Value>(&evidence.data)
                .ok()
                .and_then(|data| data.get("url")?.as_str().map(str::to_owned)),
            _ => None,
        };
        let links = [
            evidence.screenshot_url.clone(),
            evidence.video_url.clone(),
            clicked,
        ];
        ShownEvidence {
            links: links.into_iter().flatten().collect(),
            evidence,
        }
    }
}

/// An uploaded file, and where it can be looked at.
#[derive(Debug, Serialize, ToSchema)]
struct ShownUpload {
    file_id: FileId,
    /// Where it can be read, for an hour.
    url: String,
    /// Its media type, as its bytes show.
    content_type: String,
    size_bytes: u64,
    uploaded_at: DateTime<Utc>,
}

/// The file that a review is about.
async fn upload_of(
    state: &AppState,
    review: &Review,
    task: Option<&Task>,
) -> Result<Option<ShownUpload>, Problem> {
    let (ReviewSubject::Upload { file, .. }, Some(task)) = (&review.subject, task) else {
        return Ok(None);
    };
    let Some(upload) = task.uploads.iter().find(|upload| upload.file.id == *file) else {
        return Ok(None);
    };
    let url = state
        .uploads
        .link(&upload.file, state.engine.now(), LINK_TIME)
        .await?;
    Ok(Some(ShownUpload {
        file_id: *file,
        url,
        content_type: upload.file.content_type.clone(),
        size_bytes: upload.file.size_bytes,
        uploaded_at: upload.uploaded_at,
    }))
}

/// What is known of the device that the command came with.
#[derive(Debug, Serialize, ToSchema)]
struct DeviceFacts {
    /// A hash of what the client named.
    hash: String,
    /// Whether it was the user's first one, or a reviewer has approved it.
    trusted: bool,
    /// When the user came with it first.
    first_seen_at: Option<DateTime<Utc>>,
    /// When the user came with it last.
    last_seen_at: Option<DateTime<Utc>>,
    /// How many users came with it, this one included; 50 stand for that many or more.
    users: usize,
    /// How many devices the user came with.
    devices_of_user: usize,
}

/// How many of a user's reviews are looked through for the latest.
const MOST_REVIEWS: usize = 1000;
/// How many of them are shown.
const SHOWN_REVIEWS: usize = 50;

/// A flagged command with the task, the mission, the evidence and its links, the device, and the user's earlier reviews.
#[utoipa::path(get, path = "/reviews/{id}", tag = "reviews", security(("bearer" = ["reviews:write"])), params(("id" = ReviewId, Path)), responses(
    (status = 200, description = "The review and what it is about", body = ReviewDetail),
    (status = 403, description = "`forbidden`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json")))]
async fn read(
    State(state): State<AppState>,
    _operator: Operator<ReviewsWrite>,
    headers: HeaderMap,
    Id(id): Id<ReviewId>,
    _: Query<NoQuery>,
) -> Result<Json<ReviewDetail>, Problem> {
    let review = state.queries.review(id).await?;
    let review = review.ok_or_else(|| Problem::not_found(ResourceKind::Review))?;
    let user = state.queries.user(review.user_id).await?;
    let rewards = held_rewards(&state, &review).await?;
    let task = task_of(&state, &review, &rewards).await?;
    let upload = upload_of(&state, &review, task.as_ref()).await?;
    let device = device_facts(&state, &review, user.as_ref()).await?;
    let earlier_reviews = earlier_reviews(&state, &review).await?;
    let names = state.neighbours.names(&[review.user_id]).await;
    let locale = Locale::of(None, &headers);
    Ok(Json(state.view(|view| {
        let zone = zone_of(user.as_ref(), view);
        let listed = task
            .as_ref()
            .and_then(|task| view.catalog.mission(task.mission_id));
        ReviewDetail {
            mission: listed.map(|listed| MissionView::of(&listed.mission, &locale, true)),
            evidence: task
                .as_ref()
                .and_then(|task| task.evidence.clone())
                .map(ShownEvidence::of),
            task: task.map(|task| TaskView::of(task, view, zone)),
            rewards: rewards
                .into_iter()
                .map(|reward| RewardView::of(reward, view.now))
                .collect(),
            upload,
            device,
            earlier_reviews,
            review: ReviewView::at(review, view.now).named(&names),
        }
    })))
}

async fn held_rewards(state: &AppState, review: &Review) -> Result<Vec<Reward>, StoreError> {
    let ids = review.subject.rewards();
    let mut rewards = Vec::with_capacity(ids.len());
    for id in ids {
        rewards.extend(state.queries.reward(*id).await?);
    }
    Ok(rewards)
}

/// The task that waits, or whose reward does.
async fn task_of(state: &AppState, review: &Review, rewards: &[Reward]) -> Result<Option<Task>, StoreError> {
    let of_a_task = |reward: &&Reward| {
        matches!(
            reward.reward_type,
            RewardType::MissionComplete | RewardType::SocialAction
        )
    };
    let rewarded = || {
        let reward = rewards.iter().find(of_a_task)?;
        Some(reward.task_id())
    };
    match review.subject.task().or_else(rewarded) {
        Some(task) => state.queries.task(review.user_id, task).await,
        None => Ok(None),
    }
}

async fn device_facts(
    state: &AppState,
    review: &Review,
    user: Option<&User>,
) -> Result<Option<DeviceFacts>, StoreError> {
    let Some(device) = &review.device else {
        return Ok(None);
    };
    let users = state.queries.device_users(std::slice::from_ref(device)).await?;
    let users = users.get(device).map_or(0, BTreeMap::len);
    let known = user.into_iter().flat_map(|user| &user.devices);
    let known = known.clone().find(|known| known.device == *device);
    Ok(Some(DeviceFacts {
        hash: device.as_str().to_owned(),
        trusted: known.is_some_and(|known| known.trusted),
        first_seen_at: known.map(|known| known.first_seen_at),
        last_seen_at: known.map(|known| known.last_seen_at),
        users,
        devices_of_user: user.map_or(0, |user| user.devices.len()),
    }))
}

async fn earlier_reviews(state: &AppState, review: &Review) -> Result<Vec<ReviewView>, StoreError> {
    let of_user = ReviewFilter {
        user: Some(review.user_id),
        ..ReviewFilter::default()
    };
    let page = Page {
        limit: MOST_REVIEWS,
        after: None,
    };
    let mut reviews = state.queries.reviews(of_user, page).await?;
    reviews.retain(|other| other.id != review.id);
    let latest = reviews.into_iter().rev().take(SHOWN_REVIEWS);
    let now = state.engine.now();
    Ok(latest.map(|review| ReviewView::at(review, now)).collect())
}
