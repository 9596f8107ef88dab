//! Evidence of every type, shown to the mission that asks for it.

use mission_core::{
    engine::{ActivateReferral, RegisterUser, StartTask, SubmitEvidence},
    fraud::ReviewDecision,
    mission::{Definition, EvidenceRequirement, EvidenceReview},
    task::{Evidence, EvidenceType, TaskStatus, VerificationMethod},
    testing::{EngineFixture, active, at, definition, mission_id, user},
    user::InviteCode,
};

use crate::play::{code, complete, decide, evidence, open_review, progress, ready, scripted, show, start};

const NOON: &str = "2026-01-05T12:00:00Z";

fn demanding(code: &str, evidence_type: EvidenceType) -> Definition {
    Definition {
        evidence: Some(EvidenceRequirement {
            evidence_type,
            min_seconds: None,
            review: EvidenceReview::Automatic,
        }),
        ..definition(code)
    }
}

fn screenshot(address: &str) -> Evidence {
    Evidence {
        screenshot_url: Some(address.to_owned()),
        ..evidence(EvidenceType::SocialProof, "")
    }
}

/// Shows each piece of evidence to a task of its own, at 12:01:00, one minute after its start.
fn verdicts(demand: &Definition, shown: &[(Evidence, Option<&str>)]) {
    for (evidence, refused) in shown {
        let mut fixture = EngineFixture::at(NOON).with(active(1, demand.clone()));
        let task = ready(&mut fixture, 1);
        assert_eq!(code(complete(&mut fixture, task.id)), "task_not_complete");
        fixture.set_time("2026-01-05T12:01:00Z");
        let answer = show(&mut fixture, task.id, evidence.clone());
        match refused {
            Some(part) => {
                let why = answer.unwrap_err();
                assert_eq!(why.code(), "evidence_rejected", "{evidence:?}");
                assert!(why.to_string().contains(part), "`{why}` does not say `{part}`");
                assert_eq!(code(complete(&mut fixture, task.id)), "task_not_complete");
            }
            None => {
                let taken = answer.unwrap();
                let verification = taken.task.verification.unwrap();
                assert!(verification.is_valid && !taken.under_review, "{evidence:?}");
                assert_eq!(verification.method, VerificationMethod::Automatic);
                complete(&mut fixture, task.id).unwrap();
            }
        }
    }
}

#[test]
fn a_watch_lasts_long_enough_and_no_longer_than_the_task() {
    let mut demand = demanding("watch", EvidenceType::WatchDuration);
    demand.evidence.as_mut().unwrap().min_seconds = Some(30);
    let watched = |data| evidence(EvidenceType::WatchDuration, data);
    verdicts(
        &demand,
        &[
            (watched("30"), None),
            (watched(" 65 "), None),
            (watched("29"), Some("29 seconds of at least 30")),
            (watched("66"), Some("longer than the task")),
            (watched("18446744073709551615"), Some("longer than the task")),
            (watched("30.5"), Some("whole seconds")),
            (watched("-40"), Some("whole seconds")),
            (watched(""), Some("whole seconds")),
            (evidence(EvidenceType::ClickData, "40"), Some("`watch_duration`")),
        ],
    );
}

