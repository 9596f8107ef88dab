//! A task started, moved, proved, completed, expired.

mod explain;
mod moved;
mod progress;
mod rules;
mod start_conditions;
mod uploads;

use chrono::{DateTime, Duration, DurationRound, Utc};
use serde_json::{Map, json};

pub(crate) use explain::explain;
pub(crate) use moved::moved_tasks;
pub(crate) use progress::{after_event, earn_stages};
pub(crate) use rules::RuleEvaluation;
pub(crate) use start_conditions::{may_start, no_cooldown};
pub(crate) use uploads::{attach_upload, settle_upload};

use super::{
    Attempt, Evidence, EvidenceType, Participation, Progress, Tally, Task, TaskStatus, Upload, UploadStatus,
    Verification, VerificationMethod, check_evidence,
};
use crate::{
    TaskId, UserId,
    decision::{
        Claim, CompiledMission, CompleteTask, DecisionContext, EvidenceTaken, Interrupt, NoteRefusedEvidence,
        Rejection, ReportProgress, ResourceKind, StartTask, SubmitEvidence, TaskChanged, TaskCompleted,
    },
    event::{InnerEvent, IntegrationEvent, TaskStarted},
    fraud::{ReviewReason, ReviewSubject, UserAction, decide::risk},
    mission::{EvidenceReview, MissionTotals, Period},
    ports::rules::{EvidenceVerdict, RewardPatch},
    reward::{
        RewardStatus,
        decide::{self as rewards, Earning},
    },
    user::{InviteCode, InviteUse, User},
};

pub(crate) fn start(cx: &mut DecisionContext<'_>, command: &StartTask) -> Result<TaskChanged, Interrupt> {
    let compiled = cx.compiled_mission(command.mission)?;
    if compiled.mission.definition.shadow {
        return Err(Rejection::NotFound(ResourceKind::Mission).into());
    }
    let mut actor = cx.actor(command.user)?;
    let now = cx.now();
    if !compiled.mission.is_open_at(now) {
        return Err(Rejection::MissionNotActive.into());
    }
    may_start(cx, &actor.user, compiled, now)?;
    cx.require_device()?;
    risk::judge(cx, &mut actor, UserAction::Start, Some(&compiled.mission))?;
    let mut user = actor.user;
    let period = period_at(cx, &user, compiled, now);
    let participation = cx.participation((user.id, command.mission))?.unwrap_or_default();
    RuleEvaluation::of_start(cx, compiled, &user, &participation, period, now)?.eligible()?;
    let task = open(cx, &mut user, compiled, participation, period, now);
    cx.put_user(user);
    cx.put_task(task.clone());
    Ok(TaskChanged { task })
}

/// The period of a mission that an instant falls into, for a user.
pub(crate) fn period_at(
    cx: &DecisionContext<'_>,
    user: &User,
    compiled: &CompiledMission,
    at: DateTime<Utc>,
) -> Period {
    let zone = user.zone_at(at, cx.catalog().check_in.default_zone());
    compiled.mission.definition.frequency.period_of(zone.date(at))
}

/// Opens a task as of an instant. The caller writes the task and the user, who may change further.
pub(crate) fn open(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    compiled: &CompiledMission,
    mut participation: Participation,
    period: Period,
    at: DateTime<Utc>,
) -> Task {
    let mission = &compiled.mission;
    user.count_by_zone(cx.catalog().check_in.default_zone());
    let mut task = Task {
        id: TaskId(cx.context.id(&format!("task {}", mission.id))),
        user_id: user.id,
        mission_id: mission.id,
        mission_version: mission.version,
        status: TaskStatus::InProgress,
        progress: Progress::new(mission.definition.target, at),
        tally: Tally::default(),
        days_away: user.days_away_at(at).unwrap_or(0),
        stages: 0,
        evidence: None,
        verification: None,
        uploads: Vec::new(),
        reward_id: None,
        reward_claimed: false,
        would_earn: mission.definition.shadow.then(Vec::new),
        started_at: at,
        completed_at: None,
        period,
        due_at: None,
        version: 1,
    };
    task.due_at = due_at(cx, user, compiled, &task);
    participation.opened(period, task.id, cx.now());
    cx.put_participation((user.id, mission.id), participation);
    cx.count(user.id, mission.id, MissionTotals::STARTED, at);
    if !task.is_shadow() {
        cx.emit(IntegrationEvent::TaskStarted(TaskStarted {
            task_id: task.id,
            user_id: user.id,
            mission_id: mission.id,
            started_at: at,
        }));
    }
    task
}

