//! Activity events: early, late, twice, for several missions at once.

use mission_core::{
    UserId,
    engine::{ApplyEvent, ClaimTask, ExpireDue, StartTask},
    event::{ActivityEvent, CloudEvent, EventOutcome},
    mission::{
        Budget, Definition, EvidenceRequirement, EvidenceReview, FieldType, Frequency, Mission,
        MissionStatus, Operator, Rule,
    },
    task::{EvidenceType, TaskStatus},
    testing::{EngineFixture, active, at, mission_id, user},
};
use serde_json::json;

use crate::play::{code, complete, evidence, progress, scripted, show, start, triggered};

const NOON: &str = "2026-01-05T12:00:00Z";

fn watch(code: &str) -> Definition {
    Definition {
        frequency: Frequency::Daily,
        target: 2,
        auto_start: true,
        ..triggered(code, "video.watched")
    }
}

fn watched(fixture: &mut EngineFixture, time: &str) -> mission_core::event::EventResult {
    fixture
        .event("video.watched", user(1), time, &json!({"seconds": 40}))
        .unwrap()
}

#[test]
fn events_start_move_and_complete_a_task() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, watch("watch")));
    let first = watched(&mut fixture, NOON);
    assert_eq!(first.outcome, EventOutcome::Applied);
    assert_eq!(
        (first.tasks[0].status, first.tasks[0].progress.current()),
        (TaskStatus::InProgress, 1)
    );
    let second = watched(&mut fixture, NOON);
    assert_eq!(
        (second.tasks[0].id, second.tasks[0].status),
        (first.tasks[0].id, TaskStatus::Completed)
    );
    let third = watched(&mut fixture, NOON);
    assert_eq!(
        third.outcome,
        EventOutcome::Ignored,
        "the day's one completion is done"
    );
    assert_eq!(third.reason.as_deref(), Some("max_completions_reached"));
    let task = second.tasks[0].id;
    assert_eq!(code(progress(&mut fixture, task, 1)), "task_not_open");
    assert!(fixture.when(ClaimTask { user: user(1), task }).is_ok());
}

#[test]
fn an_event_counts_once() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, watch("watch")));
    let event = |id: &str, source: &str, who: UserId| ApplyEvent {
        event: ActivityEvent {
            id: id.to_owned(),
            source: source.to_owned(),
            event_type: "video.watched".to_owned(),
            user_id: who,
            time: at(NOON),
            data: serde_json::Map::new(),
        },
    };
    assert_eq!(
        fixture.when(event("1", "a", user(1))).unwrap().outcome,
        EventOutcome::Applied
    );
    assert_eq!(
        fixture.when(event("1", "a", user(1))).unwrap().outcome,
        EventOutcome::Duplicate
    );
    fixture.set_time("2026-01-06T13:00:00Z");
    assert_eq!(
        fixture.when(event("1", "a", user(1))).unwrap().outcome,
        EventOutcome::Duplicate,
        "ever"
    );
    assert_eq!(
        fixture.when(event("1", "b", user(1))).unwrap().outcome,
        EventOutcome::Applied,
        "ids are a source's"
    );
}

#[test]
fn an_event_is_up_to_five_minutes_ahead_and_seven_days_late() {
    for (time, reason) in [
        ("2026-01-05T12:05:00Z", None),
        ("2026-01-05T12:05:00.001Z", Some("too_early")),
        ("2025-12-29T12:00:00Z", None),
        ("2025-12-29T11:59:59.999Z", Some("too_late")),
        ("9999-12-31T23:59:59Z", Some("too_early")),
        ("0000-01-01T00:00:00Z", Some("too_late")),
    ] {
        let mut fixture = EngineFixture::at(NOON).with(active(1, watch("watch")));
        let result = watched(&mut fixture, time);
        let expected = if reason.is_some() {
            EventOutcome::Rejected
        } else {
            EventOutcome::Applied
        };
        assert_eq!(
            (result.outcome, result.reason.as_deref()),
            (expected, reason),
            "{time}"
        );
    }
}

