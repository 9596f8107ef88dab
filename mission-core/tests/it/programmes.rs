//! What real programmes need: several triggers, events that the engine raises itself, some of several missions, different
//! shops, streaks, stages, orders that are refunded, what rules may know of a user's past.

use mission_core::{
    TaskId,
    check_in::{CheckInPolicy, PolicyFile},
    engine::{ClaimReward, ClaimTask, DescribeUser, PackPolicy, RevokeReward},
    event::{EventOutcome, EventResult, IntegrationEvent},
    mission::Definition,
    reward::{Reward, RewardStatus},
    task::{Task, TaskStatus},
    testing::{EngineFixture, active, user},
    user::{LevelTable, PointsCap, UserUpdate},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::play::{check_in, claim, claim_reward, code, complete, done, explain, scripted, start, written};

const MONDAY: &str = "2026-01-05T12:00:00Z";

fn flaws(fields: &Value) -> Vec<String> {
    let mut definition = json!({
        "code": "a", "type": "custom", "frequency": "one_time", "title": {"en": "a"}, "description": {"en": "b"},
    });
    definition
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let definition: Definition = serde_json::from_value(definition).unwrap();
    let flaws = definition.validation_errors().into_iter();
    flaws.map(|flaw| flaw.to_string()).collect()
}

fn happens(fixture: &mut EngineFixture, event: &str, time: &str, data: &Value) -> EventResult {
    fixture.set_time(time);
    fixture.event(event, user(1), time, data).unwrap()
}

/// The latest task of a mission.
fn task_of(fixture: &EngineFixture, mission: u64) -> Option<Task> {
    let tasks = fixture.store.records().task.into_values().flatten();
    tasks
        .filter(|task| task.mission_id == mission_core::testing::mission_id(mission))
        .max_by_key(|task| (task.started_at, task.id))
}

fn current(fixture: &EngineFixture, mission: u64) -> u64 {
    task_of(fixture, mission).map_or(0, |task| task.progress.current())
}

fn rewards(fixture: &EngineFixture) -> Vec<Reward> {
    let mut rewards: Vec<Reward> = fixture.store.records().reward.into_values().flatten().collect();
    rewards.sort_by_key(|reward| (reward.earned_at, reward.amount.points));
    rewards
}

#[test]
fn any_of_several_events_moves_a_mission() {
    let learn = json!({"target": 3, "trigger": [{"event": "video.watched"}, {"event": "article.read"}]});
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("learn", &learn)));
    happens(&mut fixture, "video.watched", MONDAY, &json!({}));
    happens(&mut fixture, "article.read", MONDAY, &json!({}));
    assert_eq!(
        happens(&mut fixture, "song.heard", MONDAY, &json!({})).outcome,
        EventOutcome::Ignored
    );
    assert_eq!(current(&fixture, 1), 2);
    assert_eq!(
        flaws(&json!({"trigger": [{"event": "a"}, {"event": "a"}]})),
        ["`trigger.1.event`: `a` stands in another trigger too"]
    );
}

#[test]
fn a_completed_mission_moves_those_that_listen() {
    let mut fixture = EngineFixture::at(MONDAY)
        .with(active(
            1,
            written(
                "watch",
                &json!({"frequency": "daily", "category": "video", "trigger": {"event": "video.watched"}}),
            ),
        ))
        .with(active(2, written("read", &json!({}))))
        .with(active(
            3,
            written(
                "five",
                &json!({"target": 5, "trigger": {"event": "mission.completed"}}),
            ),
        ))
        .with(active(
            4,
            written(
                "two",
                &json!({"target": 2, "trigger": {"event": "mission.completed"}}),
            ),
        ))
        .with(active(
            5,
            written(
                "videos",
                &json!({
                    "target": 2, "trigger": {"event": "mission.completed"},
                    "rules": [{"rule_type": "event.data.category", "operator": "eq", "value": "video"}],
                }),
            ),
        ))
        .with(active(
            6,
            written(
                "after-two",
                &json!({
                    "trigger": {"event": "mission.completed"},
                    "rules": [{"rule_type": "event.data.mission", "operator": "eq", "value": "two"}],
                }),
            ),
        ));
    let result = happens(&mut fixture, "video.watched", MONDAY, &json!({}));
    assert_eq!(
        result.tasks.len(),
        4,
        "the video, and all that count it: {result:?}"
    );
    done(&mut fixture, 2);
    // What counts completions counts no other such mission, unless it names it.
    assert_eq!(
        [3, 4, 5, 6].map(|mission| current(&fixture, mission)),
        [2, 2, 1, 1]
    );
    assert_eq!(task_of(&fixture, 4).unwrap().status, TaskStatus::Completed);
    assert_eq!(task_of(&fixture, 6).unwrap().status, TaskStatus::Completed);
}