fn due_at(
    cx: &DecisionContext<'_>,
    user: &User,
    compiled: &CompiledMission,
    task: &Task,
) -> Option<DateTime<Utc>> {
    let zone = user.zone_at(cx.now(), cx.catalog().check_in.default_zone());
    task.expires_at(&compiled.mission, zone, cx.catalog().settings.late_window.behind)
}

/// A task that its user knows of.
pub(crate) fn task_of_user(cx: &DecisionContext<'_>, user: UserId, task: TaskId) -> Result<Task, Interrupt> {
    let task = cx.task((user, task))?.filter(|task| !task.is_shadow());
    Ok(task.ok_or(Rejection::NotFound(ResourceKind::Task))?)
}

/// A task of the caller that still takes commands, and its mission.
fn open_task<'a>(
    cx: &mut DecisionContext<'a>,
    user: UserId,
    task: TaskId,
) -> Result<(Task, &'a CompiledMission), Interrupt> {
    let task = task_of_user(cx, user, task)?;
    let user = cx.user_or_new(user)?;
    let zone = user.zone_at(cx.now(), cx.catalog().check_in.default_zone());
    let (task, compiled) = with_current_mission(cx, &user, task)?;
    if compiled.mission.is_running_at(cx.now()) && task.is_open_at(cx.now(), &compiled.mission, zone) {
        Ok((task, compiled))
    } else {
        Err(Rejection::TaskNotOpen.into())
    }
}

/// A task and its mission as the task has it, after an edit that took running tasks along.
pub(crate) fn with_current_mission<'a>(
    cx: &mut DecisionContext<'a>,
    user: &User,
    before: Task,
) -> Result<(Task, &'a CompiledMission), Interrupt> {
    let compiled = cx.mission_of(&before)?;
    let zone = user.zone_at(cx.now(), cx.catalog().check_in.default_zone());
    let from = before.period;
    let task = before.with_mission(&compiled.mission, zone);
    if task.period != from {
        let mut participation = participation_of(cx, &task)?;
        participation.moved(task.id, from, task.period);
        cx.put_participation((user.id, task.mission_id), participation);
    }
    Ok((task, compiled))
}

fn participation_of(cx: &DecisionContext<'_>, task: &Task) -> Result<Participation, Interrupt> {
    Ok(cx
        .participation((task.user_id, task.mission_id))?
        .unwrap_or_default())
}

pub(crate) fn report_progress(
    cx: &mut DecisionContext<'_>,
    command: &ReportProgress,
) -> Result<TaskChanged, Interrupt> {
    let (task, compiled) = open_task(cx, command.user, command.task)?;
    if !compiled.mission.definition.trigger.is_empty() {
        return Err(Rejection::ProgressByEvents.into());
    }
    cx.require_device()?;
    let mut actor = cx.actor(command.user)?;
    risk::judge(cx, &mut actor, UserAction::Progress, Some(&compiled.mission))?;
    let mut user = actor.user;
    let participation = participation_of(cx, &task)?;
    RuleEvaluation::of_task(cx, compiled, &user, &task, &participation, cx.now())?.eligible()?;
    let task = Task {
        progress: task.progress.raised_to(command.value, cx.now()),
        due_at: due_at(cx, &user, compiled, &task),
        version: task.version + 1,
        ..task
    };
    let task = earn_stages(cx, &mut user, compiled, task, None, cx.now())?;
    cx.put_user(user);
    cx.put_task(task.clone());
    Ok(TaskChanged { task })
}