#[test]
fn an_event_belongs_to_the_period_of_its_own_time() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, watch("watch")));
    let today = watched(&mut fixture, NOON).tasks[0].clone();
    let late = watched(&mut fixture, "2026-01-03T23:59:59Z").tasks[0].clone();
    assert_ne!(
        today.id, late.id,
        "a task of its own for the day before yesterday"
    );
    assert_eq!(late.period.to_string(), "2026-01-03");
    assert_eq!(
        code(progress(&mut fixture, late.id, 1)),
        "task_not_open",
        "commands on it are refused"
    );
    let done = watched(&mut fixture, "2026-01-03T00:00:00Z").tasks[0].clone();
    assert_eq!(
        (done.id, done.status),
        (late.id, TaskStatus::Completed),
        "late events still move it"
    );
    assert!(
        fixture
            .when(ClaimTask {
                user: user(1),
                task: done.id
            })
            .is_ok()
    );
}

#[test]
fn after_the_late_window_a_task_is_expired() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, watch("watch")));
    let task = watched(&mut fixture, NOON).tasks[0].clone();
    fixture.set_time("2026-01-13T00:00:00Z");
    let late = watched(&mut fixture, "2026-01-06T00:00:00Z");
    assert_ne!(late.tasks[0].id, task.id);
    let expire = ExpireDue {
        user: user(1),
        tasks: vec![task.id],
        rewards: vec![],
    };
    assert_eq!(fixture.when(expire).unwrap().tasks, 1);
}

#[test]
fn a_task_without_auto_start_waits_for_its_user() {
    let manual = Definition {
        auto_start: false,
        ..watch("watch")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, manual));
    let ignored = watched(&mut fixture, NOON);
    assert_eq!((ignored.outcome, ignored.tasks.len()), (EventOutcome::Ignored, 0));
    assert!(
        fixture.store.records().is_empty(),
        "what concerned nobody leaves nothing"
    );
    let task = start(&mut fixture, 1).unwrap();
    assert_eq!(code(progress(&mut fixture, task.id, 1)), "progress_by_events");
    assert_eq!(watched(&mut fixture, NOON).tasks[0].id, task.id);
}

#[test]
fn rules_read_the_event() {
    let picky = Definition {
        rules: vec![Rule {
            rule_type: "event.data.seconds".to_owned(),
            operator: Operator::Gte,
            value: "30".to_owned(),
            metadata: serde_json::Map::new(),
        }],
        ..watch("watch")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, picky));
    assert!(
        start(&mut fixture, 1).is_ok(),
        "rules on events are not judged at a start"
    );
    for (data, moved) in [
        (json!({"seconds": 30}), true),
        (json!({"seconds": 29.999}), false),
        (json!({}), false),
    ] {
        let result = fixture.event("video.watched", user(1), NOON, &data).unwrap();
        assert_eq!(result.outcome == EventOutcome::Applied, moved, "{data}");
    }
}

#[test]
fn a_failing_mission_is_reported_and_the_others_go_on() {
    let mut fixture = scripted(NOON);
    for (n, script) in [
        (1, "fail"),
        (2, "progress 1"),
        (3, "progress 0"),
        (4, "nonsense"),
        (5, "progress 9"),
    ] {
        let mission = Definition {
            script: Some(script.to_owned()),
            auto_start: n != 3,
            ..watch(&format!("watch-{n}"))
        };
        fixture.add_mission(active(n, mission));
    }
    start(&mut fixture, 3).unwrap();
    let result = watched(&mut fixture, NOON);
    assert_eq!(result.outcome, EventOutcome::Applied);
    let failed: Vec<_> = result
        .failures
        .iter()
        .map(|fault| (fault.mission_id, fault.mission.as_str()))
        .collect();
    assert_eq!(failed, [(mission_id(1), "watch-1"), (mission_id(4), "watch-4")]);
    let moved: Vec<_> = result
        .tasks
        .iter()
        .map(|task| (task.mission_id, task.progress.current()))
        .collect();
    assert_eq!(moved, [(mission_id(2), 1), (mission_id(5), 2)]);
}

#[test]
fn a_duplicate_is_one_even_where_no_task_moved() {
    // What moved nothing may be tried again: a mission may be active by then.
    let mut fixture = EngineFixture::at(NOON);
    let ignored = watched(&mut fixture, NOON);
    assert_eq!(
        (ignored.outcome, ignored.reason.as_deref()),
        (EventOutcome::Ignored, Some("no_mission"))
    );
    assert!(fixture.store.records().is_empty());
}