#[test]
fn missions_that_complete_each_other_come_to_an_end() {
    let after = |other: &str| {
        json!({
            "frequency": "unlimited", "trigger": {"event": "mission.completed"},
            "rules": [{"rule_type": "event.data.mission", "operator": "eq", "value": other}],
        })
    };
    let mut fixture = EngineFixture::at(MONDAY)
        .with(active(1, written("a", &after("b"))))
        .with(active(2, written("b", &after("a"))))
        .with(active(
            3,
            written(
                "c",
                &json!({
                    "frequency": "unlimited", "trigger": [{"event": "go"}, {"event": "mission.completed"}],
                }),
            ),
        ));
    fixture.add_mission(active(
        4,
        written(
            "d",
            &json!({
                "frequency": "unlimited", "trigger": {"event": "mission.completed"},
                "rules": [{"rule_type": "event.data.mission", "operator": "in", "value": "c,a"}],
            }),
        ),
    ));
    let result = happens(&mut fixture, "go", MONDAY, &json!({}));
    assert_eq!(result.tasks.len(), 2, "c, and d after it");
    fixture.add_mission(active(1, written("a", &json!({"frequency": "unlimited", "trigger": [{"event": "start"}, {"event": "mission.completed"}]}))));
    // a moves b and d, b may not move a again.
    let result = happens(&mut fixture, "start", MONDAY, &json!({}));
    assert_eq!(result.tasks.len(), 3, "{result:?}");
}

#[test]
fn a_check_in_and_a_new_level_move_missions() {
    let levels = LevelTable::try_from(vec![0, 20, 100]).unwrap();
    let mut fixture = EngineFixture::at(MONDAY)
        .with_policy(PackPolicy {
            levels: Some(levels),
            ..PackPolicy::default()
        })
        .with(active(
            1,
            written(
                "three-visits",
                &json!({
                    "target": 3, "reward": {"points": "5", "experience_points": 30},
                    "trigger": {"event": "checkin.completed"},
                }),
            ),
        ))
        .with(active(
            2,
            written(
                "level-two",
                &json!({
                    "trigger": {"event": "level.reached"},
                    "rules": [{"rule_type": "event.data.level", "operator": "gte", "value": "2"}],
                }),
            ),
        ));
    for day in ["2026-01-05", "2026-01-06", "2026-01-07"] {
        fixture.set_time(&format!("{day}T10:00:00Z"));
        check_in(&mut fixture).unwrap();
    }
    let visits = task_of(&fixture, 1).unwrap();
    assert_eq!(visits.status, TaskStatus::Completed);
    assert!(task_of(&fixture, 2).is_none(), "nothing was claimed yet");
    claim(&mut fixture, visits.id).unwrap();
    assert_eq!(task_of(&fixture, 2).unwrap().status, TaskStatus::Completed);
    // Nobody else may tell such an event.
    let told = fixture
        .event(
            "level.reached",
            user(1),
            "2026-01-07T10:00:00Z",
            &json!({"level": 9}),
        )
        .unwrap();
    assert_eq!(
        (told.outcome, told.reason.as_deref()),
        (EventOutcome::Rejected, Some("reserved_type"))
    );
}

#[test]
fn a_description_may_raise_the_level_too() {
    let mut fixture = EngineFixture::at(MONDAY).with(active(
        1,
        written("level-up", &json!({"trigger": {"event": "level.reached"}})),
    ));
    let update = |level| DescribeUser {
        user: user(1),
        update: UserUpdate {
            level: Some(level),
            ..UserUpdate::default()
        },
    };
    fixture.when(update(1)).unwrap();
    assert!(task_of(&fixture, 1).is_none());
    fixture.when(update(4)).unwrap();
    assert_eq!(task_of(&fixture, 1).unwrap().status, TaskStatus::Completed);
}