#[test]
fn a_click_leads_to_https_between_start_and_now() {
    let demand = demanding("click", EvidenceType::ClickData);
    let clicked = |data: &str| evidence(EvidenceType::ClickData, data);
    let click = |url: &str, when: &str| clicked(&format!(r#"{{"url":"{url}","clicked_at":"{when}"}}"#));
    verdicts(
        &demand,
        &[
            (click("https://example.com/a?b=c", "2026-01-05T12:00:00Z"), None),
            (click("https://example.com", "2026-01-05T13:01:00+01:00"), None),
            (click("http://example.com", NOON), Some("https")),
            (click("javascript:alert(1)", NOON), Some("https")),
            (click("not a url", NOON), Some("https")),
            (
                click("https://example.com", "2026-01-05T11:59:59Z"),
                Some("between"),
            ),
            (
                click("https://example.com", "2026-01-05T12:01:01Z"),
                Some("between"),
            ),
            (click("https://example.com", "yesterday"), Some("`data` must be")),
            (clicked(r#"{"url":"https://example.com"}"#), Some("clicked_at")),
            (clicked("{"), Some("`data` must be")),
        ],
    );
}

#[test]
fn social_proof_is_a_screenshot() {
    let demand = demanding("share", EvidenceType::SocialProof);
    let mut future = screenshot("https://example.com/2.png");
    future.captured_at = Some(at("2026-01-05T12:01:06Z"));
    let mut video = screenshot("https://example.com/3.png");
    video.video_url = Some("ftp://example.com".to_owned());
    verdicts(
        &demand,
        &[
            (screenshot("https://example.com/1.png"), None),
            (
                evidence(EvidenceType::SocialProof, "see my page"),
                Some("`screenshot_url` is missing"),
            ),
            (screenshot("http://example.com/1.png"), Some("https")),
            (future, Some("future")),
            (video, Some("`video_url`")),
        ],
    );
}

#[test]
fn a_mission_without_demand_takes_no_evidence() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, definition("plain")));
    let task = start(&mut fixture, 1).unwrap();
    let shown = show(&mut fixture, task.id, screenshot("https://example.com/1.png"));
    assert!(shown.unwrap_err().to_string().contains("asks for no evidence"));
}

#[test]
fn a_screenshot_counts_for_one_task_of_one_user() {
    let twice = Definition {
        max_completions: Some(0),
        ..demanding("share", EvidenceType::SocialProof)
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, twice));
    let first = ready(&mut fixture, 1);
    let shot = screenshot("https://example.com/1.png");
    let answer = show(&mut fixture, first.id, shot.clone()).unwrap();
    fixture.set_time("2026-01-05T12:05:00Z");
    assert_eq!(
        show(&mut fixture, first.id, shot.clone()).unwrap(),
        answer,
        "again, the first answer"
    );
    complete(&mut fixture, first.id).unwrap();
    assert!(
        show(&mut fixture, first.id, shot.clone()).is_ok(),
        "even after the completion"
    );

    let second = ready(&mut fixture, 1);
    for address in [
        "https://example.com/1.png",
        "HTTPS://EXAMPLE.com:443/1.png",
        " https://example.com/./1.png",
        "https://example.com/1.png#1",
        "https://example.com/%31.png?",
    ] {
        assert_eq!(
            code(show(&mut fixture, second.id, screenshot(address))),
            "evidence_reused",
            "{address}"
        );
    }
    let other = StartTask {
        user: user(2),
        mission: mission_id(1),
    };
    let task = fixture.when(other).unwrap().task.id;
    let steal = SubmitEvidence {
        user: user(2),
        task,
        evidence: shot,
    };
    assert_eq!(code(fixture.when(steal)), "evidence_reused");
}

#[test]
fn better_evidence_may_follow() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, demanding("share", EvidenceType::SocialProof)));
    let task = ready(&mut fixture, 1);
    show(&mut fixture, task.id, screenshot("https://example.com/1.png")).unwrap();
    show(&mut fixture, task.id, screenshot("https://example.com/2.png")).unwrap();
    complete(&mut fixture, task.id).unwrap();
    let late = show(&mut fixture, task.id, screenshot("https://example.com/3.png"));
    assert_eq!(code(late), "task_not_open");
}

#[test]
fn an_invite_code_is_anothers_and_counts_once_for_a_user() {
    let demand = Definition {
        max_completions: Some(0),
        ..demanding("invited", EvidenceType::InviteCode)
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, demand));
    let register = RegisterUser {
        user: user(2),
        registered_at: None,
        display_name: None,
    };
    fixture.when(register).unwrap();
    let activate = ActivateReferral {
        inviter: user(3),
        invitee: user(4),
        invite_code: Some("summer".to_owned()),
        activated_at: at(NOON),
    };
    fixture.when(activate).unwrap();
    let task = ready(&mut fixture, 1);
    let own = InviteCode::of(user(1)).to_string();
    let others = InviteCode::of(user(2)).to_string();
    for (data, refused) in [
        ("", "`data` is missing"),
        ("NOBODYS", "no such invite code"),
        (own.as_str(), "one's own"),
    ] {
        let why = show(&mut fixture, task.id, evidence(EvidenceType::InviteCode, data)).unwrap_err();
        assert!(why.to_string().contains(refused), "{why}");
    }
    let typed = evidence(EvidenceType::InviteCode, &format!(" {} ", others.to_lowercase()));
    show(&mut fixture, task.id, typed).unwrap();
    complete(&mut fixture, task.id).unwrap();
    let second = ready(&mut fixture, 1);
    for data in [others.as_str(), "SUMMER"] {
        let why = show(&mut fixture, second.id, evidence(EvidenceType::InviteCode, data)).unwrap_err();
        assert!(why.to_string().contains("one a user ever"), "{why}");
    }
}