pub(crate) fn submit_evidence(
    cx: &mut DecisionContext<'_>,
    command: &SubmitEvidence,
) -> Result<EvidenceTaken, Interrupt> {
    let shown = task_of_user(cx, command.user, command.task)?;
    if shown.evidence.as_ref() == Some(&command.evidence) {
        // The same evidence for the same task gives the first answer.
        let under_review = shown.status == TaskStatus::PendingReview;
        return Ok(EvidenceTaken {
            task: shown,
            under_review,
        });
    }
    let (task, compiled) = open_task(cx, command.user, command.task)?;
    cx.require_device()?;
    let refused = |why: String| Rejection::EvidenceRejected(why);
    let demand = compiled.mission.definition.evidence.as_ref();
    let demand = demand.ok_or_else(|| refused("this mission asks for no evidence".to_owned()))?;
    check_evidence(&command.evidence, demand, task.started_at, cx.now()).map_err(|e| refused(e.0))?;
    let mut actor = cx.actor(command.user)?;
    risk::judge(cx, &mut actor, UserAction::Evidence, Some(&compiled.mission))?;
    let mut user = actor.user;
    check_against_others(cx, &mut user, &task, &command.evidence)?;

    let participation = participation_of(cx, &task)?;
    let mut inquiry = RuleEvaluation::of_task(cx, compiled, &user, &task, &participation, cx.now())?;
    inquiry.evidence = Some(&command.evidence);
    let verdict = inquiry.verify()?;
    let method = if verdict.is_some() {
        VerificationMethod::Rule
    } else {
        VerificationMethod::Automatic
    };
    let mut reasons = Vec::new();
    match verdict {
        Some(EvidenceVerdict::Invalid(why)) => return Err(refused(why).into()),
        Some(EvidenceVerdict::Review(why)) => reasons.push(ReviewReason::Script(why)),
        Some(EvidenceVerdict::Valid) | None => {}
    }
    // Somebody has looked at an upload before it can be shown.
    if demand.review == EvidenceReview::Manual && demand.evidence_type != EvidenceType::UploadedContent {
        reasons.push(ReviewReason::ManualReview);
    }
    let under_review = !reasons.is_empty();
    let verification = Verification {
        is_valid: !under_review,
        failure_reason: under_review.then(|| "waits for a reviewer".to_owned()),
        method: if under_review {
            VerificationMethod::Manual
        } else {
            method
        },
        verified_by: None,
        verified_at: cx.now(),
    };
    let task = Task {
        evidence: Some(command.evidence.clone()),
        verification: Some(verification),
        status: if under_review {
            TaskStatus::PendingReview
        } else {
            TaskStatus::InProgress
        },
        version: task.version + 1,
        ..task
    };
    if under_review {
        cx.open_review(user.id, ReviewSubject::Evidence { task: task.id }, reasons);
    }
    cx.put_user(user);
    cx.put_task(task.clone());
    Ok(EvidenceTaken { task, under_review })
}

/// Counts evidence that was refused, in the hour in which it was.
pub(crate) fn note_refused_evidence(
    cx: &mut DecisionContext<'_>,
    command: &NoteRefusedEvidence,
) -> Result<TaskChanged, Interrupt> {
    let task = task_of_user(cx, command.user, command.task)?;
    if let Ok(hour) = cx.now().duration_trunc(Duration::hours(1)) {
        cx.write_set.refused_evidence.insert((hour, task.mission_id), 1);
    }
    Ok(TaskChanged { task })
}

/// What only the store can tell: whether the same was shown before, and whose an invite code is.
fn check_against_others(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    task: &Task,
    evidence: &Evidence,
) -> Result<(), Interrupt> {
    if let Some(content) = evidence.unique_content() {
        let claim = Claim::Evidence(content);
        match cx.claim_holder(&claim)? {
            Some(holder) if holder != task.id.0 => return Err(Rejection::EvidenceReused.into()),
            Some(_) => {}
            None => {
                cx.write_set.claims.insert(claim, task.id.0);
            }
        }
    }
    let refuse = |why: &str| Err(Interrupt::Rejected(Rejection::EvidenceRejected(why.to_owned())));
    match evidence.evidence_type {
        EvidenceType::InviteCode => {
            let code = InviteCode::typed(&evidence.data);
            match cx.claim_holder(&Claim::InviteCode(code.clone()))? {
                None => return refuse("there is no such invite code"),
                Some(holder) if holder == user.id.0 => return refuse("one's own invite code does not count"),
                Some(_) => {}
            }
            let used = InviteUse { code, task: task.id };
            if user.invited_with.as_ref().is_some_and(|before| *before != used) {
                return refuse("an invite code was shown before; one a user ever");
            }
            user.invited_with = Some(used);
            Ok(())
        }
        EvidenceType::UploadedContent => {
            let named = |upload: &&Upload| evidence.data.trim().parse() == Ok(upload.file.id);
            match task.uploads.iter().find(named).map(|upload| upload.status) {
                Some(UploadStatus::Approved) => Ok(()),
                Some(UploadStatus::Pending) => refuse("that upload waits to be looked at"),
                Some(UploadStatus::Rejected) => refuse("that upload was rejected"),
                None => refuse("this task has no upload with that file id"),
            }
        }
        EvidenceType::WatchDuration | EvidenceType::ClickData | EvidenceType::SocialProof => Ok(()),
    }
}