#[test]
fn a_rule_that_fails_on_an_inner_event_disturbs_nothing() {
    let mut fixture = scripted(MONDAY)
        .with(active(
            1,
            written(
                "bad",
                &json!({"trigger": {"event": "checkin.completed"}, "script": "fail"}),
            ),
        ))
        .with(active(
            2,
            written("good", &json!({"trigger": {"event": "checkin.completed"}})),
        ));
    check_in(&mut fixture).unwrap();
    assert!(task_of(&fixture, 1).is_none());
    assert_eq!(task_of(&fixture, 2).unwrap().status, TaskStatus::Completed);
}

#[test]
fn some_of_several_missions_are_required_within_a_week() {
    let sport = |code: &str| written(code, &json!({"frequency": "daily"}));
    let mut fixture = EngineFixture::at(MONDAY)
        .with(active(1, sport("run")))
        .with(active(2, sport("swim")))
        .with(active(3, written("ride", &json!({}))))
        .with(active(9, written("athlete", &json!({
            "frequency": "weekly", "requires": [{"any_of": ["run", "swim", "ride"], "count": 2, "within": "period"}],
        }))));
    done(&mut fixture, 1);
    assert_eq!(code(start(&mut fixture, 9)), "not_eligible");
    let explained = explain(&fixture, 9).unwrap();
    let words = &explained.conditions[explained.decided_by.unwrap()].condition;
    assert_eq!(
        words,
        "2 of the missions `run`, `swim`, `ride` completed in this period"
    );
    // The same mission twice is one mission.
    fixture.set_time("2026-01-06T12:00:00Z");
    done(&mut fixture, 1);
    assert_eq!(code(start(&mut fixture, 9)), "not_eligible");
    done(&mut fixture, 3);
    start(&mut fixture, 9).unwrap();
    // Next week begins from nothing.
    fixture.set_time("2026-01-12T12:00:00Z");
    done(&mut fixture, 2);
    assert_eq!(code(start(&mut fixture, 9)), "not_eligible");
    done(&mut fixture, 1);
    start(&mut fixture, 9).unwrap();
    assert_eq!(
        flaws(&json!({"requires": [{"any_of": ["x"], "count": 2}]})),
        ["`requires.0.count`: must be 1 to 1, the number of missions in `any_of`"]
    );
}

#[test]
fn different_values_are_counted() {
    let shops =
        json!({"target": 3, "trigger": {"event": "order.paid"}, "count": "distinct:event.data.shop_id"});
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("shops", &shops)));
    for (shop, progress) in [("a", 1), ("a", 1), ("b", 2)] {
        happens(&mut fixture, "order.paid", MONDAY, &json!({"shop_id": shop}));
        assert_eq!(current(&fixture, 1), progress, "{shop}");
    }
    happens(&mut fixture, "order.paid", MONDAY, &json!({}));
    assert_eq!(current(&fixture, 1), 2, "an order without a shop");
    happens(&mut fixture, "order.paid", MONDAY, &json!({"shop_id": 7}));
    assert_eq!(task_of(&fixture, 1).unwrap().status, TaskStatus::Completed);
    assert_eq!(
        flaws(&json!({"count": "distinct:event.data.x"})),
        ["`count`: needs a `trigger`, the event that is counted"]
    );
}

#[test]
fn a_streak_of_anything_is_counted() {
    let workouts = json!({
        "target": 4, "trigger": {"event": "workout.done"}, "streak": {"period": "day", "grace": 0},
    });
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("workouts", &workouts)));
    let mut works_out = |day: u32| {
        let time = format!("2026-01-{day:02}T08:00:00Z");
        happens(&mut fixture, "workout.done", &time, &json!({}));
        (current(&fixture, 1), task_of(&fixture, 1).unwrap().status)
    };
    assert_eq!(works_out(5), (1, TaskStatus::InProgress));
    assert_eq!(works_out(5), (1, TaskStatus::InProgress), "once a day");
    assert_eq!(works_out(6), (2, TaskStatus::InProgress));
    assert_eq!(
        works_out(8),
        (2, TaskStatus::InProgress),
        "a day was missed; what was reached stays"
    );
    assert_eq!(works_out(9), (2, TaskStatus::InProgress));
    assert_eq!(works_out(10), (3, TaskStatus::InProgress));
    assert_eq!(works_out(11), (4, TaskStatus::Completed));
}