#[test]
fn a_completion_beyond_the_budget_keeps_its_progress_until_there_is_room() {
    let scarce = Definition {
        target: 1,
        budget: Some(Budget {
            max_points: None,
            max_grants: Some(0),
        }),
        ..watch("scarce")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, scarce.clone()));
    let task = watched(&mut fixture, NOON).tasks[0].clone();
    assert_eq!(
        (task.status, task.progress.is_complete()),
        (TaskStatus::InProgress, true)
    );
    assert_eq!(code(complete(&mut fixture, task.id)), "budget_exhausted");
    let again = watched(&mut fixture, NOON);
    assert_eq!(
        (again.outcome, again.reason.as_deref()),
        (EventOutcome::Ignored, Some("budget_exhausted"))
    );
    fixture.add_mission(Mission {
        version: 2,
        ..active(
            1,
            Definition {
                budget: None,
                ..scarce
            },
        )
    });
    assert_eq!(watched(&mut fixture, NOON).tasks[0].status, TaskStatus::Completed);
}

#[test]
fn a_triggered_mission_with_evidence_waits_for_complete() {
    let proved = Definition {
        target: 1,
        evidence: Some(EvidenceRequirement {
            evidence_type: EvidenceType::WatchDuration,
            min_seconds: None,
            review: EvidenceReview::Automatic,
        }),
        ..watch("proved")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, proved));
    let task = watched(&mut fixture, NOON).tasks[0].clone();
    assert_eq!(
        (task.status, task.progress.is_complete()),
        (TaskStatus::InProgress, true)
    );
    assert_eq!(code(complete(&mut fixture, task.id)), "task_not_complete");
    show(&mut fixture, task.id, evidence(EvidenceType::WatchDuration, "3")).unwrap();
    assert!(complete(&mut fixture, task.id).is_ok());
}

#[test]
fn paused_missions_are_not_moved() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, watch("watch")));
    watched(&mut fixture, NOON);
    fixture.add_mission(Mission {
        version: 2,
        status: MissionStatus::Paused,
        ..active(1, watch("watch"))
    });
    assert_eq!(watched(&mut fixture, NOON).outcome, EventOutcome::Ignored);
    let started = StartTask {
        user: user(2),
        mission: mission_id(1),
    };
    assert_eq!(code(fixture.when(started)), "mission_not_active");
}

#[test]
fn a_cloud_event_must_have_the_form_of_one() {
    let good = CloudEvent {
        specversion: "1.0".to_owned(),
        id: "1".to_owned(),
        source: "player".to_owned(),
        event_type: "video.watched".to_owned(),
        subject: Some(user(1).to_string()),
        time: None,
        datacontenttype: None,
        grantid: None,
        correlationid: None,
        data: None,
    };
    let read = ActivityEvent::from_cloud_event(good.clone(), at(NOON)).unwrap();
    assert_eq!((read.user_id, read.time, read.data.len()), (user(1), at(NOON), 0));
    let text = |text: &str| text.to_owned();
    for (bad, field) in [
        (
            CloudEvent {
                specversion: text("0.3"),
                ..good.clone()
            },
            "specversion",
        ),
        (
            CloudEvent {
                id: text(""),
                ..good.clone()
            },
            "id",
        ),
        (
            CloudEvent {
                id: text("a\u{0}b"),
                ..good.clone()
            },
            "id",
        ),
        (
            CloudEvent {
                source: text(" "),
                ..good.clone()
            },
            "source",
        ),
        (
            CloudEvent {
                source: text("line\nbreak"),
                ..good.clone()
            },
            "source",
        ),
        (
            CloudEvent {
                event_type: "x".repeat(256),
                ..good.clone()
            },
            "type",
        ),
        (
            CloudEvent {
                subject: None,
                ..good.clone()
            },
            "subject",
        ),
        (
            CloudEvent {
                subject: Some(text("me")),
                ..good.clone()
            },
            "subject",
        ),
        (
            CloudEvent {
                data: Some(json!([1])),
                ..good.clone()
            },
            "data",
        ),
    ] {
        let why = ActivityEvent::from_cloud_event(bad, at(NOON)).unwrap_err();
        assert_eq!(why.field, field);
    }
}