pub(crate) fn complete(
    cx: &mut DecisionContext<'_>,
    command: &CompleteTask,
) -> Result<TaskCompleted, Interrupt> {
    let (task, compiled) = open_task(cx, command.user, command.task)?;
    require_complete(&task, compiled)?;
    cx.require_device()?;
    let mut actor = cx.actor(command.user)?;
    risk::judge(cx, &mut actor, UserAction::Complete, Some(&compiled.mission))?;
    let mut user = actor.user;
    let participation = participation_of(cx, &task)?;
    let inquiry = RuleEvaluation::of_task(cx, compiled, &user, &task, &participation, cx.now())?;
    inquiry.eligible()?;
    let patch = inquiry.reward()?;
    let now = cx.now();
    // The budget is taken now also where a person has to look, so that an approval cannot fail for want of it.
    let status = if actor.flags.is_empty() {
        RewardStatus::Pending
    } else {
        RewardStatus::Held
    };
    let reward = rewards::earn(cx, &mut user, completion(&task, compiled, patch, status, now))?;
    let (task, under_review) = if actor.flags.is_empty() {
        (finish(cx, compiled, task, participation, reward.id, now), false)
    } else {
        let subject = ReviewSubject::Completion {
            task: task.id,
            reward: reward.id,
        };
        cx.open_review(user.id, subject, actor.flags);
        let waiting = Task {
            status: TaskStatus::PendingReview,
            reward_id: Some(reward.id),
            due_at: None,
            version: task.version + 1,
            ..task
        };
        (waiting, true)
    };
    cx.put_user(user);
    cx.put_task(task.clone());
    Ok(TaskCompleted { task, under_review })
}

/// What completing a task at an instant earns.
pub(crate) fn completion<'a>(
    task: &'a Task,
    compiled: &'a CompiledMission,
    patch: RewardPatch,
    status: RewardStatus,
    at: DateTime<Utc>,
) -> Earning<'a> {
    Earning {
        task,
        mission: &compiled.mission,
        stage: None,
        offer: compiled.mission.definition.completion_reward(),
        patch,
        status,
        at,
    }
}

/// Whether progress is full, and evidence valid where the mission asks for some.
pub(crate) fn require_complete(task: &Task, compiled: &CompiledMission) -> Result<(), Rejection> {
    if !task.progress.is_complete() {
        let (current, target) = (task.progress.current(), task.progress.target());
        return Err(Rejection::TaskNotComplete(format!(
            "progress is {current} of {target}"
        )));
    }
    let proved = task
        .verification
        .as_ref()
        .is_some_and(|verification| verification.is_valid);
    if compiled.mission.definition.evidence.is_some() && !proved {
        return Err(Rejection::TaskNotComplete("valid evidence is missing".to_owned()));
    }
    Ok(())
}

/// Marks a task completed as of an instant. The caller writes the task.
pub(crate) fn finish(
    cx: &mut DecisionContext<'_>,
    compiled: &CompiledMission,
    task: Task,
    mut participation: Participation,
    reward: crate::RewardId,
    at: DateTime<Utc>,
) -> Task {
    let attempt = Attempt {
        started_at: task.started_at,
        completed_at: at,
    };
    let cooldown = compiled.mission.definition.cooldown_seconds;
    let forget_before = cx.now() - cx.catalog().settings.late_window.behind;
    participation.completed(task.period, task.id, attempt, cooldown, forget_before);
    let completions = participation.completions;
    cx.put_participation((task.user_id, task.mission_id), participation);
    cx.count(task.user_id, task.mission_id, MissionTotals::COMPLETED, at);
    let definition = &compiled.mission.definition;
    let data = || {
        Map::from_iter([
            ("mission".to_owned(), json!(definition.code)),
            ("category".to_owned(), json!(definition.category)),
            ("type".to_owned(), json!(definition.mission_type)),
            ("completions".to_owned(), json!(completions)),
        ])
    };
    if !task.is_shadow() {
        let mission = Some(task.mission_id);
        cx.raise(InnerEvent::MissionCompleted, task.user_id, at, data, mission);
    }
    Task {
        status: TaskStatus::Completed,
        reward_id: (!task.is_shadow()).then_some(reward),
        completed_at: Some(at),
        due_at: None,
        version: task.version + 1,
        ..task
    }
}

