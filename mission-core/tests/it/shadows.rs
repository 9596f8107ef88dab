//! Missions that are tried out alone: moved and evaluated as others are, seen by nobody, and without any effect.

use std::sync::Arc;

use mission_core::{
    MissionId, UserId,
    engine::{
        ApplyEvent, CheckIn, ClaimTask, Command, CommandOutcome, CompleteTask, PutPack, Records,
        RegisterUser, Rejection, ReportProgress, RevokeReward, StartTask, UpdateMission, pack_id,
        run_blocking, start as begin,
    },
    event::{ActivityEvent, EventOutcome, EventResult},
    memory::MemoryStore,
    mission::{BudgetUse, Definition, Mission, MissionStatus, MissionTotals, ShadowComparison},
    ports::queries::{Page, Queries},
    task::{Task, TaskStatus},
    testing::{EngineFixture, active, at, mission_id, points, user},
    user::{PointsCap, User},
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::play::{code, done, expire_all_of, progress, scripted, written};

const NOON: &str = "2026-01-05T12:00:00Z";

/// A definition that videos move, daily.
fn watch(code: &str, more: &Value) -> Definition {
    let mut fields = json!({"frequency": "daily", "target": 2, "trigger": {"event": "video.watched"}});
    fields
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    written(code, &fields)
}

fn watched(fixture: &mut EngineFixture) -> EventResult {
    let now = fixture.now.to_rfc3339();
    fixture.event("video.watched", user(1), &now, &json!({})).unwrap()
}

fn tasks_of(store: &MemoryStore, mission: u64) -> Vec<Task> {
    let tasks = store.records().task.into_values().flatten();
    tasks
        .filter(|task| task.mission_id == mission_id(mission))
        .collect()
}

fn comparison(store: &MemoryStore, mission: u64) -> Option<ShadowComparison> {
    let page = Page {
        limit: 10,
        after: None,
    };
    let compared = pollster::block_on(store.shadow_comparisons(mission_id(mission), page)).unwrap();
    compared
        .into_iter()
        .find(|(compared, _)| *compared == user(1))
        .map(|(_, comparison)| comparison)
}

fn used(store: &MemoryStore, mission: u64) -> BudgetUse {
    let uses = pollster::block_on(store.budget_uses(&[mission_id(mission)])).unwrap();
    uses.get(&mission_id(mission)).copied().unwrap_or_default()
}

fn totals(started: i64, completed: i64, grants: i64, points: &str) -> MissionTotals {
    MissionTotals {
        started,
        completed,
        grants,
        points: points.parse().unwrap(),
    }
}

#[test]
fn a_shadow_mission_does_what_its_twin_does_and_grants_nothing() {
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, watch("watch", &json!({}))))
        .with(active(
            2,
            watch("watch-v2", &json!({"shadow": true, "shadow_of": "watch"})),
        ));
    for _ in 0..3 {
        let result = watched(&mut fixture);
        assert!(
            result.tasks.iter().all(|task| task.mission_id == mission_id(1)),
            "{result:?}"
        );
    }
    let ([live], [shadow]) = (&tasks_of(&fixture.store, 1)[..], &tasks_of(&fixture.store, 2)[..]) else {
        panic!("a task each: {:?}", fixture.store.records().task);
    };
    let told = |task: &Task| {
        (
            task.status,
            task.progress,
            task.period,
            task.started_at,
            task.completed_at,
        )
    };
    assert_eq!(told(live), told(shadow));
    assert_eq!(shadow.status, TaskStatus::Completed);
    assert_eq!((shadow.reward_id, live.would_earn.as_ref()), (None, None));
    let rewards: Vec<_> = fixture.store.records().reward.into_values().flatten().collect();
    assert_eq!(rewards.len(), 1, "the twin's");
    let would_earn = shadow.would_earn.as_deref().unwrap();
    assert_eq!(would_earn.len(), 1);
    assert_eq!(would_earn[0].amount, rewards[0].amount);
    assert_eq!(used(&fixture.store, 2), BudgetUse::one(50.into()));
    let expected = ShadowComparison {
        since: at(NOON),
        shadow: totals(1, 1, 1, "50"),
        live: totals(1, 1, 1, "50"),
    };
    assert_eq!(comparison(&fixture.store, 2), Some(expected));
    assert_eq!(fixture.events().len(), 1, "one task was started for all to see");

    fixture
        .when(ClaimTask {
            user: user(1),
            task: live.id,
        })
        .unwrap();
    fixture
        .when(RevokeReward {
            user: user(1),
            reward: rewards[0].id,
            operator: user(9),
            reason: "a mistake".to_owned(),
            reopens: true,
            needs_approval: false,
        })
        .unwrap();
    assert_eq!(
        comparison(&fixture.store, 2).map(|compared| (compared.shadow, compared.live)),
        Some((totals(1, 1, 1, "50"), totals(1, 0, 0, "0"))),
        "what is taken back of the twin was not earned"
    );
}

