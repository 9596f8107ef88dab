//! Integration events: what other services are told, through the outbox only.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CloudEvent;
use crate::{
    CheckInDayId, EventId, MissionId, Percent, Points, RewardId, TaskId, UserId, mission::MissionType,
    reward::RewardType, serde_name, task::TaskStatus,
};

/// One event for other services, with the id under which it is sent however often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum IntegrationEvent {
    /// A task was started.
    TaskStarted(TaskStarted),
    /// A completed mission was claimed.
    MissionCompleted(MissionCompleted),
    /// A check-in's rewards were granted.
    CheckInCompleted(CheckInCompleted),
    /// A reward was granted: all that a wallet needs.
    RewardClaimed(RewardClaimed),
    /// A granted reward was taken back.
    RewardRevoked(RewardRevoked),
    /// A user was erased; who keeps sums forgets whose they were.
    UserErased(UserErased),
    /// A task moved: told to those who follow a user live, and to no other service.
    TaskProgressed(TaskProgressed),
}

/// The types of the events for other services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "those of `IntegrationEvent`")]
pub enum IntegrationEventType {
    TaskStarted,
    MissionCompleted,
    CheckInCompleted,
    RewardClaimed,
    RewardRevoked,
    UserErased,
    TaskProgressed,
}

impl IntegrationEventType {
    /// All of them.
    pub const ALL: [IntegrationEventType; 7] = [
        IntegrationEventType::TaskStarted,
        IntegrationEventType::MissionCompleted,
        IntegrationEventType::CheckInCompleted,
        IntegrationEventType::RewardClaimed,
        IntegrationEventType::RewardRevoked,
        IntegrationEventType::UserErased,
        IntegrationEventType::TaskProgressed,
    ];

    /// Whether it is for those who follow a user live, and never for other services.
    #[must_use]
    pub const fn is_live_only(self) -> bool {
        matches!(self, IntegrationEventType::TaskProgressed)
    }

    /// The one with this CloudEvents `type`.
    ///
    /// ```
    /// use mission_core::event::IntegrationEventType;
    ///
    /// let erased = IntegrationEventType::named("UserErasedEvent");
    /// assert_eq!(erased, Some(IntegrationEventType::UserErased));
    /// assert_eq!(IntegrationEventType::named("user.erased"), None);
    /// ```
    #[must_use]
    pub fn named(event_type: &str) -> Option<IntegrationEventType> {
        IntegrationEventType::ALL
            .into_iter()
            .find(|kind| kind.name() == event_type)
    }

    /// The CloudEvents `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            IntegrationEventType::TaskStarted => "TaskStartedEvent",
            IntegrationEventType::MissionCompleted => "MissionCompletedEvent",
            IntegrationEventType::CheckInCompleted => "CheckInCompletedEvent",
            IntegrationEventType::RewardClaimed => "RewardClaimedEvent",
            IntegrationEventType::RewardRevoked => "RewardRevokedEvent",
            IntegrationEventType::UserErased => "UserErasedEvent",
            IntegrationEventType::TaskProgressed => "TaskProgressedEvent",
        }
    }

    /// The routing key on the topic exchange.
    #[must_use]
    pub const fn routing_key(self) -> &'static str {
        match self {
            IntegrationEventType::TaskStarted => "task.started",
            IntegrationEventType::MissionCompleted => "mission.completed",
            IntegrationEventType::CheckInCompleted => "checkin.completed",
            IntegrationEventType::RewardClaimed => "reward.claimed",
            IntegrationEventType::RewardRevoked => "reward.revoked",
            IntegrationEventType::UserErased => "user.erased",
            IntegrationEventType::TaskProgressed => "task.progressed",
        }
    }
}

/// `TaskStartedEvent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract's table")]
pub struct TaskStarted {
    pub task_id: TaskId,
    pub user_id: UserId,
    pub mission_id: MissionId,
    pub started_at: DateTime<Utc>,
}

/// `MissionCompletedEvent`, sent when the reward is claimed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract's table")]
pub struct MissionCompleted {
    pub task_id: TaskId,
    pub user_id: UserId,
    pub mission_id: MissionId,
    pub mission_type: MissionType,
    /// Bonus included.
    #[serde(with = "crate::points::exact")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub points_earned: rust_decimal::Decimal,
    pub completed_at: DateTime<Utc>,
    pub reward_id: RewardId,
    pub mining_boost_percent: Percent,
    pub experience_points: u32,
    pub badge_id: Option<String>,
    /// The mission's version that the reward was computed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission_version: Option<u64>,
}

/// `CheckInCompletedEvent`, sent when the check-in's rewards are granted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract's table")]
pub struct CheckInCompleted {
    pub user_id: UserId,
    pub check_in_id: CheckInDayId,
    /// The user's local date.
    pub date: NaiveDate,
    pub streak_days: u32,
    pub base_points: Points,
    pub streak_bonus: Points,
    /// Milestone and monthly reward together.
    #[serde(with = "crate::points::exact")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub milestone_bonus: rust_decimal::Decimal,
    #[serde(with = "crate::points::exact")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub total_points: rust_decimal::Decimal,
    pub checked_in_at: DateTime<Utc>,
    pub daily_reward_id: RewardId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone_reward_id: Option<RewardId>,
}

/// `RewardClaimedEvent`: every grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract's table")]
pub struct RewardClaimed {
    pub reward_id: RewardId,
    pub user_id: UserId,
    pub source_id: uuid::Uuid,
    pub reward_type: RewardType,
    pub points: Points,
    pub bonus_points: Points,
    #[serde(with = "crate::points::exact")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub total_points: rust_decimal::Decimal,
    pub currency: String,
    pub claimed_at: DateTime<Utc>,
    /// The mission's version that a task's reward was computed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission_version: Option<u64>,
}

