//! Missions edited while tasks of them run: a task keeps its mission's version, or moves with it as a whole.

use std::collections::BTreeMap;

use mission_core::{
    engine::{ExpireDue, PutPack, UpdateMission, pack_id},
    event::{EventOutcome, EventResult, IntegrationEvent},
    mission::{Definition, Frequency, MissionStatus},
    task::{Task, TaskStatus},
    testing::{EngineFixture, active, at, definition, mission_id, points, user},
};
use serde_json::json;

use crate::play::{claim, code, complete, progress, scripted, start, triggered};

const NOON: &str = "2026-01-05T12:00:00Z";

fn pack(missions: &[(u64, Definition)]) -> PutPack {
    PutPack {
        pack: pack_id("p"),
        name: "p".to_owned(),
        files: BTreeMap::from([("missions".to_owned(), format!("{missions:?}"))]),
        missions: missions
            .iter()
            .map(|(n, definition)| (mission_id(*n), definition.clone()))
            .collect(),
        policy: None,
        caps: Vec::new(),
        activate: true,
    }
}

/// A fixture whose mission 1 is in the store, so that it can be edited.
fn with(definition: Definition) -> EngineFixture {
    put_into(EngineFixture::at(NOON), definition)
}

fn put_into(mut fixture: EngineFixture, definition: Definition) -> EngineFixture {
    fixture.when(pack(&[(1, definition)])).unwrap();
    fixture
}

fn edit(fixture: &mut EngineFixture, definition: Definition) {
    let edit = UpdateMission {
        mission: mission_id(1),
        expected_version: None,
        definition,
    };
    fixture.when(edit).unwrap();
}

fn worth(definition: Definition, target: u64, points: u32) -> Definition {
    let mut definition = definition;
    definition.target = target;
    definition.reward.points = points.into();
    definition
}

fn watched(fixture: &mut EngineFixture, time: &str) -> EventResult {
    fixture.event("video.watched", user(1), time, &json!({})).unwrap()
}

fn task(fixture: &EngineFixture) -> Task {
    let tasks: Vec<Task> = fixture.store.records().task.into_values().flatten().collect();
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    tasks.into_iter().next().unwrap()
}

#[test]
fn a_running_task_keeps_its_target_and_its_reward() {
    let mut fixture = with(worth(definition("read"), 2, 10));
    let old = start(&mut fixture, 1).unwrap();
    edit(&mut fixture, worth(definition("read"), 5, 70));
    progress(&mut fixture, old.id, 2).unwrap();
    let done = complete(&mut fixture, old.id).unwrap().task;
    assert_eq!((done.mission_version, done.progress.target()), (1, 2));
    let reward = claim(&mut fixture, old.id).unwrap().reward;
    assert_eq!(
        (reward.amount.points, reward.mission_version),
        (points("10"), Some(1))
    );
    let told = fixture.events();
    let versions: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            IntegrationEvent::RewardClaimed(claimed) => Some(claimed.mission_version),
            IntegrationEvent::MissionCompleted(completed) => Some(completed.mission_version),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [Some(1), Some(1)]);
}

#[test]
fn a_running_task_keeps_its_rules_and_its_script() {
    let scripted_with = |script: &str| Definition {
        script: Some(script.to_owned()),
        auto_start: true,
        ..worth(triggered("watch", "video.watched"), 4, 10)
    };
    let mut fixture = put_into(scripted(NOON), scripted_with("progress 1"));
    watched(&mut fixture, NOON);
    edit(&mut fixture, scripted_with("fail"));
    edit(&mut fixture, scripted_with("progress 3"));
    let moved = watched(&mut fixture, NOON);
    assert_eq!(moved.tasks[0].progress.current(), 2, "by the script of version 1");
}

#[test]
fn a_task_that_starts_after_an_edit_has_the_new_version() {
    let mut fixture = with(worth(definition("read"), 2, 10));
    edit(&mut fixture, worth(definition("read"), 5, 70));
    let new = start(&mut fixture, 1).unwrap();
    assert_eq!((new.mission_version, new.progress.target()), (2, 5));
}

#[test]
fn an_edit_may_take_running_tasks_along_as_a_whole() {
    let mut fixture = with(worth(definition("read"), 5, 10));
    let old = start(&mut fixture, 1).unwrap();
    progress(&mut fixture, old.id, 4).unwrap();
    edit(&mut fixture, worth(definition("read"), 6, 30));
    let along = Definition {
        apply_to_running: true,
        ..worth(definition("read"), 3, 70)
    };
    edit(&mut fixture, along);
    let done = complete(&mut fixture, old.id).unwrap().task;
    assert_eq!((done.progress.current(), done.progress.target()), (3, 3));
    let reward = claim(&mut fixture, old.id).unwrap().reward;
    assert_eq!(
        (reward.amount.points, reward.mission_version),
        (points("70"), Some(3))
    );
}

#[test]
fn texts_window_and_budget_are_those_of_now() {
    let mut fixture = with(worth(definition("read"), 2, 10));
    let old = start(&mut fixture, 1).unwrap();
    let ended = Definition {
        ends_at: Some(at("2026-01-05T11:00:00Z")),
        ..worth(definition("read"), 5, 70)
    };
    edit(&mut fixture, ended);
    assert_eq!(code(progress(&mut fixture, old.id, 1)), "task_not_open");
    edit(&mut fixture, worth(definition("read"), 5, 70));
    assert!(progress(&mut fixture, old.id, 1).is_ok());
}

