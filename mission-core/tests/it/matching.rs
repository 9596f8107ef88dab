//! Events find the missions that they and their users can concern, and leave out no other.

use std::collections::BTreeSet;

use mission_core::{
    MissionId,
    engine::{ApplyEvent, DescribeUser},
    event::{ActivityEvent, EventOutcome},
    mission::{Definition, Mission, Operator, Rule, Trigger},
    testing::{EngineFixture, active, at, definition, mission_id, user},
    user::{LevelTable, User, UserUpdate},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOON: &str = "2026-01-05T12:00:00Z";

fn event(data: &Value) -> ActivityEvent {
    ActivityEvent {
        id: "e1".to_owned(),
        source: "shop".to_owned(),
        event_type: "order.paid".to_owned(),
        user_id: user(1),
        time: at(NOON),
        data: data.as_object().unwrap().clone(),
    }
}

fn asking(code: &str, rules: Vec<Rule>) -> Definition {
    Definition {
        trigger: Trigger::on("order.paid").into(),
        auto_start: true,
        target: 9,
        rules,
        ..definition(code)
    }
}

fn rule(path: &str, operator: Operator, value: &str) -> Rule {
    Rule {
        rule_type: path.to_owned(),
        operator,
        value: value.to_owned(),
        metadata: Default::default(),
    }
}

/// The user of the events, as they are known.
fn known(fixture: &EngineFixture) -> User {
    let known = fixture.store.records().user.get(&user(1)).cloned();
    known.flatten().unwrap_or_else(|| User::new(user(1), fixture.now))
}

/// The codes of the missions that an event concerns, in order.
fn concerned(fixture: &EngineFixture, data: &Value) -> Vec<String> {
    let (event, user) = (event(data), known(fixture));
    let found = fixture
        .catalog
        .concerned_by(&event, user.rule_context(&LevelTable::default()));
    found
        .map(|compiled| compiled.mission.definition.code.to_string())
        .collect()
}

fn describe(fixture: &mut EngineFixture, update: &Value) {
    let update: UserUpdate = serde_json::from_value(update.clone()).unwrap();
    fixture
        .when(DescribeUser {
            user: user(1),
            update,
        })
        .unwrap();
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let path = prop::sample::select(vec![
        "event.data.a",
        "event.data.b.c",
        "event.source",
        "event",
        "user.level",
        "user.country",
        "user.tags",
        "user.attributes.a",
        "user.attributes.b.c",
        "user.days_away",
    ]);
    let operator = prop::sample::select(vec![
        Operator::Eq,
        Operator::In,
        Operator::Ne,
        Operator::Gt,
        Operator::Gte,
        Operator::Lt,
        Operator::Lte,
        Operator::Between,
        Operator::Contains,
        Operator::Exists,
    ]);
    let value = prop::sample::select(vec![
        "x",
        "5",
        "5.0",
        "true",
        "x,5",
        "4,6",
        "5.5",
        " 5 ",
        "shop",
        "2026-01-05T10:00:00Z",
        "2026-01-05T11:00:00+01:00",
        "",
        "false",
    ]);
    (path, operator, value).prop_map(|(path, operator, value)| rule(path, operator, value))
}

fn any_data() -> impl Strategy<Value = Value> {
    let value = prop::sample::select(vec![
        json!("x"),
        json!("5"),
        json!(5),
        json!(5.0),
        json!(true),
        json!(null),
        json!(["x"]),
        json!({"c": "x"}),
        json!({"c": 5}),
        json!("2026-01-05T10:00:00.000Z"),
        json!("shop"),
        json!(""),
    ]);
    (value.clone(), value).prop_map(|(a, b)| json!({"a": a, "b": b}))
}

proptest! {
    #[test]
    fn no_mission_is_left_out_whose_rules_hold(
        rules in prop::collection::vec(prop::collection::vec(any_rule(), 0..3), 1..8),
        data in any_data(),
        attributes in any_data(),
        tags in prop::collection::vec(prop::sample::select(vec!["x", "5", "vip"]), 0..3),
        level in 1_u32..7,
    ) {
        let mut fixture = EngineFixture::at(NOON);
        describe(&mut fixture, &json!({"level": level, "tags": tags, "attributes": attributes}));
        for (number, rules) in rules.iter().enumerate() {
            fixture.add_mission(active(number as u64 + 1, asking(&format!("m{number}"), rules.clone())));
        }
        let (event, known) = (event(&data), known(&fixture));
        let levels = LevelTable::default();
        let user = known.rule_context(&levels);
        let concerned: BTreeSet<MissionId> = fixture
            .catalog
            .concerned_by(&event, user)
            .map(|compiled| compiled.mission.id)
            .collect();
        let moved: BTreeSet<MissionId> = fixture
            .when(ApplyEvent { event: event.clone() })
            .unwrap()
            .tasks
            .iter()
            .map(|task| task.mission_id)
            .collect();
        prop_assert!(moved.is_subset(&concerned));
        // What is left out has a rule on the event or the user that does not hold.
        for (number, rules) in rules.iter().enumerate() {
            if !concerned.contains(&mission_id(number as u64 + 1)) {
                let field = |path: &str| event.field(path).or_else(|| user.field(path));
                let holds = |rule: &Rule| rule.holds_for(field(&rule.rule_type).as_ref());
                prop_assert!(rules.iter().any(|rule| !holds(rule)));
            }
        }
    }
}

#[test]
fn the_catalog_knows_a_mission_by_its_newest_rules_and_its_older_editions() {
    let shop = |name: &str| vec![rule("event.data.shop", Operator::Eq, name)];
    let mut fixture = EngineFixture::at(NOON).with(active(1, asking("loyal", shop("north"))));
    let concerned = |fixture: &EngineFixture, name: &str| concerned(fixture, &json!({"shop": name})).len();
    assert_eq!(
        (concerned(&fixture, "north"), concerned(&fixture, "south")),
        (1, 0)
    );
    fixture.add_mission(Mission {
        version: 2,
        ..active(1, asking("loyal", shop("south")))
    });
    assert_eq!(
        (concerned(&fixture, "north"), concerned(&fixture, "south")),
        (0, 1)
    );
    assert_eq!(fixture.catalog.triggered_by("order.paid").count(), 1);
}

#[test]
fn missions_are_found_by_ranges() {
    let total = |operator, value: &str| vec![rule("event.data.total", operator, value)];
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, asking("small", total(Operator::Lt, "10"))))
        .with(active(2, asking("large", total(Operator::Gte, "100.5"))))
        .with(active(3, asking("medium", total(Operator::Between, "10,100"))));
    let concerned = |fixture: &EngineFixture, total: Value| concerned(fixture, &json!({"total": total}));
    assert_eq!(concerned(&fixture, json!(9)), ["small"]);
    assert_eq!(concerned(&fixture, json!(100)), ["medium"]);
    assert_eq!(
        concerned(&fixture, json!("100.5")).len(),
        3,
        "a text may be anything"
    );
    // A range may let more pass than the rule: the rule decides.
    assert_eq!(concerned(&fixture, json!(10)), ["small", "medium"]);
    assert_eq!(concerned(&fixture, json!(200)), ["large", "medium"]);
    assert_eq!(concerned(&fixture, Value::Null), [""; 0]);
    fixture.add_mission(Mission {
        version: 2,
        ..active(2, asking("large", total(Operator::Gte, "500")))
    });
    assert_eq!(concerned(&fixture, json!(200)), ["medium"]);
}

