//! Why a user can start a mission or cannot, and what is still to do.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EvidenceType, TaskStatus};
use crate::{
    MissionId, TaskId,
    mission::MissionCode,
    ports::rules::{FailureKind, TracedLine},
};

/// Why a user can do a mission at a moment, or cannot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// The mission.
    pub mission_id: MissionId,
    /// Its code.
    pub mission: MissionCode,
    /// In a word.
    pub availability: Availability,
    /// The problem code with which a start is refused; `null` where none is.
    pub refusal: Option<Cow<'static, str>>,
    /// Which of the conditions decided: the first that does not hold, counted from 0. `null` where all hold.
    pub decided_by: Option<usize>,
    /// Everything that is judged, in the order in which it is.
    pub conditions: Vec<Condition>,
    /// What comes next, in order; empty where nothing can be done about it.
    pub to_do: Vec<ToDo>,
    /// The task that is open.
    pub task: Option<OpenTask>,
}

/// What a user can do with a mission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Start it.
    Available,
    /// Go on with the task that is open.
    InProgress,
    /// Nothing now: `decided_by` says why.
    Unavailable,
}

/// A task that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenTask {
    /// Its id.
    pub id: TaskId,
    /// Where it stands.
    pub status: TaskStatus,
    /// When it was started.
    pub started_at: DateTime<Utc>,
}

/// One condition, with what it wants and what it saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Condition {
    /// What kind of condition it is.
    pub kind: ConditionKind,
    /// The condition in words.
    pub condition: String,
    /// Whether it holds; `null` where that shows only with an event.
    pub holds: Option<bool>,
    /// What it saw: `null` where there was nothing.
    pub seen: Value,
    /// How a script failed, where it did; nothing is awarded then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ScriptFailure>,
    /// The lines of a script that ran, with the values that they saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<TracedLine>,
}

/// How a script failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScriptFailure {
    /// The kind.
    pub kind: FailureKind,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
    /// What went wrong.
    pub message: String,
}

/// The kinds of conditions, in the order in which they are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// The mission is active.
    Status,
    /// Now is between its start and its end.
    Window,
    /// No other task of it is open in this period.
    OpenTask,
    /// The user has completions left in this period.
    Completions,
    /// The pause after the last completion is over.
    Cooldown,
    /// Another mission was completed before.
    Requires,
    /// A rule of the mission.
    Rule,
    /// The script's `eligible`.
    Script,
    /// There is budget left. Judged when the reward is earned, so that it refuses no start.
    Budget,
}

/// What a user can do next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToDo {
    /// Start the mission.
    Start,
    /// Wait until then.
    WaitUntil {
        /// When it is over.
        at: DateTime<Utc>,
    },
    /// Complete another mission first.
    CompleteMission {
        /// Its code.
        code: MissionCode,
    },
    /// Bring the progress to its target.
    Progress {
        /// So far.
        current: u64,
        /// What completes it.
        target: u64,
        /// What is left.
        remaining: u64,
        /// The event that moves it; `null` where the client reports progress.
        event: Option<String>,
    },
    /// Show evidence.
    Evidence {
        /// Of this type.
        evidence_type: EvidenceType,
    },
    /// Complete the task.
    Complete,
    /// Wait for the person who looks at it.
    AwaitReview,
}