#[test]
fn a_code_that_a_referral_brought_is_known() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, demanding("invited", EvidenceType::InviteCode)));
    let activate = ActivateReferral {
        inviter: user(3),
        invitee: user(4),
        invite_code: Some("summer".to_owned()),
        activated_at: at(NOON),
    };
    fixture.when(activate).unwrap();
    let task = ready(&mut fixture, 1);
    assert!(
        show(
            &mut fixture,
            task.id,
            evidence(EvidenceType::InviteCode, "Summer")
        )
        .is_ok()
    );
}

#[test]
fn a_script_has_the_last_word() {
    for (script, expected) in [
        ("verify true", Ok(false)),
        ("verify review", Ok(true)),
        ("verify too blurry", Err("too blurry")),
        ("progress 1", Ok(false)),
    ] {
        let demand = Definition {
            script: Some(script.to_owned()),
            ..demanding("share", EvidenceType::SocialProof)
        };
        let mut fixture = scripted(NOON).with(active(1, demand));
        let task = ready(&mut fixture, 1);
        let answer = show(&mut fixture, task.id, screenshot("https://example.com/1.png"));
        let seen = answer
            .map(|taken| taken.under_review)
            .map_err(|why| why.to_string());
        assert_eq!(seen, expected.map_err(str::to_owned), "{script}");
    }
}

#[test]
fn a_reviewer_decides_on_evidence_as_of_the_day_it_was_shown() {
    let mut demand = demanding("share", EvidenceType::SocialProof);
    demand.evidence.as_mut().unwrap().review = EvidenceReview::Manual;
    demand.frequency = mission_core::mission::Frequency::Daily;
    for full in [true, false] {
        let mut fixture = EngineFixture::at(NOON).with(active(1, demand.clone()));
        let task = start(&mut fixture, 1).unwrap();
        if full {
            progress(&mut fixture, task.id, 1).unwrap();
        }
        let taken = show(&mut fixture, task.id, screenshot("https://example.com/1.png")).unwrap();
        assert!(taken.under_review);
        assert_eq!(taken.task.status, TaskStatus::PendingReview);
        assert_eq!(code(complete(&mut fixture, task.id)), "task_not_open");
        assert_eq!(code(start(&mut fixture, 1)), "task_already_open");
        let review = open_review(&fixture);
        // Long after the day has ended: what is in review does not expire.
        fixture.set_time("2026-01-25T12:00:00Z");
        let decided = decide(&mut fixture, &review, ReviewDecision::Approve)
            .unwrap()
            .review;
        assert_eq!(
            (decided.decided_by, decided.note.as_deref()),
            (Some(user(99)), Some("looked at it"))
        );
        assert_eq!(
            code(decide(&mut fixture, &review, ReviewDecision::Reject)),
            "already_decided"
        );
        let task = fixture.store.records().task[&(user(1), task.id)].clone().unwrap();
        let verification = task.verification.clone().unwrap();
        assert_eq!(verification.verified_by, Some(user(99)));
        assert_eq!(task.status == TaskStatus::Completed, full);
        assert_eq!(
            task.completed_at,
            full.then(|| at(NOON)),
            "as of the moment of the flag"
        );
    }
}

#[test]
fn a_rejected_proof_closes_its_task() {
    let mut demand = demanding("share", EvidenceType::SocialProof);
    demand.evidence.as_mut().unwrap().review = EvidenceReview::Manual;
    let mut fixture = EngineFixture::at(NOON).with(active(1, demand));
    let task = ready(&mut fixture, 1);
    show(&mut fixture, task.id, screenshot("https://example.com/1.png")).unwrap();
    let review = open_review(&fixture);
    decide(&mut fixture, &review, ReviewDecision::Reject).unwrap();
    let kept = fixture.store.records().task[&(user(1), task.id)].clone().unwrap();
    assert_eq!(kept.status, TaskStatus::Rejected);
    assert_eq!(
        kept.verification.unwrap().failure_reason.as_deref(),
        Some("looked at it")
    );
    assert_eq!(
        code(crate::play::claim(&mut fixture, task.id)),
        "task_not_completed"
    );
    assert!(
        fixture.store.records().reward.is_empty(),
        "a rejection grants nothing"
    );
    assert!(start(&mut fixture, 1).is_ok(), "another try is possible");
}
