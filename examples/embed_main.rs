//! The engine in a plain `main`: no server, no async runtime, no database. One thread is the writer, the rest of the
//! program asks it.
//!
//! ```text
//! cargo run --example embed_main
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use chrono::{DateTime, Duration, Utc};
use mission_core::{
    MissionId, UserId,
    engine::{
        ApplyEvent, CheckIn, ClaimTask, CreateMission, Engine, EngineBuilder, ExecuteError, MoveMission,
        Rejection, Signals, StartTask, TypedCommand,
    },
    event::ActivityEvent,
    memory::MemoryStore,
    mission::StatusTransition,
    ports::clock::Clock,
    system::V7Ids,
    task::TaskStatus,
};
use pollster::block_on;
use serde_json::json;

const WATCH_TWO_VIDEOS: &str = r#"{
    "code": "watch-2-videos", "type": "watch_video", "frequency": "daily", "target": 2,
    "title": {"en": "Watch 2 videos"}, "description": {"en": "Any two."},
    "trigger": {"event": "video.watched"}, "reward": {"points": "12.5"}
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(Calendar(Mutex::new("2026-01-05T10:00:00Z".parse()?)));
    // No missions yet, the default policies, and no scripts.
    let (engine, writer) = EngineBuilder::new(MemoryStore::default(), Arc::clone(&clock), V7Ids).build();
    let writing = thread::spawn(|| block_on(writer.run()));

    // A user starts a mission; two activity events complete it; its reward is claimed, once.
    let (user, mission) = (UserId(engine.next_id()), active_mission(&engine)?);
    let task = ask(&engine, StartTask { user, mission })?.task;
    for id in ["first", "second"] {
        let event = video_watched(user, id, engine.now());
        let moved = ask(&engine, ApplyEvent { event })?.tasks.remove(0);
        println!(
            "{id} video: progress {}, {:?}",
            moved.progress.current(),
            moved.status
        );
        assert_eq!(
            moved.progress.is_complete(),
            moved.status == TaskStatus::Completed
        );
    }
    let claimed = ask(&engine, ClaimTask { user, task: task.id })?.reward;
    let again = ask(&engine, ClaimTask { user, task: task.id });
    assert_eq!(again, Err(Rejection::AlreadyClaimed.into()));
    println!("claimed {} points, once", claimed.amount.points);

    // The user comes on seven days: the seventh reaches the first milestone.
    for day in 1..=7 {
        let visit = ask(&engine, CheckIn { user })?;
        let (streak, earned) = (visit.streak.current, visit.day.earned);
        println!("{}: streak {streak}, {} points", visit.date(), earned.total());
        assert_eq!((streak, earned.is_milestone()), (day, day == 7));
        clock.advance(Duration::days(1));
    }
    drop(engine);
    writing.join().map_err(|_| "the writer panicked".into())
}

/// An operator makes a mission and activates it.
fn active_mission(engine: &Engine) -> Result<MissionId, Box<dyn Error>> {
    let mission = MissionId(engine.next_id());
    let definition = serde_json::from_str(WATCH_TWO_VIDEOS)?;
    ask(engine, CreateMission { mission, definition })?;
    let (asked, expected_version) = (StatusTransition::Activate, None);
    ask(
        engine,
        MoveMission {
            mission,
            asked,
            expected_version,
        },
    )?;
    Ok(mission)
}

/// Waits for a command's reply.
fn ask<I: TypedCommand>(engine: &Engine, intent: I) -> Result<I::Reply, ExecuteError> {
    Ok(block_on(engine.execute(intent, Signals::default(), None))?.reply)
}

fn video_watched(user_id: UserId, id: &str, time: DateTime<Utc>) -> ActivityEvent {
    ActivityEvent {
        id: id.to_owned(),
        source: "player".to_owned(),
        event_type: "video.watched".to_owned(),
        user_id,
        time,
        data: [("seconds".to_owned(), json!(35))].into_iter().collect(),
    }
}

/// The domain's time, so that a week passes in an instant. A service gives `Utc::now()`.
struct Calendar(Mutex<DateTime<Utc>>);

impl Calendar {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for Calendar {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