#[test]
fn a_referral_counts_once_under_any_event_id() {
    let invite = Definition {
        target: 3,
        auto_start: true,
        ..triggered("invite-3", "referral.activated")
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, invite));
    let mut told = |inviter: u64, invitee: u64| {
        let data = json!({"inviterId": user(inviter), "inviteeId": user(invitee)});
        let result = fixture
            .event("referral.activated", user(inviter), NOON, &data)
            .unwrap();
        (
            result.outcome,
            result.reason,
            result.tasks.first().map(|task| task.progress.current()),
        )
    };
    let duplicate = (EventOutcome::Duplicate, Some("referral_counted".to_owned()), None);
    assert_eq!(told(1, 7), (EventOutcome::Applied, None, Some(1)));
    assert_eq!(told(1, 7), duplicate, "another event id, the same fact");
    assert_eq!(told(2, 7), duplicate, "an invitee has one inviter");
    let own = (EventOutcome::Ignored, Some("self_referral".to_owned()), None);
    assert_eq!(told(1, 1), own);
    assert_eq!(told(1, 8), (EventOutcome::Applied, None, Some(2)));
}

#[test]
fn an_event_that_contradicts_what_was_declared_of_it_is_rejected_and_can_come_again() {
    let mut definition = watch("watch");
    for trigger in definition.trigger.iter_mut() {
        trigger.fields.insert("seconds".to_owned(), FieldType::Integer);
    }
    let mut fixture = EngineFixture::at(NOON).with(active(1, definition));
    let event = |data: serde_json::Value| ActivityEvent {
        id: "e-1".to_owned(),
        source: "player".to_owned(),
        event_type: "video.watched".to_owned(),
        user_id: user(1),
        time: at(NOON),
        data: serde_json::from_value(data).unwrap(),
    };
    let mut told = |data| fixture.when(ApplyEvent { event: event(data) }).unwrap();
    let rejected = told(json!({"seconds": "40"}));
    assert_eq!(
        (rejected.outcome, rejected.reason.as_deref()),
        (EventOutcome::Rejected, Some("invalid_data"))
    );
    assert_eq!(
        rejected.detail.as_deref(),
        Some("`data.seconds` must be a whole number, and is \"40\"")
    );
    // The sender corrects it under the same id; what was not declared may be there.
    let applied = told(json!({"seconds": 40, "player": "web"}));
    assert_eq!(applied.outcome, EventOutcome::Applied);
}

#[test]
fn friendships_are_told_by_events() {
    use mission_core::ports::queries::Queries as _;
    let mut fixture = EngineFixture::at(NOON).with(active(1, triggered("friends", "friendship.created")));
    let friends =
        |fixture: &EngineFixture, who| pollster::block_on(fixture.store.friends(user(who), 10)).unwrap();
    let told = json!({"friendId": user(2)});
    let made = fixture.event("friendship.created", user(1), NOON, &told).unwrap();
    assert_eq!(made.outcome, EventOutcome::Applied);
    assert_eq!(made.tasks, [], "nobody has started the mission");
    assert_eq!(
        (friends(&fixture, 1), friends(&fixture, 2)),
        (vec![user(2)], vec![user(1)])
    );
    let ended = fixture.event(
        "friendship.ended",
        user(2),
        "2026-01-05T12:01:00Z",
        &json!({"friendId": user(1)}),
    );
    assert_eq!(ended.unwrap().outcome, EventOutcome::Applied);
    assert!(friends(&fixture, 1).is_empty() && friends(&fixture, 2).is_empty());
    // What happened before comes late.
    let late = fixture
        .event("friendship.created", user(1), "2026-01-05T11:00:00Z", &told)
        .unwrap();
    assert_eq!(late.outcome, EventOutcome::Applied);
    assert!(friends(&fixture, 1).is_empty());
    for data in [
        json!({}),
        json!({"friendId": "bert"}),
        json!({"friendId": user(1)}),
    ] {
        let refused = fixture.event("friendship.created", user(1), NOON, &data).unwrap();
        assert_eq!(refused.reason.as_deref(), Some("invalid_data"), "{data}");
        assert!(refused.detail.is_some_and(|detail| detail.contains("friendId")));
    }
}