#[test]
fn its_periods_caps_and_rewards_are_evaluated_as_they_would_be() {
    let stages = json!({
        "shadow": true, "target": 3, "max_completions": 2, "frequency": "weekly", "script": "reward 7.005 + 0.015",
        "stage": [{"at": 1, "reward": {"points": "1"}}, {"at": 3, "reward": {"points": "5"}}],
        "budget": {"max_grants": 3},
    });
    let mut fixture = scripted(NOON).with(active(1, watch("staged", &stages)));
    for _ in 0..10 {
        let result = watched(&mut fixture);
        assert_eq!((result.outcome, result.tasks.len()), (EventOutcome::Ignored, 0));
    }
    let tasks = tasks_of(&fixture.store, 1);
    assert_eq!(tasks.len(), 2, "two a week");
    let earned: Vec<usize> = tasks
        .iter()
        .map(|task| task.would_earn.as_ref().unwrap().len())
        .collect();
    assert_eq!(
        earned.iter().sum::<usize>(),
        3,
        "three in all, as the budget says"
    );
    let seven = "21.06".parse::<Decimal>().unwrap();
    assert_eq!(
        used(&fixture.store, 1),
        BudgetUse {
            points: seven,
            grants: 3
        }
    );
    let open = tasks
        .iter()
        .find(|task| task.status == TaskStatus::InProgress)
        .unwrap();
    assert!(open.progress.is_complete(), "it waits for budget");
    assert!(fixture.store.records().reward.is_empty());
    assert_eq!(fixture.events(), []);
}

#[test]
fn what_is_taken_back_is_taken_out_of_what_it_would_have_granted() {
    let order = json!({
        "frequency": "unlimited", "target": 2, "shadow": true,
        "trigger": {"event": "order.paid", "key": "event.data.order", "reverses": "order.refunded"},
        "stage": [{"at": 1, "reward": {"points": "1"}}, {"at": 2, "reward": {"points": "5"}}],
    });
    let mut fixture = EngineFixture::at(NOON).with(active(1, written("orders", &order)));
    let tell = |fixture: &mut EngineFixture, event: &str, order: &str| {
        fixture
            .event(event, user(1), NOON, &json!({"order": order}))
            .unwrap()
    };
    for order in ["a", "a", "b"] {
        tell(&mut fixture, "order.paid", order);
    }
    let of_shadow = |fixture: &EngineFixture| comparison(&fixture.store, 1).unwrap().shadow;
    assert_eq!(of_shadow(&fixture), totals(1, 1, 2, "6"));
    tell(&mut fixture, "order.refunded", "b");
    assert_eq!(of_shadow(&fixture), totals(1, 0, 1, "1"));
    tell(&mut fixture, "order.refunded", "a");
    assert_eq!(of_shadow(&fixture), totals(1, 0, 0, "0"));
    assert_eq!(used(&fixture.store, 1), BudgetUse::default());
    tell(&mut fixture, "order.refunded", "a");
    assert_eq!(of_shadow(&fixture), totals(1, 0, 0, "0"), "once");
}

