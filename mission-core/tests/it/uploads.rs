//! Files uploaded to a task: pending, approved, rejected, shown, counted.

use mission_core::{
    FileId, TaskId,
    engine::{ApplyVerdict, AttachUpload, NoteModeration, Rejection, TimeOutReview, UploadTaken},
    fraud::{
        Review, ReviewDecision, ReviewKind, ReviewReason, ReviewStatus, ReviewSubject, ReviewTimeout, Verdict,
    },
    mission::{Definition, EvidenceRequirement, EvidenceReview, Frequency},
    task::{
        ContentHash, EvidenceType, MOST_UPLOADS_OF_A_TASK, Task, TaskStatus, UploadStatus, UploadedFile,
        VerificationMethod,
    },
    testing::{EngineFixture, active, at, definition, user},
};
use uuid::Uuid;

use crate::play::{claim, code, complete, decide, evidence, open_review, progress, show, start};

const NOON: &str = "2026-01-05T12:00:00Z";

fn photos(target: u64) -> Definition {
    Definition {
        target,
        evidence: Some(EvidenceRequirement {
            evidence_type: EvidenceType::UploadedContent,
            min_seconds: None,
            review: EvidenceReview::default(),
        }),
        ..definition("photos")
    }
}

fn file(content: u8) -> UploadedFile {
    UploadedFile {
        id: FileId(Uuid::from_u128(1000 + u128::from(content))),
        stored_as: None,
        sha256: ContentHash([content; 32]),
        perceptual_hash: None,
        content_type: "image/png".to_owned(),
        size_bytes: 1234,
    }
}

fn attach(who: u64, task: TaskId, file: UploadedFile) -> AttachUpload {
    AttachUpload {
        user: user(who),
        task,
        file,
        moderated: false,
        near_copy_of: None,
    }
}

fn upload(
    fixture: &mut EngineFixture,
    who: u64,
    task: TaskId,
    file: UploadedFile,
) -> Result<UploadTaken, Rejection> {
    fixture.when(attach(who, task, file))
}

fn kept(fixture: &EngineFixture, task: TaskId) -> Task {
    fixture.store.records().task[&(user(1), task)].clone().unwrap()
}

fn reviews(fixture: &EngineFixture) -> Vec<Review> {
    let reviews = fixture.store.records().review.into_values().flatten();
    reviews
        .filter(|review| review.status == ReviewStatus::Open)
        .collect()
}

fn review_of(fixture: &EngineFixture, content: u8) -> Review {
    let of_file = |review: &Review| matches!(review.subject, ReviewSubject::Upload { file: found, .. } if found == file(content).id);
    reviews(fixture).into_iter().find(of_file).unwrap()
}

#[test]
fn an_approved_upload_is_paid() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut fixture, 1).unwrap();
    let taken = upload(&mut fixture, 1, task.id, file(1)).unwrap();
    assert_eq!(taken.upload.status, UploadStatus::Pending);
    assert_eq!(taken.task.status, TaskStatus::InProgress);
    let shown = evidence(EvidenceType::UploadedContent, &file(1).id.to_string());
    let waits = show(&mut fixture, task.id, shown.clone()).unwrap_err();
    assert!(waits.to_string().contains("waits"), "{waits}");
    assert_eq!(code(complete(&mut fixture, task.id)), "task_not_complete");

    let review = open_review(&fixture);
    assert_eq!(review.subject.kind(), ReviewKind::Upload);
    fixture.set_time("2026-01-07T12:00:00Z");
    decide(&mut fixture, &review, ReviewDecision::Approve).unwrap();
    let done = kept(&fixture, task.id);
    assert_eq!(done.status, TaskStatus::Completed);
    assert_eq!(done.completed_at, Some(at(NOON)), "as of the upload");
    assert_eq!(done.evidence, Some(shown.clone()));
    assert_eq!(done.uploads[0].status, UploadStatus::Approved);
    assert_eq!(done.uploads[0].decided_at, Some(at("2026-01-07T12:00:00Z")));
    assert_eq!(done.verification.unwrap().verified_by, Some(user(99)));
    assert!(
        show(&mut fixture, task.id, shown).is_ok(),
        "the same evidence, the same answer"
    );
    assert!(claim(&mut fixture, task.id).is_ok());
    assert_eq!(
        code(decide(&mut fixture, &review, ReviewDecision::Reject)),
        "already_decided"
    );
}

