//! Events find the missions that they can concern, and leave out no other.

use std::collections::BTreeSet;

use mission_core::{
    MissionId,
    engine::ApplyEvent,
    event::{ActivityEvent, EventOutcome},
    mission::{Definition, Mission, Operator, Rule, Trigger},
    testing::{EngineFixture, active, at, definition, mission_id, user},
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

fn any_rule() -> impl Strategy<Value = Rule> {
    let path = prop::sample::select(vec![
        "event.data.a",
        "event.data.b.c",
        "event.source",
        "user.level",
        "event",
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
    ) {
        let mut fixture = EngineFixture::at(NOON);
        for (number, rules) in rules.iter().enumerate() {
            fixture.add_mission(active(number as u64 + 1, asking(&format!("m{number}"), rules.clone())));
        }
        let event = event(&data);
        let concerned: BTreeSet<MissionId> = fixture
            .catalog
            .concerned_by(&event)
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
        // What is left out has a rule on the event that does not hold.
        for (number, rules) in rules.iter().enumerate() {
            if !concerned.contains(&mission_id(number as u64 + 1)) {
                let holds = |rule: &Rule| rule.holds_for(event.field(&rule.rule_type).as_ref());
                prop_assert!(rules.iter().any(|rule| rule.reads_event() && !holds(rule)));
            }
        }
    }
}

#[test]
fn the_catalog_knows_a_mission_by_its_newest_rules_and_its_older_editions() {
    let shop = |name: &str| vec![rule("event.data.shop", Operator::Eq, name)];
    let mut fixture = EngineFixture::at(NOON).with(active(1, asking("loyal", shop("north"))));
    let concerned = |fixture: &EngineFixture, name: &str| {
        fixture
            .catalog
            .concerned_by(&event(&json!({"shop": name})))
            .count()
    };
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
    let concerned = |fixture: &EngineFixture, total: Value| -> Vec<String> {
        let event = event(&json!({"total": total}));
        let found = fixture.catalog.concerned_by(&event);
        found
            .map(|compiled| compiled.mission.definition.code.to_string())
            .collect()
    };
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