/// `RewardRevokedEvent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the contract's table")]
pub struct RewardRevoked {
    pub reward_id: RewardId,
    pub user_id: UserId,
    #[serde(with = "crate::points::exact")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub total_points: rust_decimal::Decimal,
    pub currency: String,
    #[serde(default)]
    pub experience_points: u32,
    #[serde(default)]
    pub mining_boost_percent: Percent,
    #[serde(default)]
    pub badge_id: Option<String>,
    pub reason: String,
    pub revoked_at: DateTime<Utc>,
}

/// `UserErasedEvent`: after it, nothing that is kept may lead back to the person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields speak for themselves")]
pub struct UserErased {
    pub user_id: UserId,
    pub erased_at: DateTime<Utc>,
}

/// `TaskProgressedEvent`: a task's progress, target or status is another. Where nobody follows, nobody is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of a task")]
pub struct TaskProgressed {
    pub task_id: TaskId,
    pub user_id: UserId,
    pub mission_id: MissionId,
    pub progress: u64,
    pub target: u64,
    pub status: TaskStatus,
    /// When the command that moved it counted.
    pub moved_at: DateTime<Utc>,
}

impl IntegrationEvent {
    /// Which of the events it is.
    #[must_use]
    pub fn kind(&self) -> IntegrationEventType {
        match self {
            IntegrationEvent::TaskStarted(_) => IntegrationEventType::TaskStarted,
            IntegrationEvent::MissionCompleted(_) => IntegrationEventType::MissionCompleted,
            IntegrationEvent::CheckInCompleted(_) => IntegrationEventType::CheckInCompleted,
            IntegrationEvent::RewardClaimed(_) => IntegrationEventType::RewardClaimed,
            IntegrationEvent::RewardRevoked(_) => IntegrationEventType::RewardRevoked,
            IntegrationEvent::UserErased(_) => IntegrationEventType::UserErased,
            IntegrationEvent::TaskProgressed(_) => IntegrationEventType::TaskProgressed,
        }
    }

    /// The CloudEvents `type`.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        self.kind().name()
    }

    /// The routing key on the topic exchange.
    #[must_use]
    pub fn routing_key(&self) -> &'static str {
        self.kind().routing_key()
    }

    /// Whose event it is; a user's events stay in order.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        match self {
            IntegrationEvent::TaskStarted(e) => e.user_id,
            IntegrationEvent::MissionCompleted(e) => e.user_id,
            IntegrationEvent::CheckInCompleted(e) => e.user_id,
            IntegrationEvent::RewardClaimed(e) => e.user_id,
            IntegrationEvent::RewardRevoked(e) => e.user_id,
            IntegrationEvent::UserErased(e) => e.user_id,
            IntegrationEvent::TaskProgressed(e) => e.user_id,
        }
    }

    /// The reward whose points move, where points do.
    #[must_use]
    pub fn grant_id(&self) -> Option<RewardId> {
        match self {
            IntegrationEvent::MissionCompleted(e) => Some(e.reward_id),
            IntegrationEvent::CheckInCompleted(e) => Some(e.daily_reward_id),
            IntegrationEvent::RewardClaimed(e) => Some(e.reward_id),
            IntegrationEvent::RewardRevoked(e) => Some(e.reward_id),
            IntegrationEvent::TaskStarted(_)
            | IntegrationEvent::UserErased(_)
            | IntegrationEvent::TaskProgressed(_) => None,
        }
    }

    /// When it happened.
    #[must_use]
    pub fn occurred_at(&self) -> DateTime<Utc> {
        match self {
            IntegrationEvent::TaskStarted(e) => e.started_at,
            IntegrationEvent::MissionCompleted(e) => e.completed_at,
            IntegrationEvent::CheckInCompleted(e) => e.checked_in_at,
            IntegrationEvent::RewardClaimed(e) => e.claimed_at,
            IntegrationEvent::RewardRevoked(e) => e.revoked_at,
            IntegrationEvent::UserErased(e) => e.erased_at,
            IntegrationEvent::TaskProgressed(e) => e.moved_at,
        }
    }

    fn data(&self) -> Result<Value, serde_json::Error> {
        match self {
            IntegrationEvent::TaskStarted(e) => serde_json::to_value(e),
            IntegrationEvent::MissionCompleted(e) => serde_json::to_value(e),
            IntegrationEvent::CheckInCompleted(e) => serde_json::to_value(e),
            IntegrationEvent::RewardClaimed(e) => serde_json::to_value(e),
            IntegrationEvent::RewardRevoked(e) => serde_json::to_value(e),
            IntegrationEvent::UserErased(e) => serde_json::to_value(e),
            IntegrationEvent::TaskProgressed(e) => serde_json::to_value(e),
        }
    }

    /// The envelope under which it is sent.
    ///
    /// # Errors
    /// Never in practice: every field of an event has a JSON form.
    pub fn to_cloud_event(
        &self,
        id: EventId,
        source: &str,
        correlation_id: Option<&str>,
    ) -> Result<CloudEvent, serde_json::Error> {
        Ok(CloudEvent {
            specversion: "1.0".to_owned(),
            id: id.to_string(),
            source: source.to_owned(),
            event_type: self.event_type().to_owned(),
            subject: Some(self.user_id().to_string()),
            time: Some(self.occurred_at()),
            datacontenttype: Some("application/json".to_owned()),
            grantid: self.grant_id().map(|id| id.to_string()),
            correlationid: correlation_id.map(str::to_owned),
            data: Some(self.data()?),
        })
    }
}

impl std::fmt::Display for RewardType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_name(self))
    }
}
