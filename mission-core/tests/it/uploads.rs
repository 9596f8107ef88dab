//! Files uploaded to a task: pending, approved, rejected, shown, counted.

use mission_core::{
    FileId, TaskId,
    engine::{ApplyVerdict, AttachUpload, NoteModeration, Rejection, UploadTaken},
    fraud::{Review, ReviewDecision, ReviewReason, ReviewStatus, ReviewSubject, Verdict},
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
    world: &mut EngineFixture,
    who: u64,
    task: TaskId,
    file: UploadedFile,
) -> Result<UploadTaken, Rejection> {
    world.when(attach(who, task, file))
}

fn kept(world: &EngineFixture, task: TaskId) -> Task {
    world.store.records().task[&(user(1), task)].clone().unwrap()
}

fn reviews(world: &EngineFixture) -> Vec<Review> {
    let reviews = world.store.records().review.into_values().flatten();
    reviews
        .filter(|review| review.status == ReviewStatus::Open)
        .collect()
}

fn review_of(world: &EngineFixture, content: u8) -> Review {
    let of_file = |review: &Review| matches!(review.subject, ReviewSubject::Upload { file: found, .. } if found == file(content).id);
    reviews(world).into_iter().find(of_file).unwrap()
}

#[test]
fn an_approved_upload_is_paid() {
    let mut world = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut world, 1).unwrap();
    let taken = upload(&mut world, 1, task.id, file(1)).unwrap();
    assert_eq!(taken.upload.status, UploadStatus::Pending);
    assert_eq!(taken.task.status, TaskStatus::InProgress);
    let shown = evidence(EvidenceType::UploadedContent, &file(1).id.to_string());
    let waits = show(&mut world, task.id, shown.clone()).unwrap_err();
    assert!(waits.to_string().contains("waits"), "{waits}");
    assert_eq!(code(complete(&mut world, task.id)), "task_not_complete");

    let review = open_review(&world);
    assert_eq!(review.subject.kind(), "upload");
    world.set_time("2026-01-07T12:00:00Z");
    decide(&mut world, &review, ReviewDecision::Approve).unwrap();
    let done = kept(&world, task.id);
    assert_eq!(done.status, TaskStatus::Completed);
    assert_eq!(done.completed_at, Some(at(NOON)), "as of the upload");
    assert_eq!(done.evidence, Some(shown.clone()));
    assert_eq!(done.uploads[0].status, UploadStatus::Approved);
    assert_eq!(done.uploads[0].decided_at, Some(at("2026-01-07T12:00:00Z")));
    assert_eq!(done.verification.unwrap().verified_by, Some(user(99)));
    assert!(
        show(&mut world, task.id, shown).is_ok(),
        "the same evidence, the same answer"
    );
    assert!(claim(&mut world, task.id).is_ok());
    assert_eq!(
        code(decide(&mut world, &review, ReviewDecision::Reject)),
        "already_decided"
    );
}

#[test]
fn a_rejected_upload_leaves_the_task_open_for_a_better_one() {
    let mut world = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut world, 1).unwrap();
    upload(&mut world, 1, task.id, file(1)).unwrap();
    let review = open_review(&world);
    decide(&mut world, &review, ReviewDecision::Reject).unwrap();
    let after = kept(&world, task.id);
    assert_eq!(after.status, TaskStatus::InProgress);
    assert_eq!(after.uploads[0].status, UploadStatus::Rejected);
    assert_eq!(after.uploads[0].reason.as_deref(), Some("looked at it"));
    assert_eq!(after.progress.current(), 0);
    let shown = evidence(EvidenceType::UploadedContent, &file(1).id.to_string());
    let refused = show(&mut world, task.id, shown).unwrap_err();
    assert!(refused.to_string().contains("rejected"), "{refused}");
    upload(&mut world, 1, task.id, file(2)).unwrap();
    let review = open_review(&world);
    decide(&mut world, &review, ReviewDecision::Approve).unwrap();
    assert_eq!(kept(&world, task.id).status, TaskStatus::Completed);
}