#[test]
fn a_rejected_upload_leaves_the_task_open_for_a_better_one() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut fixture, 1).unwrap();
    upload(&mut fixture, 1, task.id, file(1)).unwrap();
    let review = open_review(&fixture);
    decide(&mut fixture, &review, ReviewDecision::Reject).unwrap();
    let after = kept(&fixture, task.id);
    assert_eq!(after.status, TaskStatus::InProgress);
    assert_eq!(after.uploads[0].status, UploadStatus::Rejected);
    assert_eq!(after.uploads[0].reason.as_deref(), Some("looked at it"));
    assert_eq!(after.progress.current(), 0);
    let shown = evidence(EvidenceType::UploadedContent, &file(1).id.to_string());
    let refused = show(&mut fixture, task.id, shown).unwrap_err();
    assert!(refused.to_string().contains("rejected"), "{refused}");
    upload(&mut fixture, 1, task.id, file(2)).unwrap();
    let review = open_review(&fixture);
    decide(&mut fixture, &review, ReviewDecision::Approve).unwrap();
    assert_eq!(kept(&fixture, task.id).status, TaskStatus::Completed);
}

#[test]
fn every_approved_upload_is_a_step() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, photos(2)));
    let task = start(&mut fixture, 1).unwrap();
    upload(&mut fixture, 1, task.id, file(1)).unwrap();
    upload(&mut fixture, 1, task.id, file(2)).unwrap();
    let (first, second) = (review_of(&fixture, 1), review_of(&fixture, 2));
    decide(&mut fixture, &first, ReviewDecision::Approve).unwrap();
    assert_eq!(kept(&fixture, task.id).progress.current(), 1);
    // One that is refused takes nothing away.
    upload(&mut fixture, 1, task.id, file(3)).unwrap();
    let third = review_of(&fixture, 3);
    decide(&mut fixture, &third, ReviewDecision::Reject).unwrap();
    assert!(kept(&fixture, task.id).verification.unwrap().is_valid);
    decide(&mut fixture, &second, ReviewDecision::Approve).unwrap();
    assert_eq!(kept(&fixture, task.id).status, TaskStatus::Completed);
}

#[test]
fn the_same_bytes_count_once_and_for_nobody_else() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut fixture, 1).unwrap();
    let first = upload(&mut fixture, 1, task.id, file(1)).unwrap();
    let copy = UploadedFile {
        id: FileId(Uuid::from_u128(7)),
        ..file(1)
    };
    let again = upload(&mut fixture, 1, task.id, copy.clone()).unwrap();
    assert_eq!(again.upload, first.upload, "under the id that is kept");
    assert_eq!(reviews(&fixture).len(), 1);
    let other = fixture.when(mission_core::engine::StartTask {
        user: user(2),
        mission: mission_core::testing::mission_id(1),
    });
    let other = other.unwrap().task;
    assert_eq!(code(upload(&mut fixture, 2, other.id, copy)), "evidence_reused");
    assert_eq!(code(upload(&mut fixture, 2, task.id, file(2))), "not_found");
}

