//! What an event does counts as of its own time, however late and in whatever order it is told.

use std::collections::BTreeMap;

use mission_core::{
    engine::{CheckIn, StartTask},
    event::{EventOutcome, EventResult, IntegrationEvent},
    mission::{Definition, Frequency},
    ports::rules::{
        CompileError, EvidenceVerdict, FailureKind, RewardPatch, RuleContext, RuleFailure, Script,
        ScriptCompiler,
    },
    task::{Task, TaskStatus},
    testing::{EngineFixture, active, at, mission_id, user},
};
use proptest::prelude::*;
use serde_json::json;

use crate::play::{scripted, triggered};

/// Told when all of it is over.
const TOLD: &str = "2026-01-07T12:00:00Z";

fn clip(frequency: Frequency, target: u64, cooldown_seconds: u32) -> Definition {
    Definition {
        frequency,
        target,
        cooldown_seconds,
        auto_start: true,
        ..triggered("clip", "video.watched")
    }
}

fn watched(fixture: &mut EngineFixture, time: &str) -> EventResult {
    fixture.event("video.watched", user(1), time, &json!({})).unwrap()
}

fn tasks(fixture: &EngineFixture) -> Vec<Task> {
    let mut tasks: Vec<Task> = fixture.store.records().task.into_values().flatten().collect();
    tasks.sort_by_key(|task| task.started_at);
    tasks
}

fn completions(fixture: &EngineFixture) -> usize {
    let done = |task: &&Task| task.status == TaskStatus::Completed;
    tasks(fixture).iter().filter(done).count()
}

#[test]
fn a_cooldown_counts_between_the_times_of_events() {
    let mut fixture = EngineFixture::at(TOLD).with(active(1, clip(Frequency::Unlimited, 1, 60)));
    for hour in 1..=5 {
        let told = watched(&mut fixture, &format!("2026-01-06T0{hour}:00:00Z"));
        assert_eq!(
            told.outcome,
            EventOutcome::Applied,
            "hour {hour}: {:?}",
            told.reason
        );
    }
    for (time, moved) in [
        ("2026-01-06T05:00:59Z", false),
        ("2026-01-06T02:59:01Z", false),
        ("2026-01-06T05:01:00Z", true),
        ("2026-01-06T02:59:00Z", true),
    ] {
        let told = watched(&mut fixture, time);
        let expected = if moved { None } else { Some("cooldown") };
        assert_eq!(told.reason.as_deref(), expected, "{time}");
    }
}

#[test]
fn late_work_has_the_times_of_its_events() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut fixture = EngineFixture::at(TOLD).with(active(1, clip(Frequency::Daily, 3, 0)));
        let times = [
            "2026-01-05T08:00:00Z",
            "2026-01-05T09:00:00Z",
            "2026-01-05T10:00:00Z",
        ];
        for event in order {
            watched(&mut fixture, times[event]);
        }
        let tasks = tasks(&fixture);
        let [task] = tasks.as_slice() else {
            panic!("one task: {tasks:?}")
        };
        assert_eq!(task.started_at, at(times[0]), "{order:?}");
        assert_eq!(task.completed_at, Some(at(times[2])), "{order:?}");
        assert_eq!(task.progress.last_updated(), at(times[2]), "{order:?}");
        let reward = fixture
            .store
            .records()
            .reward
            .into_values()
            .flatten()
            .next()
            .unwrap();
        assert_eq!(reward.earned_at, at(times[2]), "{order:?}");
        let told = fixture.events();
        let [IntegrationEvent::TaskStarted(started)] = told.as_slice() else {
            panic!("one task was started: {told:?}")
        };
        assert_eq!(started.started_at, at(times[order[0]]), "as it was known then");
    }
}

#[test]
fn the_reward_of_late_work_can_be_claimed_for_as_long_as_any() {
    let mut brief = clip(Frequency::Daily, 1, 0);
    brief.reward.expires_after_days = Some(1);
    let mut fixture = EngineFixture::at(TOLD).with(active(1, brief));
    watched(&mut fixture, "2026-01-03T08:00:00Z");
    let reward = fixture
        .store
        .records()
        .reward
        .into_values()
        .flatten()
        .next()
        .unwrap();
    assert_eq!(reward.expires_at, Some(at("2026-01-08T12:00:00Z")));
}

#[test]
fn an_event_of_before_the_user_started_does_not_count() {
    let by_hand = Definition {
        auto_start: false,
        ..clip(Frequency::OneTime, 3, 0)
    };
    let mut fixture = EngineFixture::at(TOLD).with(active(1, by_hand));
    let start = StartTask {
        user: user(1),
        mission: mission_id(1),
    };
    fixture.when(start).unwrap();
    let before = watched(&mut fixture, "2026-01-07T11:54:59Z");
    assert_eq!(before.outcome, EventOutcome::Ignored);
    let clocks_differ = watched(&mut fixture, "2026-01-07T11:55:00Z");
    assert_eq!(clocks_differ.tasks[0].progress.current(), 1);
    assert_eq!(clocks_differ.tasks[0].started_at, at(TOLD));
}

/// A script that gives the streak that it sees as points.
struct StreakAsPoints;

impl ScriptCompiler for StreakAsPoints {
    fn compile(&self, _: &str) -> Result<std::sync::Arc<dyn Script>, CompileError> {
        Ok(std::sync::Arc::new(StreakScript))
    }
}

#[derive(Debug)]
struct StreakScript;