#[test]
fn every_approved_upload_is_a_step() {
    let mut world = EngineFixture::at(NOON).with(active(1, photos(2)));
    let task = start(&mut world, 1).unwrap();
    upload(&mut world, 1, task.id, file(1)).unwrap();
    upload(&mut world, 1, task.id, file(2)).unwrap();
    let (first, second) = (review_of(&world, 1), review_of(&world, 2));
    decide(&mut world, &first, ReviewDecision::Approve).unwrap();
    assert_eq!(kept(&world, task.id).progress.current(), 1);
    // One that is refused takes nothing away.
    upload(&mut world, 1, task.id, file(3)).unwrap();
    let third = review_of(&world, 3);
    decide(&mut world, &third, ReviewDecision::Reject).unwrap();
    assert!(kept(&world, task.id).verification.unwrap().is_valid);
    decide(&mut world, &second, ReviewDecision::Approve).unwrap();
    assert_eq!(kept(&world, task.id).status, TaskStatus::Completed);
}

#[test]
fn the_same_bytes_count_once_and_for_nobody_else() {
    let mut world = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut world, 1).unwrap();
    let first = upload(&mut world, 1, task.id, file(1)).unwrap();
    let copy = UploadedFile {
        id: FileId(Uuid::from_u128(7)),
        ..file(1)
    };
    let again = upload(&mut world, 1, task.id, copy.clone()).unwrap();
    assert_eq!(again.upload, first.upload, "under the id that is kept");
    assert_eq!(reviews(&world).len(), 1);
    let other = world.when(mission_core::engine::StartTask {
        user: user(2),
        mission: mission_core::testing::mission_id(1),
    });
    let other = other.unwrap().task;
    assert_eq!(code(upload(&mut world, 2, other.id, copy)), "evidence_reused");
    assert_eq!(code(upload(&mut world, 2, task.id, file(2))), "not_found");
}

#[test]
fn uploads_have_limits_and_want_a_mission_that_asks_for_them() {
    let mut world = EngineFixture::at(NOON)
        .with(active(1, photos(1)))
        .with(active(2, definition("read")));
    let read = start(&mut world, 2).unwrap();
    let refused = upload(&mut world, 1, read.id, file(1)).unwrap_err();
    assert!(refused.to_string().contains("asks for no upload"), "{refused}");
    let task = start(&mut world, 1).unwrap();
    for content in 0..MOST_UPLOADS_OF_A_TASK {
        upload(&mut world, 1, task.id, file(u8::try_from(content).unwrap())).unwrap();
    }
    let refused = upload(&mut world, 1, task.id, file(100)).unwrap_err();
    assert!(refused.to_string().contains("10 uploads at most"), "{refused}");
    assert_eq!(refused.code(), "evidence_rejected");

    let mut every_day = photos(1);
    every_day.frequency = Frequency::Unlimited;
    let mut world = EngineFixture::at(NOON).with(active(1, every_day));
    for content in 0..30 {
        let task = start(&mut world, 1).unwrap();
        upload(&mut world, 1, task.id, file(content)).unwrap();
        let review = open_review(&world);
        decide(&mut world, &review, ReviewDecision::Approve).unwrap();
    }
    let task = start(&mut world, 1).unwrap();
    let refused = upload(&mut world, 1, task.id, file(200)).unwrap_err();
    assert!(refused.to_string().contains("30 files a day"), "{refused}");
    world.set_time("2026-01-06T12:00:00Z");
    upload(&mut world, 1, task.id, file(200)).unwrap();
}

#[test]
fn a_task_does_not_expire_while_its_upload_waits() {
    let mut daily = photos(1);
    daily.frequency = Frequency::Daily;
    for approved in [true, false] {
        let mut world = EngineFixture::at(NOON).with(active(1, daily.clone()));
        let task = start(&mut world, 1).unwrap();
        assert!(task.due_at.is_some());
        upload(&mut world, 1, task.id, file(1)).unwrap();
        assert_eq!(kept(&world, task.id).due_at, None);
        let review = open_review(&world);
        world.set_time("2026-01-25T12:00:00Z");
        assert_eq!(
            code(upload(&mut world, 1, task.id, file(2))),
            "task_not_open",
            "its day is over"
        );
        let decision = if approved {
            ReviewDecision::Approve
        } else {
            ReviewDecision::Reject
        };
        decide(&mut world, &review, decision).unwrap();
        let after = kept(&world, task.id);
        if approved {
            assert_eq!(after.completed_at, Some(at(NOON)));
        } else {
            assert!(
                after.due_at.is_some_and(|due| due < world.now),
                "it expires with the next sweep: {after:?}"
            );
        }
    }
}