/// What a reviewer's decision on evidence does to its task; an approval completes it where nothing else lacks,
/// as of the moment at which the evidence was shown.
pub(crate) fn settle_evidence(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    task: Task,
    verification: Verification,
    shown_at: DateTime<Utc>,
) -> Result<(), Interrupt> {
    let valid = verification.is_valid;
    let task = Task {
        verification: Some(verification),
        version: task.version + 1,
        ..task
    };
    if !valid {
        let mut participation = participation_of(cx, &task)?;
        participation.closed(task.period, task.id);
        cx.put_participation((task.user_id, task.mission_id), participation);
        cx.put_task(Task {
            status: TaskStatus::Rejected,
            due_at: None,
            ..task
        });
        return Ok(());
    }
    let task = Task {
        status: TaskStatus::InProgress,
        ..task
    };
    complete_where_nothing_lacks(cx, user, task, shown_at)
}

/// Completes a task that is in progress as of the moment at which its evidence was shown, where nothing lacks; else it goes
/// on. Writes the task.
fn complete_where_nothing_lacks(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    task: Task,
    shown_at: DateTime<Utc>,
) -> Result<(), Interrupt> {
    let (task, compiled) = with_current_mission(cx, user, task)?;
    let participation = participation_of(cx, &task)?;
    let task = Task {
        due_at: due_at(cx, user, compiled, &task),
        ..task
    };
    if require_complete(&task, compiled).is_err() {
        cx.put_task(task);
        return Ok(());
    }
    let patch = RuleEvaluation::of_task(cx, compiled, user, &task, &participation, shown_at)?.reward()?;
    match rewards::earn(
        cx,
        user,
        completion(&task, compiled, patch, RewardStatus::Pending, shown_at),
    ) {
        Ok(reward) => {
            let task = finish(cx, compiled, task, participation, reward.id, shown_at);
            cx.put_task(task);
            Ok(())
        }
        // The evidence stands; the user may complete the task when there is budget again.
        Err(Interrupt::Rejected(Rejection::BudgetExhausted)) => {
            cx.put_task(task);
            Ok(())
        }
        Err(halt) => Err(halt),
    }
}

/// What a reviewer's decision on a completion does to its task.
pub(crate) fn settle_completion(
    cx: &mut DecisionContext<'_>,
    task: Task,
    reward: crate::RewardId,
    approved: bool,
    flagged_at: DateTime<Utc>,
) -> Result<(), Interrupt> {
    let mut participation = participation_of(cx, &task)?;
    let task = if approved {
        let compiled = cx.mission_of(&task)?;
        finish(cx, compiled, task, participation, reward, flagged_at)
    } else {
        participation.closed(task.period, task.id);
        cx.put_participation((task.user_id, task.mission_id), participation);
        Task {
            status: TaskStatus::Rejected,
            version: task.version + 1,
            ..task
        }
    };
    cx.put_task(task);
    Ok(())
}

/// Writes down that tasks have expired, as far as they really have; the others get a new date to look at them.
pub(crate) fn expire(
    cx: &mut DecisionContext<'_>,
    user: UserId,
    tasks: &[TaskId],
) -> Result<usize, Interrupt> {
    let mut expired = 0;
    let owner = cx.user(user)?.unwrap_or_else(|| User::new(user, cx.now()));
    for &id in tasks {
        let Some(task) = cx.task((user, id))? else {
            continue;
        };
        let (task, compiled) = with_current_mission(cx, &owner, task)?;
        let due_at = due_at(cx, &owner, compiled, &task);
        if due_at.is_some_and(|due| due <= cx.now()) {
            let mut participation = participation_of(cx, &task)?;
            participation.closed(task.period, task.id);
            cx.put_participation((user, task.mission_id), participation);
            cx.put_task(Task {
                status: TaskStatus::Expired,
                due_at: None,
                version: task.version + 1,
                ..task
            });
            expired += 1;
        } else if due_at != task.due_at {
            cx.put_task(Task { due_at, ..task });
        }
    }
    Ok(expired)
}