#[test]
fn missions_are_found_by_what_they_ask_of_the_user() {
    let asks = |path: &str, operator, value: &str| vec![rule(path, operator, value)];
    let mut fixture = EngineFixture::at(NOON)
        .with(active(
            1,
            asking("hanoi", asks("user.country", Operator::In, "VN,TH")),
        ))
        .with(active(
            2,
            asking("expert", asks("user.level", Operator::Gte, "5")),
        ))
        .with(active(
            3,
            asking("vip", asks("user.tags", Operator::Contains, "vip")),
        ))
        .with(active(
            4,
            asking("pro", asks("user.attributes.plan", Operator::Eq, "pro")),
        ))
        .with(active(5, asking("all", Vec::new())));
    let none = json!({});
    assert_eq!(concerned(&fixture, &none), ["all"], "nobody is known yet");
    describe(&mut fixture, &json!({"country": "VN", "level": 5}));
    assert_eq!(concerned(&fixture, &none), ["hanoi", "expert", "all"]);
    describe(
        &mut fixture,
        &json!({"country": "US", "level": 4, "tags": ["new", "vip"], "attributes": {"plan": "pro"}}),
    );
    assert_eq!(concerned(&fixture, &none), ["vip", "pro", "all"]);
    let moved = fixture.when(ApplyEvent { event: event(&none) }).unwrap();
    assert_eq!(moved.tasks.len(), 3);
}

#[test]
fn an_event_is_judged_by_what_it_says_of_its_user() {
    let levels = vec![rule("user.level", Operator::Gte, "5")];
    let on_update = Definition {
        trigger: Trigger::on(UserUpdate::EVENT).into(),
        ..asking("risen", levels)
    };
    let mut fixture = EngineFixture::at(NOON).with(active(1, on_update));
    let mut update = |level: u32| {
        let result = fixture
            .event(UserUpdate::EVENT, user(1), NOON, &json!({"level": level}))
            .unwrap();
        (result.outcome, result.tasks.len())
    };
    assert_eq!(update(4), (EventOutcome::Applied, 0));
    assert_eq!(update(5), (EventOutcome::Applied, 1));
}

#[test]
fn more_missions_than_are_looked_up_beforehand_are_found_by_their_users() {
    let mut fixture = EngineFixture::at(NOON);
    for level in 1..=100_u64 {
        let rules = vec![rule("user.level", Operator::Eq, &level.to_string())];
        fixture.add_mission(active(level, asking(&format!("level-{level}"), rules)));
    }
    describe(&mut fixture, &json!({"level": 70}));
    let moved = fixture
        .when(ApplyEvent {
            event: event(&json!({})),
        })
        .unwrap();
    let missions: Vec<MissionId> = moved.tasks.iter().map(|task| task.mission_id).collect();
    assert_eq!(missions, [mission_id(70)]);
}

#[test]
fn an_event_that_fits_no_mission_says_so() {
    let rules = vec![rule("event.data.shop", Operator::In, "north,south")];
    let mut fixture = EngineFixture::at(NOON).with(active(1, asking("loyal", rules)));
    let elsewhere = fixture
        .when(ApplyEvent {
            event: event(&json!({"shop": "east"})),
        })
        .unwrap();
    assert_eq!(
        (elsewhere.outcome, elsewhere.reason.as_deref()),
        (EventOutcome::Ignored, Some("not_eligible"))
    );
    let there = fixture
        .when(ApplyEvent {
            event: event(&json!({"shop": "south"})),
        })
        .unwrap();
    assert_eq!((there.outcome, there.tasks.len()), (EventOutcome::Applied, 1));
}
