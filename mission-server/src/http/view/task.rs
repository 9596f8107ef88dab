//! A task as its user sees it.

use chrono::{DateTime, Utc};
use mission_core::{
    FileId, MissionId, RewardId, TaskId, UserId,
    check_in::Zone,
    mission::MissionCode,
    task::{Evidence, Progress, Task, TaskStatus, Upload, UploadStatus, Verification, VerificationMethod},
};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ResponseView, UNDER_REVIEW};

/// A task as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Task)]
pub(in crate::http) struct TaskView {
    id: TaskId,
    user_id: UserId,
    mission_id: MissionId,
    /// The mission's code.
    mission: Option<MissionCode>,
    /// The mission's version that the task has: a later change of it does not touch the task, unless it says so.
    mission_version: u64,
    status: TaskStatus,
    progress: ProgressView,
    /// How many of the mission's stages it has reached, where the mission has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<usize>,
    /// The streak that it is in, where the mission counts one.
    #[serde(skip_serializing_if = "Option::is_none")]
    streak: Option<u32>,
    /// The different values that it has counted, where the mission counts such.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    distinct: Vec<String>,
    evidence: Option<Evidence>,
    verification: Option<Verification>,
    /// Files that were uploaded to it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    uploads: Vec<UploadView>,
    reward_id: Option<RewardId>,
    reward_claimed: bool,
    /// Whether its mission is tried out alone: the user does not see the task, and it earns nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    shadow: bool,
    started_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    /// `ever`, `2026-01-05`, `2026-W02` or `2026-01`, in the user's zone.
    period: String,
    version: u64,
    /// `under_review` where a person has to let it through.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// A file that was uploaded to a task.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
struct UploadView {
    file_id: FileId,
    status: UploadStatus,
    /// Its media type, as its bytes show.
    content_type: String,
    size_bytes: u64,
    uploaded_at: DateTime<Utc>,
    /// When it was approved or rejected.
    decided_at: Option<DateTime<Utc>>,
    /// How it was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<VerificationMethod>,
    /// Why it was rejected.
    reason: Option<String>,
}

impl From<Upload> for UploadView {
    fn from(upload: Upload) -> Self {
        UploadView {
            file_id: upload.file.id,
            status: upload.status,
            content_type: upload.file.content_type,
            size_bytes: upload.file.size_bytes,
            uploaded_at: upload.uploaded_at,
            decided_at: upload.decided_at,
            method: upload.method,
            reason: upload.reason,
        }
    }
}

/// How far a task has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Progress)]
struct ProgressView {
    current: u64,
    target: u64,
    #[serde(with = "mission_core::points::exact")]
    #[schema(value_type = f64)]
    percent_complete: Decimal,
    last_updated: DateTime<Utc>,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        ProgressView {
            current: progress.current(),
            target: progress.target(),
            percent_complete: progress.percent_complete(),
            last_updated: progress.last_updated(),
        }
    }
}

impl TaskView {
    /// The task at the view's time, in the user's zone.
    pub(in crate::http) fn of(task: Task, view: ResponseView<'_>, zone: Zone) -> Self {
        let listed = view.catalog.mission(task.mission_id);
        let listed = listed.map(|listed| listed.as_of(task.mission_version));
        let task = match listed {
            Some(listed) => task.with_mission(&listed.mission, zone),
            None => task,
        };
        let late = view.catalog.settings.late_window.behind;
        let status = listed.map_or(task.status, |listed| {
            task.status_at(view.now, &listed.mission, zone, late)
        });
        let definition = listed.map(|listed| &listed.mission.definition);
        let is_done = task.status == TaskStatus::Completed;
        let stages = definition.filter(|known| !known.stage.is_empty());
        let rule = definition.and_then(|known| known.streak);
        TaskView {
            stage: stages.map(|_| task.stages as usize + usize::from(is_done)),
            streak: rule.map(|rule| task.tally.runs(&rule).1),
            distinct: task.tally.distinct.iter().cloned().collect(),
            shadow: task.is_shadow(),
            mission: listed.map(|listed| listed.mission.definition.code.clone()),
            id: task.id,
            user_id: task.user_id,
            mission_id: task.mission_id,
            mission_version: task.mission_version,
            status,
            progress: task.progress.into(),
            evidence: task.evidence,
            verification: task.verification,
            uploads: task.uploads.into_iter().map(UploadView::from).collect(),
            reward_id: task.reward_id,
            reward_claimed: task.reward_claimed,
            started_at: task.started_at,
            completed_at: task.completed_at,
            period: task.period.to_string(),
            version: task.version,
            code: None,
        }
    }

    /// The task as a command has just left it; time has not yet touched it.
    pub(in crate::http) fn fresh(task: Task, view: ResponseView<'_>, under_review: bool) -> Self {
        let status = task.status;
        let view = TaskView::of(task, view, Zone::default());
        TaskView {
            status,
            code: under_review.then_some(UNDER_REVIEW),
            ..view
        }
    }
}
