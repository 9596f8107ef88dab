//! A file uploaded to a task, and what was found of it.

use super::{complete_where_nothing_lacks, open_task, task_of_user};
use crate::{
    FileId,
    decision::{AttachUpload, Claim, DecisionContext, Interrupt, Picture, Rejection, UploadTaken},
    fraud::{ReviewReason, ReviewStatus, ReviewSubject, UserAction, decide::risk},
    task::{
        Evidence, EvidenceType, MOST_UPLOADS_A_DAY, MOST_UPLOADS_OF_A_TASK, Task, TaskStatus, Upload,
        UploadStatus, Verification,
    },
    user::User,
};

pub(crate) fn attach_upload(
    cx: &mut DecisionContext<'_>,
    command: &AttachUpload,
) -> Result<UploadTaken, Interrupt> {
    let shown = task_of_user(cx, command.user, command.task)?;
    let same = |upload: &&Upload| upload.file.sha256 == command.file.sha256;
    if let Some(upload) = shown.uploads.iter().find(same).cloned() {
        // The same bytes for the same task give the first answer.
        return Ok(UploadTaken { task: shown, upload });
    }
    let (task, compiled) = open_task(cx, command.user, command.task)?;
    cx.require_device()?;
    let refuse = |why: String| Err(Interrupt::Rejected(Rejection::EvidenceRejected(why)));
    let demand = compiled.mission.definition.evidence.as_ref();
    if demand.is_none_or(|demand| demand.evidence_type != EvidenceType::UploadedContent) {
        return refuse("this mission asks for no upload".to_owned());
    }
    if task.uploads.len() >= MOST_UPLOADS_OF_A_TASK {
        return refuse(format!("a task takes {MOST_UPLOADS_OF_A_TASK} uploads at most"));
    }
    let mut actor = cx.actor(command.user)?;
    risk::judge(cx, &mut actor, UserAction::Upload, Some(&compiled.mission))?;
    let mut user = actor.user;
    let zone = user.zone_at(cx.now(), cx.catalog().check_in.default_zone());
    let today = zone.date(cx.now());
    if user.uploads.on(today) >= MOST_UPLOADS_A_DAY {
        return refuse(format!(
            "a user may upload {MOST_UPLOADS_A_DAY} files a day at most"
        ));
    }
    let claim = Claim::Evidence(command.file.sha256.0);
    match cx.claim_holder(&claim)? {
        Some(holder) if holder != task.id.0 => return Err(Rejection::EvidenceReused.into()),
        _ => cx.write_set.claims.insert(claim, task.id.0),
    };
    let file = Claim::File(command.file.id);
    cx.write_set.claims.insert(file, user.id.0);
    cx.write_set
        .pictures
        .extend(command.file.perceptual_hash.map(|hash| Picture {
            file: command.file.id,
            user: user.id,
            task: task.id,
            hash,
        }));
    let upload = Upload {
        file: command.file.clone(),
        status: UploadStatus::Pending,
        uploaded_at: cx.now(),
        decided_at: None,
        method: None,
        reason: None,
    };
    let subject = ReviewSubject::Upload {
        task: task.id,
        file: command.file.id,
    };
    let reason = command
        .near_copy_of
        .map_or(ReviewReason::ManualReview, ReviewReason::NearCopy);
    let mut review = cx.new_review(user.id, subject, vec![reason]);
    if command.moderated && command.near_copy_of.is_none() {
        review.status = ReviewStatus::InModeration;
        review.reasons.clear();
    }
    cx.put_review(review);
    let mut task = Task {
        // Nothing expires while somebody else is to look at it.
        due_at: None,
        version: task.version + 1,
        ..task
    };
    task.uploads.push(upload.clone());
    user.uploads = user.uploads.incremented(today);
    cx.put_user(user);
    cx.put_task(task.clone());
    Ok(UploadTaken { task, upload })
}

/// What was found of a file, written into its task. An approved one is the task's evidence and, where no event moves the
/// mission, a step of its progress; where nothing else lacks it completes the task as of the upload.
pub(crate) fn settle_upload(
    cx: &mut DecisionContext<'_>,
    user: &mut User,
    mut task: Task,
    file: FileId,
    verification: Verification,
) -> Result<(), Interrupt> {
    let now = cx.now();
    let Some(upload) = task.uploads.iter_mut().find(|upload| upload.file.id == file) else {
        return Ok(());
    };
    let approved = verification.is_valid;
    upload.status = if approved {
        UploadStatus::Approved
    } else {
        UploadStatus::Rejected
    };
    upload.decided_at = Some(now);
    upload.method = Some(verification.method);
    upload.reason.clone_from(&verification.failure_reason);
    let uploaded_at = upload.uploaded_at;
    task.version += 1;
    if task.status != TaskStatus::InProgress {
        cx.put_task(task);
        return Ok(());
    }
    let proved = task.verification.as_ref().is_some_and(|before| before.is_valid);
    if approved || !proved {
        task.verification = Some(verification);
    }
    if approved {
        task.evidence = Some(Evidence {
            evidence_type: EvidenceType::UploadedContent,
            data: file.to_string(),
            screenshot_url: None,
            video_url: None,
            captured_at: None,
        });
        let compiled = cx.mission_of(&task)?;
        if compiled.mission.definition.trigger.is_empty() {
            task.progress = task.progress.advanced_by(1, uploaded_at);
        }
    }
    complete_where_nothing_lacks(cx, user, task, uploaded_at)
}