impl Script for StreakScript {
    fn eligible(&self, _: &RuleContext<'_>) -> Result<Option<bool>, RuleFailure> {
        Ok(None)
    }
    fn progress(&self, _: &RuleContext<'_>) -> Result<Option<u64>, RuleFailure> {
        Ok(None)
    }
    fn verify(&self, _: &RuleContext<'_>) -> Result<Option<EvidenceVerdict>, RuleFailure> {
        Ok(None)
    }
    fn reward(&self, context: &RuleContext<'_>) -> Result<Option<RewardPatch>, RuleFailure> {
        let streak = context.streak;
        Ok(Some(RewardPatch {
            points: Some((streak.current * 10_000 + streak.longest * 100 + streak.total).into()),
            ..RewardPatch::default()
        }))
    }

    fn risk(&self, _: &RuleContext<'_>) -> Result<Option<mission_core::fraud::RiskAssessment>, RuleFailure> {
        Ok(None)
    }
}

#[test]
fn rules_see_the_streak_of_the_moment() {
    let mission = Definition {
        script: Some("streak".to_owned()),
        ..clip(Frequency::Unlimited, 1, 0)
    };
    let compiler = std::sync::Arc::new(StreakAsPoints);
    let mut fixture = EngineFixture::set_up(at(TOLD), Default::default(), compiler).with(active(1, mission));
    // Three days, one missed, and a new streak.
    for day in ["03", "04", "05", "07"] {
        fixture.set_time(&format!("2026-01-{day}T10:00:00Z"));
        fixture.when(CheckIn { user: user(1) }).unwrap();
    }
    fixture.set_time(TOLD);
    let mut seen = |time: &str| {
        let task = watched(&mut fixture, time).tasks[0].clone();
        let reward = fixture.store.records().reward[&(user(1), task.reward_id.unwrap())].clone();
        reward.unwrap().amount.points.get()
    };
    for (time, current, longest, total) in [
        ("2026-01-03T09:59:59Z", 0, 0, 0),
        ("2026-01-03T10:00:00Z", 1, 1, 1),
        ("2026-01-05T09:00:00Z", 2, 2, 2),
        ("2026-01-05T11:00:00Z", 3, 3, 3),
        ("2026-01-06T11:00:00Z", 3, 3, 3),
        ("2026-01-07T09:00:00Z", 0, 3, 3),
        ("2026-01-07T11:00:00Z", 1, 3, 4),
    ] {
        let expected = current * 10_000 + longest * 100 + total;
        assert_eq!(seen(time), expected.into(), "{time}");
    }
}

#[test]
fn an_amount_out_of_bounds_is_reported_though_another_mission_moved() {
    let mut fixture = scripted(TOLD);
    for (n, script) in [(1, "reward 1000000001"), (2, "reward 5")] {
        let mission = Definition {
            script: Some(script.to_owned()),
            code: format!("clip-{n}").parse().unwrap(),
            ..clip(Frequency::Unlimited, 1, 0)
        };
        fixture.add_mission(active(n, mission));
    }
    let told = watched(&mut fixture, TOLD);
    assert_eq!((told.outcome, told.tasks.len()), (EventOutcome::Applied, 1));
    assert_eq!(told.failures.len(), 1, "{told:?}");
    let fault = &told.failures[0];
    assert_eq!(
        (fault.mission_id, fault.kind),
        (mission_id(1), FailureKind::Amount)
    );
}

proptest! {
    /// Told in reverse, the same is counted, where each completion takes one event.
    #[test]
    fn the_order_of_telling_changes_no_count(
        minutes in proptest::collection::btree_set(0_u32..600, 1..25),
        frequency in prop::sample::select(vec![
            Frequency::OneTime, Frequency::Daily, Frequency::Weekly, Frequency::Monthly, Frequency::Unlimited,
        ]),
        cooldown in prop::sample::select(vec![0_u32, 60, 600, 3600, 100_000]),
    ) {
        let count = |minutes: &mut dyn Iterator<Item = &u32>| {
            let mut fixture = EngineFixture::at(TOLD).with(active(1, clip(frequency, 1, cooldown)));
            for minute in minutes {
                let time = at("2026-01-04T20:00:00Z") + chrono::Duration::minutes(i64::from(*minute));
                watched(&mut fixture, &time.to_rfc3339());
            }
            completions(&fixture)
        };
        prop_assert_eq!(count(&mut minutes.iter()), count(&mut minutes.iter().rev()));
    }

    /// Without a cooldown, tasks of several events come to the same counts and progress in reverse.
    #[test]
    fn tasks_of_several_events_come_to_the_same_in_reverse(
        minutes in proptest::collection::btree_set(0_u32..3000, 1..25),
        target in 1_u64..5,
        frequency in prop::sample::select(vec![Frequency::Daily, Frequency::Weekly, Frequency::Unlimited]),
    ) {
        let sums = |minutes: &mut dyn Iterator<Item = &u32>| {
            let mut fixture = EngineFixture::at(TOLD).with(active(1, clip(frequency, target, 0)));
            for minute in minutes {
                let time = at("2026-01-04T20:00:00Z") + chrono::Duration::minutes(i64::from(*minute));
                watched(&mut fixture, &time.to_rfc3339());
            }
            let mut sums: BTreeMap<String, (usize, u64)> = BTreeMap::new();
            for task in tasks(&fixture) {
                let (done, progress) = sums.entry(task.period.to_string()).or_default();
                *done += usize::from(task.status == TaskStatus::Completed);
                *progress += task.progress.current();
            }
            sums
        };
        prop_assert_eq!(sums(&mut minutes.iter()), sums(&mut minutes.iter().rev()));
    }
}