#[test]
fn uploads_have_limits_and_want_a_mission_that_asks_for_them() {
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, photos(1)))
        .with(active(2, definition("read")));
    let read = start(&mut fixture, 2).unwrap();
    let refused = upload(&mut fixture, 1, read.id, file(1)).unwrap_err();
    assert!(refused.to_string().contains("asks for no upload"), "{refused}");
    let task = start(&mut fixture, 1).unwrap();
    for content in 0..MOST_UPLOADS_OF_A_TASK {
        upload(&mut fixture, 1, task.id, file(u8::try_from(content).unwrap())).unwrap();
    }
    let refused = upload(&mut fixture, 1, task.id, file(100)).unwrap_err();
    assert!(refused.to_string().contains("10 uploads at most"), "{refused}");
    assert_eq!(refused.code(), "evidence_rejected");

    let mut every_day = photos(1);
    every_day.frequency = Frequency::Unlimited;
    let mut fixture = EngineFixture::at(NOON).with(active(1, every_day));
    for content in 0..30 {
        let task = start(&mut fixture, 1).unwrap();
        upload(&mut fixture, 1, task.id, file(content)).unwrap();
        let review = open_review(&fixture);
        decide(&mut fixture, &review, ReviewDecision::Approve).unwrap();
    }
    let task = start(&mut fixture, 1).unwrap();
    let refused = upload(&mut fixture, 1, task.id, file(200)).unwrap_err();
    assert!(refused.to_string().contains("30 files a day"), "{refused}");
    fixture.set_time("2026-01-06T12:00:00Z");
    upload(&mut fixture, 1, task.id, file(200)).unwrap();
}

#[test]
fn a_task_does_not_expire_while_its_upload_waits() {
    let mut daily = photos(1);
    daily.frequency = Frequency::Daily;
    for approved in [true, false] {
        let mut fixture = EngineFixture::at(NOON).with(active(1, daily.clone()));
        let task = start(&mut fixture, 1).unwrap();
        assert!(task.due_at.is_some());
        upload(&mut fixture, 1, task.id, file(1)).unwrap();
        assert_eq!(kept(&fixture, task.id).due_at, None);
        let review = open_review(&fixture);
        fixture.set_time("2026-01-25T12:00:00Z");
        assert_eq!(
            code(upload(&mut fixture, 1, task.id, file(2))),
            "task_not_open",
            "its day is over"
        );
        let decision = if approved {
            ReviewDecision::Approve
        } else {
            ReviewDecision::Reject
        };
        decide(&mut fixture, &review, decision).unwrap();
        let after = kept(&fixture, task.id);
        if approved {
            assert_eq!(after.completed_at, Some(at(NOON)));
        } else {
            assert!(
                after.due_at.is_some_and(|due| due < fixture.now),
                "it expires with the next sweep: {after:?}"
            );
        }
    }
}

#[test]
fn what_an_event_moves_an_upload_does_not() {
    let mut triggered = photos(1);
    triggered.trigger = mission_core::mission::Trigger::on("photo.taken").into();
    let mut fixture = EngineFixture::at(NOON).with(active(1, triggered));
    let task = start(&mut fixture, 1).unwrap();
    assert_eq!(code(progress(&mut fixture, task.id, 1)), "progress_by_events");
    upload(&mut fixture, 1, task.id, file(1)).unwrap();
    let review = open_review(&fixture);
    decide(&mut fixture, &review, ReviewDecision::Approve).unwrap();
    let after = kept(&fixture, task.id);
    assert_eq!(after.status, TaskStatus::InProgress);
    assert_eq!(after.progress.current(), 0);
}

/// A task with an upload that the moderation service has.
fn moderated() -> (EngineFixture, TaskId, Review) {
    let mut fixture = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut fixture, 1).unwrap();
    let command = AttachUpload {
        moderated: true,
        ..attach(1, task.id, file(1))
    };
    fixture.when(command).unwrap();
    assert!(reviews(&fixture).is_empty(), "no person is asked");
    let review = the_review(&fixture);
    assert_eq!(review.id, Review::id_for_upload(file(1).id));
    assert_eq!(review.status, ReviewStatus::InModeration);
    (fixture, task.id, review)
}

fn the_review(fixture: &EngineFixture) -> Review {
    fixture
        .store
        .records()
        .review
        .into_values()
        .flatten()
        .next()
        .unwrap()
}