fn watch(frequency: Frequency) -> Definition {
    Definition {
        frequency,
        auto_start: true,
        ..worth(triggered("watch", "video.watched"), 2, 10)
    }
}

#[test]
fn another_frequency_leaves_running_tasks_as_they_were() {
    let mut fixture = with(watch(Frequency::OneTime));
    let first = watched(&mut fixture, NOON).tasks[0].clone();
    edit(&mut fixture, watch(Frequency::Daily));
    fixture.set_time("2026-01-07T12:00:00Z");
    let moved = watched(&mut fixture, "2026-01-07T12:00:00Z").tasks[0].clone();
    assert_eq!((moved.id, moved.status), (first.id, TaskStatus::Completed));
    let next = watched(&mut fixture, "2026-01-07T12:00:00Z").tasks[0].clone();
    assert_eq!(next.period.to_string(), "2026-01-07");
}

#[test]
fn another_frequency_that_takes_running_tasks_along_gives_them_the_period_of_their_start() {
    let mut fixture = with(watch(Frequency::OneTime));
    let first = watched(&mut fixture, NOON).tasks[0].clone();
    let along = Definition {
        apply_to_running: true,
        ..watch(Frequency::Daily)
    };
    edit(&mut fixture, along);
    fixture.set_time("2026-01-06T12:00:00Z");
    let today = watched(&mut fixture, "2026-01-06T12:00:00Z").tasks[0].clone();
    assert_ne!(today.id, first.id, "the first is of the day before");
    let late = watched(&mut fixture, "2026-01-05T23:00:00Z").tasks[0].clone();
    assert_eq!((late.id, late.status), (first.id, TaskStatus::Completed));
}

#[test]
fn a_task_that_was_taken_along_expires_as_the_new_definition_says() {
    let mut fixture = with(watch(Frequency::OneTime));
    let first = watched(&mut fixture, NOON).tasks[0].clone();
    let along = Definition {
        apply_to_running: true,
        ..watch(Frequency::Daily)
    };
    edit(&mut fixture, along);
    fixture.set_time("2026-01-13T00:00:00Z");
    let expire = ExpireDue {
        user: user(1),
        tasks: vec![first.id],
        rewards: vec![],
    };
    assert_eq!(fixture.when(expire).unwrap().tasks, 1);
}

#[test]
fn another_trigger_leaves_running_tasks_to_the_old_events() {
    let mut fixture = with(watch(Frequency::OneTime));
    watched(&mut fixture, NOON);
    let other = Definition {
        trigger: triggered("watch", "article.read").trigger,
        ..watch(Frequency::OneTime)
    };
    edit(&mut fixture, other);
    let read = fixture.event("article.read", user(1), NOON, &json!({})).unwrap();
    assert_eq!(read.outcome, EventOutcome::Ignored, "{read:?}");
    assert_eq!(watched(&mut fixture, NOON).tasks[0].status, TaskStatus::Completed);
    let other_user = fixture.event("video.watched", user(2), NOON, &json!({})).unwrap();
    assert_eq!(
        other_user.outcome,
        EventOutcome::Ignored,
        "nobody starts by it any more"
    );
}

#[test]
fn an_edit_of_texts_is_none_for_tasks() {
    let mut fixture = with(worth(definition("read"), 2, 10));
    start(&mut fixture, 1).unwrap();
    for priority in 1..=3 {
        edit(
            &mut fixture,
            Definition {
                priority,
                ..worth(definition("read"), 2, 10)
            },
        );
    }
    let mission = fixture.store.records().mission[&mission_id(1)].clone().unwrap();
    assert_eq!((mission.version, mission.editions.len()), (4, 0));
}

#[test]
fn who_has_started_a_mission_that_its_pack_drops_may_finish_it() {
    let mut fixture = with(watch(Frequency::Daily));
    watched(&mut fixture, NOON);
    fixture.when(pack(&[(2, definition("other"))])).unwrap();
    let other = fixture.event("video.watched", user(2), NOON, &json!({})).unwrap();
    assert_eq!(other.outcome, EventOutcome::Ignored, "nobody starts it");
    assert_eq!(watched(&mut fixture, NOON).tasks[0].status, TaskStatus::Completed);
    let done = task(&fixture).id;
    assert!(claim(&mut fixture, done).is_ok());
    assert_eq!(
        watched(&mut fixture, NOON).outcome,
        EventOutcome::Ignored,
        "nor does who finished it"
    );
}

#[test]
fn a_mission_that_comes_back_into_its_pack_is_what_it_was() {
    let mut fixture = with(watch(Frequency::Daily));
    let status = |fixture: &EngineFixture| {
        let mission = fixture.store.records().mission[&mission_id(1)].clone().unwrap();
        (mission.status, mission.version)
    };
    fixture.when(pack(&[])).unwrap();
    assert_eq!(status(&fixture), (MissionStatus::Archived, 2));
    fixture.when(pack(&[(1, watch(Frequency::Daily))])).unwrap();
    assert_eq!(status(&fixture), (MissionStatus::Active, 3));
    assert_eq!(watched(&mut fixture, NOON).outcome, EventOutcome::Applied);
}

#[test]
fn a_task_of_before_versions_were_kept_has_the_earliest() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, worth(definition("read"), 2, 10)));
    let started = start(&mut fixture, 1).unwrap();
    let json = serde_json::to_value(&started).unwrap();
    let mut json = json.as_object().unwrap().clone();
    json.remove("mission_version");
    let before: Task = serde_json::from_value(json.into()).unwrap();
    assert_eq!(before.mission_version, 0);
}