#[test]
fn a_cap_leaves_it_what_it_leaves_its_twin() {
    let caps = vec![PointsCap {
        day: Some(points("60")),
        ..PointsCap::default()
    }];
    let often = json!({"frequency": "unlimited", "target": 1});
    let mut fixture = EngineFixture::at(NOON)
        .with_caps(caps)
        .with(active(1, watch("watch", &often)));
    let mut shadow = often.clone();
    shadow["shadow"] = json!(true);
    shadow["shadow_of"] = json!("watch");
    fixture.add_mission(active(2, watch("watch-v2", &shadow)));
    for _ in 0..3 {
        watched(&mut fixture);
    }
    let compared = comparison(&fixture.store, 2).unwrap();
    assert_eq!(compared.live, totals(3, 3, 3, "60"));
    assert_eq!(compared.shadow, compared.live);
}

#[test]
fn its_user_finds_nothing_of_it() {
    let mut fixture = EngineFixture::at(NOON).with(active(1, watch("hidden", &json!({"shadow": true}))));
    watched(&mut fixture);
    let task = tasks_of(&fixture.store, 1)[0].clone();
    assert_eq!(
        fixture.when(StartTask {
            user: user(1),
            mission: mission_id(1)
        }),
        Err(Rejection::NotFound(mission_core::engine::ResourceKind::Mission))
    );
    let who = user(1);
    assert_eq!(code(progress(&mut fixture, task.id, 1)), "not_found");
    assert_eq!(
        code(fixture.when(CompleteTask {
            user: who,
            task: task.id
        })),
        "not_found"
    );
    assert_eq!(
        code(fixture.when(ClaimTask {
            user: who,
            task: task.id
        })),
        "not_found"
    );
    watched(&mut fixture);
    assert_eq!(
        code(fixture.when(ClaimTask {
            user: who,
            task: task.id
        })),
        "not_found",
        "done"
    );
}

#[test]
fn an_event_that_moves_it_alone_is_as_it_was_to_all_others() {
    let mut fixture =
        EngineFixture::at(NOON).with(active(1, watch("hidden", &json!({"shadow": true, "target": 5}))));
    let event = ApplyEvent {
        event: ActivityEvent {
            id: "1".to_owned(),
            source: "test".to_owned(),
            event_type: "video.watched".to_owned(),
            user_id: user(1),
            time: at(NOON),
            data: serde_json::Map::new(),
        },
    };
    for _ in 0..2 {
        let result = fixture.when(event.clone()).unwrap();
        assert_eq!(
            (result.outcome, result.reason.as_deref()),
            (EventOutcome::Ignored, Some("no_mission"))
        );
    }
    assert_eq!(
        tasks_of(&fixture.store, 1)[0].progress.current(),
        1,
        "it counts once"
    );
    let known = fixture.store.records().user[&user(1)].clone().unwrap();
    assert_eq!(
        known,
        User::new(user(1), at(NOON)),
        "there is such a user, and that is all"
    );
    // A mission that comes later is still moved by it, and this one is not.
    fixture.add_mission(active(2, watch("watch", &json!({}))));
    let result = fixture.when(event.clone()).unwrap();
    assert_eq!((result.outcome, result.tasks.len()), (EventOutcome::Applied, 1));
    assert_eq!(fixture.when(event).unwrap().outcome, EventOutcome::Duplicate);
    assert_eq!(tasks_of(&fixture.store, 1)[0].progress.current(), 1);
}