fn verdict(fixture: &mut EngineFixture, review: &Review, verdict: Verdict) -> Review {
    let command = ApplyVerdict {
        user: user(1),
        review: review.id,
        moderation: Some("m-1".to_owned()),
        verdict,
        reason: Some("a robot looked".to_owned()),
    };
    fixture.when(command).unwrap().review
}

#[test]
fn the_first_verdict_of_moderation_counts() {
    for (first, status) in [
        (Verdict::Approved, TaskStatus::Completed),
        (Verdict::Rejected, TaskStatus::InProgress),
    ] {
        let (mut fixture, task, review) = moderated();
        let note = NoteModeration {
            user: user(1),
            review: review.id,
            moderation: "m-1".to_owned(),
        };
        assert_eq!(
            fixture.when(note).unwrap().review.moderation.as_deref(),
            Some("m-1")
        );
        fixture.set_time("2026-01-05T13:00:00Z");
        let decided = verdict(&mut fixture, &review, first);
        assert_eq!(decided.decided_by, None);
        assert_eq!(decided.note.as_deref(), Some("a robot looked"));
        let after = kept(&fixture, task);
        assert_eq!(after.status, status);
        assert_eq!(after.uploads[0].method, Some(VerificationMethod::Moderation));
        let found = after.verification.clone().unwrap();
        assert_eq!(
            (found.method, found.verified_by),
            (VerificationMethod::Moderation, None)
        );
        for later in [Verdict::Approved, Verdict::Rejected, Verdict::Review] {
            assert_eq!(verdict(&mut fixture, &review, later), decided);
        }
        assert_eq!(kept(&fixture, task), after);
        assert_eq!(
            code(decide(&mut fixture, &review, ReviewDecision::Reject)),
            "already_decided"
        );
    }
}

#[test]
fn what_moderation_does_not_judge_in_time_is_decided_too() {
    for (timeout, status) in [
        (ReviewTimeout::Approve, TaskStatus::Completed),
        (ReviewTimeout::Reject, TaskStatus::InProgress),
    ] {
        let (mut fixture, task, review) = moderated();
        let command = TimeOutReview {
            user: user(1),
            review: review.id,
            timeout,
            hours: 12,
        };
        let decided = fixture.when(command).unwrap().review;
        assert_eq!(kept(&fixture, task).status, status);
        assert_eq!(
            verdict(&mut fixture, &review, Verdict::Approved),
            decided,
            "too late"
        );
    }
}

#[test]
fn moderation_can_leave_it_to_a_person_or_be_overtaken_by_one() {
    let (mut fixture, task, review) = moderated();
    let left = verdict(&mut fixture, &review, Verdict::Review);
    assert_eq!(left.status, ReviewStatus::Open);
    assert_eq!(
        left.reasons,
        [ReviewReason::Moderation("a robot looked".to_owned())]
    );
    verdict(&mut fixture, &review, Verdict::Approved);
    assert_eq!(
        kept(&fixture, task).status,
        TaskStatus::InProgress,
        "it is the person's now"
    );
    decide(&mut fixture, &review, ReviewDecision::Approve).unwrap();
    assert_eq!(kept(&fixture, task).status, TaskStatus::Completed);

    let (mut fixture, task, review) = moderated();
    decide(&mut fixture, &review, ReviewDecision::Reject).unwrap();
    verdict(&mut fixture, &review, Verdict::Approved);
    assert_eq!(kept(&fixture, task).uploads[0].status, UploadStatus::Rejected);
}

#[test]
fn a_near_copy_is_for_a_person_even_with_moderation() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut fixture, 1).unwrap();
    let command = AttachUpload {
        moderated: true,
        near_copy_of: Some(file(2).id),
        ..attach(1, task.id, file(1))
    };
    fixture.when(command).unwrap();
    assert_eq!(
        open_review(&fixture).reasons,
        [ReviewReason::NearCopy(file(2).id)]
    );
}