#[test]
fn a_late_event_closes_the_gap_of_a_streak() {
    let workouts = json!({"target": 3, "trigger": {"event": "workout.done"}, "streak": {"period": "day"}});
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("workouts", &workouts)));
    for day in [5, 7] {
        let time = format!("2026-01-{day:02}T08:00:00Z");
        happens(&mut fixture, "workout.done", &time, &json!({}));
    }
    fixture
        .event("workout.done", user(1), "2026-01-06T08:00:00Z", &json!({}))
        .unwrap();
    assert_eq!(task_of(&fixture, 1).unwrap().status, TaskStatus::Completed);
}

#[test]
fn each_stage_pays_once() {
    let buyer = json!({
        "target": 10, "trigger": {"event": "order.paid"},
        "stage": [
            {"at": 2, "name": "bronze", "reward": {"points": "10"}},
            {"at": 5, "name": "silver", "reward": {"points": "20", "badge_id": "silver"}},
            {"at": 10, "name": "gold", "reward": {"points": "30"}},
        ],
    });
    let mut fixture = scripted(MONDAY).with(active(
        1,
        Definition {
            script: Some("progress 3".to_owned()),
            ..written("buyer", &buyer)
        },
    ));
    let amounts = |fixture: &EngineFixture| {
        let mut all: Vec<String> = rewards(fixture)
            .iter()
            .map(|reward| reward.amount.points.to_string())
            .collect();
        all.sort();
        all
    };
    happens(&mut fixture, "order.paid", MONDAY, &json!({}));
    assert_eq!(amounts(&fixture), ["10"]);
    happens(&mut fixture, "order.paid", MONDAY, &json!({}));
    assert_eq!(amounts(&fixture), ["10", "20"]);
    happens(&mut fixture, "order.paid", MONDAY, &json!({}));
    let task = task_of(&fixture, 1).unwrap();
    assert_eq!(
        (task.progress.current(), task.stages, amounts(&fixture).len()),
        (9, 2, 2)
    );
    let silver = rewards(&fixture)
        .into_iter()
        .find(|reward| reward.badge_id.is_some())
        .unwrap();
    assert_eq!((silver.task_id(), silver.stage.unwrap().number), (task.id, 2));
    claim_reward(&mut fixture, silver.id).unwrap();
    assert_eq!(code(claim_reward(&mut fixture, silver.id)), "already_claimed");
    assert_eq!(code(claim(&mut fixture, task.id)), "task_not_completed");
    happens(&mut fixture, "order.paid", MONDAY, &json!({}));
    let completed = claim(&mut fixture, task.id).unwrap().reward;
    assert_eq!(completed.amount.points.to_string(), "30");
    assert_eq!(amounts(&fixture), ["10", "20", "30"]);
    let told = fixture.events();
    let granted = |event: &&IntegrationEvent| matches!(event, IntegrationEvent::RewardClaimed(_));
    let completions = |event: &&IntegrationEvent| matches!(event, IntegrationEvent::MissionCompleted(_));
    assert_eq!(told.iter().filter(granted).count(), 2);
    assert_eq!(
        told.iter().filter(completions).count(),
        1,
        "a stage is no completion"
    );
    for (fields, flaw) in [
        (
            json!({"target": 5, "stage": [{"at": 2}, {"at": 4}]}),
            "`target`: must be 4, where the last stage is",
        ),
        (
            json!({"target": 2, "stage": [{"at": 2}, {"at": 2}]}),
            "`stage.1.at`: must be above 2: stages rise",
        ),
    ] {
        assert_eq!(flaws(&fields), [flaw]);
    }
}

#[test]
fn a_user_may_report_past_several_stages_at_once() {
    let pages = json!({"target": 9, "stage": [{"at": 3, "reward": {"points": "1"}}, {"at": 6, "reward": {"points": "2"}}, {"at": 9}]});
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("pages", &pages)));
    let task = start(&mut fixture, 1).unwrap();
    crate::play::progress(&mut fixture, task.id, 9).unwrap();
    assert_eq!(rewards(&fixture).len(), 2);
    complete(&mut fixture, task.id).unwrap();
    assert_eq!(rewards(&fixture).len(), 3);
}

fn spender() -> Definition {
    let fields = json!({
        "frequency": "unlimited", "target": 3,
        "trigger": {"event": "order.paid", "key": "event.data.order_id", "reverses": "order.refunded"},
    });
    written("spender", &fields)
}

