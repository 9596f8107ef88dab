//! Tasks that move are told to those who follow, and to nobody where nobody does.

use std::sync::{Arc, atomic::AtomicBool};

use mission_core::{
    engine::{
        ApplyEvent, CheckIn, Command, CompleteTask, EngineBuilder, ReportProgress, Signals, StartTask,
        run_blocking, start,
    },
    event::{IntegrationEvent, TaskProgressed},
    memory::MemoryStore,
    mission::Definition,
    task::TaskStatus,
    testing::{CountingIds, EngineFixture, FixedClock, active, at, definition, mission_id, user},
};

use crate::play::triggered;

const NOON: &str = "2026-01-05T12:00:00Z";

fn of_three(code: &str) -> Definition {
    Definition {
        target: 3,
        ..definition(code)
    }
}

/// Carries a command out with progress told of.
fn told(fixture: &mut EngineFixture, command: impl Into<Command>) -> Vec<(u64, u64, TaskStatus)> {
    let before = fixture.events().len();
    let step = start(
        vec![fixture.request(command)],
        Arc::clone(&fixture.catalog),
        false,
    );
    let settled = run_blocking(&mut fixture.store, step.telling_progress(true));
    assert_eq!(settled.len(), 1);
    moved(&fixture.events()[before..])
}

fn moved(events: &[IntegrationEvent]) -> Vec<(u64, u64, TaskStatus)> {
    let moved = events.iter().filter_map(|event| match event {
        IntegrationEvent::TaskProgressed(TaskProgressed {
            progress,
            target,
            status,
            ..
        }) => Some((*progress, *target, *status)),
        _ => None,
    });
    moved.collect()
}

#[test]
fn every_move_of_a_task_is_told_once_and_nothing_else() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, of_three("three")));
    let begin = StartTask {
        user: user(1),
        mission: mission_id(1),
    };
    assert_eq!(told(&mut fixture, begin), [], "its start tells it");
    let records = fixture.store.records().task;
    let task = records.into_values().flatten().next().unwrap().id;
    let report = |value| ReportProgress {
        user: user(1),
        task,
        value,
    };
    let in_progress = TaskStatus::InProgress;
    assert_eq!(told(&mut fixture, report(2)), [(2, 3, in_progress)]);
    assert_eq!(told(&mut fixture, report(2)), [], "it is there already");
    assert_eq!(told(&mut fixture, report(9)), [(3, 3, in_progress)]);
    let complete = CompleteTask { user: user(1), task };
    assert_eq!(told(&mut fixture, complete), [(3, 3, TaskStatus::Completed)]);
    assert_eq!(told(&mut fixture, CheckIn { user: user(1) }), []);
}

#[test]
fn a_task_that_an_event_starts_is_told_and_a_shadow_missions_is_not() {
    let by_event = |code: &str, shadow: bool| Definition {
        auto_start: true,
        target: 3,
        shadow,
        ..triggered(code, "video.watched")
    };
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, by_event("seen", false)))
        .with(active(2, by_event("tried-out", true)));
    let event = mission_core::event::ActivityEvent {
        id: "e-1".to_owned(),
        source: "test".to_owned(),
        event_type: "video.watched".to_owned(),
        user_id: user(1),
        time: at(NOON),
        data: serde_json::Map::new(),
    };
    let apply = ApplyEvent { event };
    assert_eq!(told(&mut fixture, apply), [(1, 3, TaskStatus::InProgress)]);
    assert_eq!(
        fixture.store.records().task.len(),
        2,
        "the shadow mission has one, too"
    );
}

#[tokio::test]
async fn nothing_is_told_while_nobody_follows() {
    let followed = Arc::new(AtomicBool::new(false));
    let store = MemoryStore::default();
    let mut fixture = EngineFixture::at(NOON).with(active(1, of_three("three")));
    fixture.store = store.clone();
    let (engine, writer) =
        EngineBuilder::new(store.clone(), FixedClock::at(at(NOON)), CountingIds::default())
            .catalog((*fixture.catalog).clone())
            .progress_events_while(Arc::clone(&followed))
            .build();
    let writing = tokio::spawn(writer.run());
    let begin = StartTask {
        user: user(1),
        mission: mission_id(1),
    };
    let task = engine
        .execute(begin, Signals::default(), None)
        .await
        .unwrap()
        .reply
        .task
        .id;
    for (value, is_followed) in [(1, false), (2, true), (3, false)] {
        followed.store(is_followed, std::sync::atomic::Ordering::Relaxed);
        let report = ReportProgress {
            user: user(1),
            task,
            value,
        };
        engine.execute(report, Signals::default(), None).await.unwrap();
    }
    assert_eq!(moved(&fixture.events()), [(2, 3, TaskStatus::InProgress)]);
    drop(engine);
    writing.await.unwrap();
}