#[test]
fn its_completions_are_nobodys_condition() {
    let quick = json!({"target": 1, "frequency": "unlimited"});
    let mut shadow = quick.clone();
    shadow["shadow"] = json!(true);
    let reads = json!({
        "rules": [{"rule_type": "completions.hidden", "operator": "gte", "value": "1"}],
        "trigger": {"event": "song.heard"},
    });
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, watch("hidden", &shadow)))
        .with(active(2, written("after", &json!({"requires": ["hidden"]}))))
        .with(active(3, written("reads", &reads)))
        .with(active(
            4,
            written(
                "counts",
                &json!({"target": 9, "trigger": {"event": "mission.completed"}}),
            ),
        ));
    watched(&mut fixture);
    assert_eq!(tasks_of(&fixture.store, 1)[0].status, TaskStatus::Completed);
    let start = StartTask {
        user: user(1),
        mission: mission_id(2),
    };
    assert_eq!(code(fixture.when(start)), "not_eligible");
    let heard = fixture.event("song.heard", user(1), NOON, &json!({})).unwrap();
    assert_eq!(
        (heard.outcome, heard.reason.as_deref()),
        (EventOutcome::Ignored, Some("not_eligible"))
    );
    assert_eq!(tasks_of(&fixture.store, 4), [], "no completion was told");
}

#[test]
fn it_hears_what_the_engine_tells() {
    let counts = json!({"target": 2, "shadow": true, "trigger": {"event": "mission.completed"}});
    let visits = json!({"shadow": true, "frequency": "unlimited", "trigger": {"event": "checkin.completed"}});
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, written("read", &json!({}))))
        .with(active(2, written("write", &json!({}))))
        .with(active(3, written("both", &counts)))
        .with(active(4, written("visits", &visits)));
    done(&mut fixture, 1);
    done(&mut fixture, 2);
    fixture.when(CheckIn { user: user(1) }).unwrap();
    assert_eq!(
        comparison(&fixture.store, 3).unwrap().shadow,
        totals(1, 1, 1, "50")
    );
    assert_eq!(
        comparison(&fixture.store, 4).unwrap().shadow,
        totals(1, 1, 1, "50")
    );
}

#[test]
fn rules_that_fail_are_told_beside_the_answer() {
    let fails = json!({"shadow": true, "script": "fail"});
    let mut fixture = scripted(NOON)
        .with(active(1, watch("watch", &json!({}))))
        .with(active(2, watch("fails", &fails)));
    let event = ActivityEvent {
        id: "1".to_owned(),
        source: "test".to_owned(),
        event_type: "video.watched".to_owned(),
        user_id: user(1),
        time: at(NOON),
        data: serde_json::Map::new(),
    };
    let request = fixture.request(ApplyEvent { event });
    let step = begin(vec![request], Arc::clone(&fixture.catalog), false);
    let (_, outcome) = run_blocking(&mut fixture.store, step).remove(0);
    let CommandOutcome::Answered { answer, failures, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let Ok(mission_core::engine::Reply::EventResult(result)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (result.outcome, result.failures.len()),
        (EventOutcome::Applied, 0)
    );
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].mission_id, mission_id(2));
}

#[test]
fn what_it_declares_of_events_refuses_nothing_to_others() {
    let declares = |shadow: bool| json!({"shadow": shadow, "trigger": {"event": "video.watched", "fields": {"seconds": "integer"}}});
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, watch("watch", &json!({}))))
        .with(active(2, watch("strict", &declares(true))));
    let data = json!({"seconds": "many"});
    let result = fixture.event("video.watched", user(1), NOON, &data).unwrap();
    assert_eq!(result.outcome, EventOutcome::Applied);
    assert_eq!(tasks_of(&fixture.store, 2), [], "it does not hear of it");
    fixture.add_mission(active(3, watch("strict-too", &declares(false))));
    let result = fixture.event("video.watched", user(1), NOON, &data).unwrap();
    assert_eq!(result.outcome, EventOutcome::Rejected);
}