#[test]
fn what_an_event_moves_an_upload_does_not() {
    let mut triggered = photos(1);
    triggered.trigger = Some(mission_core::mission::Trigger::on("photo.taken"));
    let mut world = EngineFixture::at(NOON).with(active(1, triggered));
    let task = start(&mut world, 1).unwrap();
    assert_eq!(code(progress(&mut world, task.id, 1)), "progress_by_events");
    upload(&mut world, 1, task.id, file(1)).unwrap();
    let review = open_review(&world);
    decide(&mut world, &review, ReviewDecision::Approve).unwrap();
    let after = kept(&world, task.id);
    assert_eq!(after.status, TaskStatus::InProgress);
    assert_eq!(after.progress.current(), 0);
}

/// A task with an upload that the moderation service has.
fn moderated() -> (EngineFixture, TaskId, Review) {
    let mut world = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut world, 1).unwrap();
    let command = AttachUpload {
        moderated: true,
        ..attach(1, task.id, file(1))
    };
    world.when(command).unwrap();
    assert!(reviews(&world).is_empty(), "no person is asked");
    let review = the_review(&world);
    assert_eq!(review.id, Review::id_for_upload(file(1).id));
    assert_eq!(review.status, ReviewStatus::InModeration);
    (world, task.id, review)
}

fn the_review(world: &EngineFixture) -> Review {
    world
        .store
        .records()
        .review
        .into_values()
        .flatten()
        .next()
        .unwrap()
}

fn verdict(world: &mut EngineFixture, review: &Review, verdict: Verdict) -> Review {
    let command = ApplyVerdict {
        user: user(1),
        review: review.id,
        moderation: Some("m-1".to_owned()),
        verdict,
        reason: Some("a robot looked".to_owned()),
    };
    world.when(command).unwrap().review
}

#[test]
fn the_first_verdict_of_moderation_counts() {
    for (first, status) in [
        (Verdict::Approved, TaskStatus::Completed),
        (Verdict::Rejected, TaskStatus::InProgress),
    ] {
        let (mut world, task, review) = moderated();
        let note = NoteModeration {
            user: user(1),
            review: review.id,
            moderation: "m-1".to_owned(),
        };
        assert_eq!(
            world.when(note).unwrap().review.moderation.as_deref(),
            Some("m-1")
        );
        world.set_time("2026-01-05T13:00:00Z");
        let decided = verdict(&mut world, &review, first);
        assert_eq!(decided.decided_by, None);
        assert_eq!(decided.note.as_deref(), Some("a robot looked"));
        let after = kept(&world, task);
        assert_eq!(after.status, status);
        assert_eq!(after.uploads[0].method, Some(VerificationMethod::Moderation));
        let found = after.verification.clone().unwrap();
        assert_eq!(
            (found.method, found.verified_by),
            (VerificationMethod::Moderation, None)
        );
        for later in [Verdict::Approved, Verdict::Rejected, Verdict::Review] {
            assert_eq!(verdict(&mut world, &review, later), decided);
        }
        assert_eq!(kept(&world, task), after);
        assert_eq!(
            code(decide(&mut world, &review, ReviewDecision::Reject)),
            "already_decided"
        );
    }
}

#[test]
fn moderation_can_leave_it_to_a_person_or_be_overtaken_by_one() {
    let (mut world, task, review) = moderated();
    let left = verdict(&mut world, &review, Verdict::Review);
    assert_eq!(left.status, ReviewStatus::Open);
    assert_eq!(
        left.reasons,
        [ReviewReason::Moderation("a robot looked".to_owned())]
    );
    verdict(&mut world, &review, Verdict::Approved);
    assert_eq!(
        kept(&world, task).status,
        TaskStatus::InProgress,
        "it is the person's now"
    );
    decide(&mut world, &review, ReviewDecision::Approve).unwrap();
    assert_eq!(kept(&world, task).status, TaskStatus::Completed);

    let (mut world, task, review) = moderated();
    decide(&mut world, &review, ReviewDecision::Reject).unwrap();
    verdict(&mut world, &review, Verdict::Approved);
    assert_eq!(kept(&world, task).uploads[0].status, UploadStatus::Rejected);
}

#[test]
fn a_near_copy_is_for_a_person_even_with_moderation() {
    let mut world = EngineFixture::at(NOON).with(active(1, photos(1)));
    let task = start(&mut world, 1).unwrap();
    let command = AttachUpload {
        moderated: true,
        near_copy_of: Some(file(2).id),
        ..attach(1, task.id, file(1))
    };
    world.when(command).unwrap();
    assert_eq!(open_review(&world).reasons, [ReviewReason::NearCopy(file(2).id)]);
}