#[test]
fn a_refund_takes_progress_back_and_an_order_counts_once() {
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, spender()));
    let order = |id: u32| json!({"order_id": id});
    happens(&mut fixture, "order.paid", MONDAY, &order(1));
    happens(&mut fixture, "order.paid", MONDAY, &order(2));
    let again = happens(&mut fixture, "order.paid", MONDAY, &order(2));
    assert_eq!(
        (again.outcome, again.reason.as_deref()),
        (EventOutcome::Ignored, Some("already_counted"))
    );
    assert_eq!(current(&fixture, 1), 2);
    let refund = happens(&mut fixture, "order.refunded", MONDAY, &order(2));
    assert_eq!((refund.outcome, current(&fixture, 1)), (EventOutcome::Applied, 1));
    let twice = happens(&mut fixture, "order.refunded", MONDAY, &order(2));
    assert_eq!((twice.outcome, current(&fixture, 1)), (EventOutcome::Ignored, 1));
    // An order that comes after its own refund does not count.
    happens(&mut fixture, "order.refunded", MONDAY, &order(3));
    happens(&mut fixture, "order.paid", MONDAY, &order(3));
    assert_eq!(current(&fixture, 1), 1);
    assert_eq!(
        flaws(&json!({"trigger": {"event": "a", "reverses": "b"}})),
        [
            "`trigger.reverses`: needs a `key`, the path of what both events are about, such as `event.data.order_id`"
        ]
    );
}

#[test]
fn a_refund_after_the_completion_revokes_the_reward_once() {
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, spender()));
    for order in 1..=3 {
        happens(&mut fixture, "order.paid", MONDAY, &json!({"order_id": order}));
    }
    let task = task_of(&fixture, 1).unwrap();
    assert_eq!(task.status, TaskStatus::Completed);
    claim(&mut fixture, task.id).unwrap();
    // A later order belongs to the next task.
    happens(
        &mut fixture,
        "order.paid",
        "2026-01-05T13:00:00Z",
        &json!({"order_id": 4}),
    );
    for _ in 0..2 {
        happens(
            &mut fixture,
            "order.refunded",
            "2026-01-05T14:00:00Z",
            &json!({"order_id": 2}),
        );
    }
    happens(
        &mut fixture,
        "order.refunded",
        "2026-01-05T14:00:00Z",
        &json!({"order_id": 1}),
    );
    let statuses: Vec<RewardStatus> = rewards(&fixture).iter().map(|reward| reward.status).collect();
    assert_eq!(statuses, [RewardStatus::Revoked]);
    let revoked = |event: &&IntegrationEvent| matches!(event, IntegrationEvent::RewardRevoked(_));
    assert_eq!(fixture.events().iter().filter(revoked).count(), 1);
    let known = fixture.store.records().user[&user(1)].clone().unwrap();
    assert_eq!(known.points, 0.into());
    assert_eq!(current(&fixture, 1), 1, "the task after it is as it was");
}

#[test]
fn a_refund_takes_back_the_stages_that_are_no_longer_reached() {
    let fields = json!({
        "target": 4, "trigger": {"event": "order.paid", "key": "event.data.order_id", "reverses": "order.refunded"},
        "stage": [{"at": 2, "reward": {"points": "5"}}, {"at": 4, "reward": {"points": "9"}}],
    });
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("orders", &fields)));
    for order in 1..=2 {
        happens(&mut fixture, "order.paid", MONDAY, &json!({"order_id": order}));
    }
    let bronze = rewards(&fixture).remove(0);
    fixture
        .when(ClaimReward {
            user: user(1),
            reward: bronze.id,
        })
        .unwrap();
    happens(&mut fixture, "order.refunded", MONDAY, &json!({"order_id": 1}));
    assert_eq!(rewards(&fixture)[0].status, RewardStatus::Revoked);
    let task = task_of(&fixture, 1).unwrap();
    assert_eq!(
        (task.stages, task.progress.current(), task.status),
        (0, 1, TaskStatus::InProgress)
    );
}