#[test]
fn a_shadow_mission_stays_one_once_it_was_active() {
    let shadow = watch("trial", &json!({"shadow": true}));
    let live = Definition {
        shadow: false,
        ..shadow.clone()
    };
    let compared = Definition {
        shadow_of: Some("other".parse().unwrap()),
        ..shadow.clone()
    };
    let draft = Mission {
        status: MissionStatus::Draft,
        ..active(1, shadow.clone())
    };
    for (before, is_fixed) in [
        (draft.clone(), false),
        (active(1, shadow.clone()), true),
        (
            Mission {
                status: MissionStatus::Paused,
                ..draft.clone()
            },
            true,
        ),
        (
            Mission {
                status: MissionStatus::Archived,
                dropped_from: Some(MissionStatus::Draft),
                ..draft
            },
            false,
        ),
    ] {
        assert_eq!(before.was_active(), is_fixed);
    }
    let mut fixture = EngineFixture::at(NOON);
    let put = |definition: &Definition| PutPack {
        pack: pack_id("trials"),
        name: "trials".to_owned(),
        files: [("missions/trial.toml".to_owned(), format!("{definition:?}"))].into(),
        policy: None,
        caps: Vec::new(),
        missions: vec![(mission_id(1), definition.clone())],
        activate: true,
    };
    fixture.when(put(&shadow)).unwrap();
    for other in [&live, &compared] {
        let refused = fixture.when(put(other)).unwrap_err();
        assert_eq!(refused.code(), "shadow_fixed");
        assert!(
            refused
                .to_string()
                .contains("give the other mission a code of its own"),
            "{refused}"
        );
    }
    let retitled = Definition {
        priority: 7,
        ..shadow.clone()
    };
    fixture.when(put(&retitled)).unwrap();
    let update = UpdateMission {
        mission: mission_id(1),
        expected_version: None,
        definition: live,
    };
    assert_eq!(code(fixture.when(update)), "shadow_fixed");
}

#[test]
fn a_definition_is_told_what_a_shadow_mission_needs() {
    let flaws = |fields: &Value| {
        let mut all = json!({
            "code": "a", "type": "custom", "frequency": "one_time", "title": {"en": "a"}, "description": {"en": "b"},
        });
        all.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let definition: Definition = serde_json::from_value(all).unwrap();
        let flaws = definition.validation_errors().into_iter();
        flaws.map(|flaw| flaw.path.join(".")).collect::<Vec<_>>()
    };
    let moved = json!({"trigger": {"event": "x"}, "auto_start": true, "shadow": true});
    assert_eq!(flaws(&moved), [""; 0]);
    assert_eq!(flaws(&json!({"shadow": true})), ["shadow"]);
    assert_eq!(
        flaws(&json!({"shadow": true, "trigger": {"event": "x"}})),
        ["shadow"]
    );
    assert_eq!(flaws(&json!({"shadow_of": "b"})), ["shadow_of"]);
    let mut bad = moved.clone();
    bad["shadow_of"] = json!("a");
    bad["evidence"] = json!({"type": "social_proof"});
    assert_eq!(flaws(&bad), ["shadow_of", "evidence"]);
}

/// What somebody does; numbers pick among what there is.
#[derive(Clone, Debug)]
enum Action {
    Wait(i64),
    Event(u64, usize, u8, i64),
    CheckIn(u64),
    Start(u64, u64),
    Progress(usize),
    Complete(usize),
    Claim(usize),
    Revoke(usize, bool),
    Expire(u64),
}

fn action() -> impl Strategy<Value = Action> {
    let (who, any) = (1..3_u64, any::<usize>());
    prop_oneof![
        2 => (0..200_000_i64).prop_map(Action::Wait),
        9 => (who.clone(), 0..EVENTS.len(), 0..6_u8, -200_000..100_i64)
            .prop_map(|(who, event, key, late)| Action::Event(who, event, key, late)),
        2 => who.clone().prop_map(Action::CheckIn),
        2 => (who.clone(), 1..5_u64).prop_map(|(who, mission)| Action::Start(who, mission)),
        1 => any.prop_map(Action::Progress),
        2 => any.prop_map(Action::Complete),
        2 => any.prop_map(Action::Claim),
        1 => (any, proptest::bool::ANY).prop_map(|(reward, reopens)| Action::Revoke(reward, reopens)),
        1 => who.prop_map(Action::Expire),
    ]
}

const EVENTS: [&str; 5] = [
    "video.watched",
    "order.paid",
    "order.refunded",
    "song.heard",
    "user.updated",
];

/// Missions for all to see, and shadows of them with all that could touch somebody else.
fn missions() -> (Vec<Definition>, Vec<Definition>) {
    let orders = json!({
        "frequency": "unlimited", "target": 3,
        "trigger": {"event": "order.paid", "key": "event.data.key", "reverses": "order.refunded"},
        "stage": [{"at": 2, "reward": {"points": "1.5", "badge_id": "buyer"}}, {"at": 3, "reward": {"points": "5"}}],
    });
    let live = vec![
        watch(
            "watch",
            &json!({"reward": {"points": "7.25", "experience_points": 30}}),
        ),
        written("orders", &orders),
        written(
            "two",
            &json!({"target": 2, "frequency": "monthly", "trigger": {"event": "mission.completed"}}),
        ),
        written("read", &json!({"max_completions": 2, "requires": ["watch"]})),
    ];
    let shadow = |code: &str, of: &str, fields: &Value| {
        let mut fields = fields.clone();
        fields["shadow"] = json!(true);
        fields["shadow_of"] = json!(of);
        written(code, &fields)
    };
    let daily = |more: &Value| {
        let mut fields = json!({"frequency": "daily", "trigger": {"event": "video.watched"}});
        fields
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        fields
    };
    let shadows = vec![
        shadow(
            "watch-2",
            "watch",
            &daily(&json!({"reward": {"points": "9", "experience_points": 500}})),
        ),
        shadow(
            "watch-3",
            "watch",
            &daily(&json!({"script": "fail", "priority": 9})),
        ),
        shadow(
            "watch-4",
            "watch",
            &daily(&json!({"requires": ["read"], "budget": {"max_points": "80"}, "priority": 9})),
        ),
        shadow("orders-2", "orders", &orders),
        shadow(
            "songs",
            "two",
            &json!({"frequency": "unlimited", "trigger": [{"event": "song.heard"}, {"event": "user.updated"}]}),
        ),
        shadow(
            "levels",
            "read",
            &json!({"frequency": "unlimited", "trigger": {"event": "level.reached"}}),
        ),
        shadow(
            "visits",
            "read",
            &json!({"frequency": "unlimited", "trigger": {"event": "checkin.completed"}}),
        ),
        shadow(
            "counts",
            "two",
            &json!({"target": 3, "frequency": "weekly", "trigger": {"event": "mission.completed"}}),
        ),
    ];
    (live, shadows)
}

fn fixture(definitions: impl IntoIterator<Item = (u64, Definition)>) -> EngineFixture {
    let caps = vec![PointsCap {
        day: Some(points("20")),
        ..PointsCap::default()
    }];
    let fixture = scripted(NOON).with_caps(caps);
    let mut fixture = definitions.into_iter().fold(fixture, |fixture, (n, definition)| {
        fixture.with(active(n, definition))
    });
    for who in 1..3 {
        fixture
            .when(RegisterUser {
                user: user(who),
                registered_at: None,
                display_name: None,
            })
            .unwrap();
    }
    fixture
}

/// The command of an action, on what there is for all to see.
fn command(
    records: &Records,
    now: chrono::DateTime<chrono::Utc>,
    number: usize,
    action: &Action,
) -> Option<Command> {
    let task = |n: usize| records.task.keys().nth(n % records.task.len().max(1)).copied();
    let reward = |n: usize| {
        records
            .reward
            .keys()
            .nth(n % records.reward.len().max(1))
            .copied()
    };
    Some(match *action {
        Action::Wait(_) => return None,
        Action::Event(who, event, key, late) => {
            let data = json!({"key": format!("k{key}"), "level": key});
            let event = ActivityEvent {
                // Some are told twice.
                id: (number / 2).to_string(),
                source: "test".to_owned(),
                event_type: EVENTS[event].to_owned(),
                user_id: user(who),
                time: now + chrono::Duration::seconds(late),
                data: data.as_object().cloned().unwrap_or_default(),
            };
            ApplyEvent { event }.into()
        }
        Action::CheckIn(who) => CheckIn { user: user(who) }.into(),
        Action::Start(who, mission) => StartTask {
            user: user(who),
            mission: mission_id(mission),
        }
        .into(),
        Action::Progress(n) => {
            let (user, task) = task(n)?;
            ReportProgress { user, task, value: 1 }.into()
        }
        Action::Complete(n) => {
            let (user, task) = task(n)?;
            CompleteTask { user, task }.into()
        }
        Action::Claim(n) => {
            let (user, task) = task(n)?;
            ClaimTask { user, task }.into()
        }
        Action::Revoke(n, reopens) => {
            let (owner, reward) = reward(n)?;
            RevokeReward {
                user: owner,
                reward,
                operator: user(9),
                reason: "a mistake".to_owned(),
                reopens,
                needs_approval: false,
            }
            .into()
        }
        Action::Expire(who) => expire_all_of(records, user(who)).into(),
    })
}