#[test]
fn rules_read_badges_completions_absence_and_the_last_check_in() {
    let gated = |rule: &str, operator: &str, value: &str| {
        json!({
            "frequency": "unlimited", "trigger": {"event": "app.opened"},
            "rules": [{"rule_type": rule, "operator": operator, "value": value}],
        })
    };
    let mut fixture = EngineFixture::at(MONDAY)
        .with(active(
            1,
            written(
                "first-steps",
                &json!({"reward": {"points": "1", "badge_id": "walker"}}),
            ),
        ))
        .with(active(
            2,
            written("for-walkers", &gated("user.badges", "contains", "walker")),
        ))
        .with(active(
            3,
            written("after-steps", &gated("completions.first-steps", "gte", "1")),
        ))
        .with(active(
            4,
            written("win-back", &gated("user.days_away", "gte", "30")),
        ))
        .with(active(
            5,
            written("come-back", &gated("streak.days_since", "between", "7,60")),
        ));
    let moved = |fixture: &mut EngineFixture, time: &str| {
        let mut moved: Vec<String> = happens(fixture, "app.opened", time, &json!({}))
            .tasks
            .iter()
            .map(|task| {
                fixture
                    .catalog
                    .mission(task.mission_id)
                    .unwrap()
                    .mission
                    .definition
                    .code
                    .to_string()
            })
            .collect();
        moved.sort();
        moved
    };
    assert!(moved(&mut fixture, MONDAY).is_empty());
    check_in(&mut fixture).unwrap();
    let steps = done(&mut fixture, 1);
    claim(&mut fixture, steps.id).unwrap();
    assert_eq!(
        moved(&mut fixture, "2026-01-06T12:00:00Z"),
        ["after-steps", "for-walkers"]
    );
    let away = moved(&mut fixture, "2026-02-20T12:00:00Z");
    assert_eq!(away, ["after-steps", "come-back", "for-walkers", "win-back"]);
    let next = moved(&mut fixture, "2026-02-21T12:00:00Z");
    assert_eq!(
        next,
        ["after-steps", "come-back", "for-walkers"],
        "a day later the user is no longer away"
    );
}

#[test]
fn who_was_away_when_a_task_began_stays_so_for_the_task() {
    let fields = json!({
        "target": 2, "frequency": "unlimited", "trigger": {"event": "app.opened"},
        "rules": [{"rule_type": "user.days_away", "operator": "gte", "value": "30"}],
    });
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("win-back", &fields)));
    check_in(&mut fixture).unwrap();
    happens(&mut fixture, "app.opened", "2026-03-05T12:00:00Z", &json!({}));
    happens(&mut fixture, "app.opened", "2026-03-06T12:00:00Z", &json!({}));
    assert_eq!(task_of(&fixture, 1).unwrap().status, TaskStatus::Completed);
}

#[test]
fn a_calendar_of_tiers_repeats() {
    let file: PolicyFile = serde_json::from_value(json!({
        "cycle_days": 3, "monthly": [],
        "tiers": [
            {"min_days": 1, "max_days": 2, "bonus_percent": "0", "milestone_bonus": "0"},
            {"min_days": 3, "max_days": 3, "bonus_percent": "50", "milestone_bonus": "7"},
        ],
    }))
    .unwrap();
    let policy = CheckInPolicy::try_from(file).unwrap();
    assert_eq!(policy.next_milestone(3).map(|(streak, _)| streak), Some(6));
    let carried = PackPolicy {
        check_in: Some(policy),
        ..PackPolicy::default()
    };
    let mut fixture = EngineFixture::at(MONDAY).with_policy(carried);
    let mut points = Vec::new();
    for day in 5..=11 {
        fixture.set_time(&format!("2026-01-{day:02}T12:00:00Z"));
        points.push(check_in(&mut fixture).unwrap().day.earned.total().to_string());
    }
    assert_eq!(points, ["10", "10", "22", "10", "10", "22", "10"]);
    let beyond = PolicyFile {
        cycle_days: Some(5),
        ..PolicyFile::default()
    };
    let why = CheckInPolicy::try_from(beyond).unwrap_err().to_string();
    assert!(why.contains("a cycle of 5 days"), "{why}");
}