/// All that there is of users, but for what is below some missions.
fn seen(records: &Records, hidden: &[MissionId]) -> Vec<(UserId, String)> {
    let mut seen = Vec::new();
    let mut note = |user: UserId, text: Result<String, serde_json::Error>| seen.push((user, text.unwrap()));
    for (user, record) in &records.user {
        note(*user, serde_json::to_string(record));
    }
    for ((user, _), record) in &records.reward {
        note(*user, serde_json::to_string(record));
    }
    for ((user, _), record) in &records.check_in_day {
        note(*user, serde_json::to_string(record));
    }
    for ((user, _), record) in &records.review {
        note(*user, serde_json::to_string(record));
    }
    for ((user, _), record) in &records.task {
        if record
            .as_ref()
            .is_some_and(|task| !hidden.contains(&task.mission_id))
        {
            note(*user, serde_json::to_string(record));
        }
    }
    for ((user, mission), record) in &records.participation {
        if !hidden.contains(mission) {
            note(*user, serde_json::to_string(record));
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn with_or_without_shadow_missions_all_else_is_the_same(actions in prop::collection::vec(action(), 1..60)) {
        let (live, shadows) = missions();
        let numbered = || (1..).zip(live.clone());
        let hidden: Vec<MissionId> = (11..).take(shadows.len()).map(mission_id).collect();
        let mut without = fixture(numbered());
        let mut with = fixture(numbered().chain((11..).zip(shadows)));
        for (number, action) in actions.iter().enumerate() {
            if let Action::Wait(seconds) = action {
                without.now += chrono::Duration::seconds(*seconds);
                with.now = without.now;
            }
            let Some(command) = command(&without.store.records(), without.now, number, action) else {
                continue;
            };
            let (one, other) = (without.request(command.clone()), with.request(command));
            let answer = without.execute_batch(vec![one]);
            prop_assert_eq!(&answer, &with.execute_batch(vec![other]), "{:?}", action);
        }
        prop_assert_eq!(seen(&without.store.records(), &hidden), seen(&with.store.records(), &hidden));
        let told = |store: &MemoryStore| store.outbox().into_iter().map(|told| told.event).collect::<Vec<_>>();
        prop_assert_eq!(told(&without.store), told(&with.store));
        let live_ids: Vec<MissionId> = (1..=4).map(mission_id).collect();
        let uses = |store: &MemoryStore| pollster::block_on(store.budget_uses(&live_ids)).unwrap();
        prop_assert_eq!(uses(&without.store), uses(&with.store));
        // What each would have cost is what its tasks would have earned.
        for id in hidden {
            let tasks = with.store.records().task.into_values().flatten();
            let would_earn = tasks.filter(|task| task.mission_id == id).flat_map(|task| task.would_earn.unwrap());
            let sum = would_earn.fold(BudgetUse::default(), |sum, reward| sum.plus(BudgetUse::one(reward.amount.total())));
            let uses = pollster::block_on(with.store.budget_uses(&[id])).unwrap();
            prop_assert_eq!(uses.get(&id).copied().unwrap_or_default(), sum);
        }
    }
}