#[test]
fn an_operator_may_revoke_a_stage_and_the_completion_stays() {
    let fields = json!({
        "target": 2, "trigger": {"event": "order.paid"},
        "stage": [{"at": 1, "reward": {"points": "5"}}, {"at": 2, "reward": {"points": "9"}}],
    });
    let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("orders", &fields)));
    for _ in 0..2 {
        happens(&mut fixture, "order.paid", MONDAY, &json!({}));
    }
    let stage = rewards(&fixture).remove(0);
    let revoke = RevokeReward {
        user: user(1),
        reward: stage.id,
        operator: user(99),
        reason: "a mistake".to_owned(),
        reopens: true,
        needs_approval: false,
    };
    fixture.when(revoke).unwrap();
    let task = task_of(&fixture, 1).unwrap();
    assert!(
        fixture
            .when(ClaimTask {
                user: user(1),
                task: task.id
            })
            .is_ok()
    );
    let done = fixture
        .store
        .records()
        .participation
        .into_values()
        .flatten()
        .next()
        .unwrap();
    assert_eq!(done.completions, 1);
}

#[test]
fn caps_hold_over_all_missions_of_a_category() {
    let daily = |points: &str| {
        json!({
            "frequency": "unlimited", "category": "fun", "reward": {"points": points}, "trigger": {"event": "played"},
        })
    };
    let caps: Vec<PointsCap> = serde_json::from_value(json!([
        {"category": "fun", "day": "100", "week": "130"}, {"category": "work", "day": "1"},
    ]))
    .unwrap();
    let mut fixture = EngineFixture::at(MONDAY)
        .with_caps(caps)
        .with(active(1, written("a", &daily("45"))))
        .with(active(
            2,
            Definition {
                category: "other".to_owned(),
                ..written("b", &daily("10"))
            },
        ));
    let mut paid = |time: &str| {
        happens(&mut fixture, "played", time, &json!({}));
        let task = task_of(&fixture, 1).unwrap();
        let reward = rewards(&fixture)
            .into_iter()
            .find(|reward| Some(reward.id) == task.reward_id)
            .unwrap();
        (reward.amount.total().to_string(), reward.withheld.to_string())
    };
    let amounts: Vec<(String, String)> = (13..16)
        .map(|hour| paid(&format!("2026-01-05T{hour}:00:00Z")))
        .collect();
    let expected = [("45", "0"), ("45", "0"), ("10", "35")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(amounts, expected);
    assert_eq!(paid("2026-01-06T10:00:00Z").0, "30", "the week's rest");
    assert_eq!(paid("2026-01-12T10:00:00Z").0, "45", "another week");
    // What is taken back can be earned again.
    let last = task_of(&fixture, 1).unwrap().reward_id.unwrap();
    let revoke = RevokeReward {
        user: user(1),
        reward: last,
        operator: user(99),
        reason: "a mistake".to_owned(),
        reopens: false,
        needs_approval: false,
    };
    fixture.when(revoke).unwrap();
    let known = fixture.store.records().user[&user(1)].clone().unwrap();
    let sums = serde_json::to_value(&known.capped).unwrap();
    assert_eq!(sums["/fun/2026-01-12"], json!(0));
}

/// One thing that may happen to an order.
#[derive(Clone, Debug)]
enum Order {
    Paid(u8),
    Refunded(u8),
}

proptest! {
    /// Whatever comes in whatever order: what was claimed, less what was revoked, is what the orders that stand pay.
    #[test]
    fn refunds_never_leave_too_much(
        steps in proptest::collection::vec(
            prop_oneof![(0..6_u8).prop_map(Order::Paid), (0..6_u8).prop_map(Order::Refunded)], 1..40,
        ),
    ) {
        let fields = json!({
            "frequency": "unlimited",
            "trigger": {"event": "order.paid", "key": "event.data.order_id", "reverses": "order.refunded"},
        });
        let mut fixture = EngineFixture::at(MONDAY).with(active(1, written("orders", &fields)));
        let (mut paid, mut refunded) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for step in steps {
            let (event, id) = match step {
                Order::Paid(id) => { paid.insert(id); ("order.paid", id) }
                Order::Refunded(id) => { refunded.insert(id); ("order.refunded", id) }
            };
            let result = happens(&mut fixture, event, MONDAY, &json!({"order_id": id}));
            let open: Vec<TaskId> = result
                .tasks
                .iter()
                .filter(|task| task.status == TaskStatus::Completed && !task.reward_claimed && event == "order.paid")
                .map(|task| task.id)
                .collect();
            for task in open {
                claim(&mut fixture, task).unwrap();
            }
        }
        let standing = paid.difference(&refunded).count();
        let points = fixture.store.records().user.get(&user(1)).cloned().flatten().map_or(0.into(), |user| user.points);
        prop_assert_eq!(points, (50 * standing as u64).into());
    }
}
