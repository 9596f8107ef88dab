//! Why a user can do a mission, or cannot.

use mission_core::{
    engine::{ExplainError, Rejection, ResourceKind},
    mission::{
        Budget, Definition, EvidenceRequirement, EvidenceReview, Operator, Requirement, Rule, Trigger,
    },
    task::{Availability, Condition, ConditionKind, EvidenceType, Explanation, ToDo},
    testing::{EngineFixture, active, at, definition, points},
};
use serde_json::{Value, json};

use crate::play::{complete, done, explain, progress, scripted, start};

const NOON: &str = "2026-01-05T12:00:00Z";

fn rule(rule_type: &str, operator: Operator, value: &str) -> Rule {
    Rule {
        rule_type: rule_type.to_owned(),
        operator,
        value: value.to_owned(),
        metadata: serde_json::Map::new(),
    }
}

fn of_kind(explanation: &Explanation, kind: ConditionKind) -> Vec<&Condition> {
    let conditions = explanation.conditions.iter();
    conditions.filter(|condition| condition.kind == kind).collect()
}

#[test]
fn every_condition_shows_what_it_saw() {
    let choosy = Definition {
        requires: vec![Requirement::Mission("first".parse().unwrap())],
        rules: vec![
            rule("user.level", Operator::Gte, "3"),
            rule("user.country", Operator::Eq, "DE"),
            rule("event.data.seconds", Operator::Gte, "30"),
        ],
        cooldown_seconds: 60,
        max_completions: Some(5),
        budget: Some(Budget {
            max_points: Some(points("100")),
            max_grants: Some(10),
        }),
        ..definition("choosy")
    };
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, choosy))
        .with(active(2, definition("first")));
    let before = explain(&fixture, 1).unwrap();
    assert_eq!(before.availability, Availability::Unavailable);
    assert_eq!(before.refusal.as_deref(), Some("not_eligible"));
    let deciding = &before.conditions[before.decided_by.unwrap()];
    assert_eq!(deciding.kind, ConditionKind::Requires);
    assert_eq!(deciding.condition, "the mission `first` was completed before");
    assert_eq!(deciding.seen, json!(0));
    let code = "first".parse().unwrap();
    assert_eq!(before.to_do, [ToDo::CompleteMission { code }]);

    done(&mut fixture, 2);
    let after = explain(&fixture, 1).unwrap();
    let rules = of_kind(&after, ConditionKind::Rule);
    let seen: Vec<(&str, Option<bool>, &Value)> = rules
        .iter()
        .map(|rule| (rule.condition.as_str(), rule.holds, &rule.seen))
        .collect();
    assert_eq!(
        seen,
        [
            ("user.level gte 3", Some(false), &json!(1)),
            ("user.country eq DE", Some(false), &Value::Null),
            ("event.data.seconds gte 30", None, &Value::Null),
        ]
    );
    assert_eq!(
        after.conditions[after.decided_by.unwrap()].condition,
        "user.level gte 3"
    );
    assert_eq!(of_kind(&after, ConditionKind::Requires)[0].holds, Some(true));
    assert_eq!(of_kind(&after, ConditionKind::Completions)[0].seen, json!(0));
    let budget = of_kind(&after, ConditionKind::Budget)[0];
    assert_eq!((budget.holds, &budget.seen["grants"]), (Some(true), &json!(0)));
}

#[test]
fn what_is_left_of_an_open_task_comes_in_order() {
    let proven = Definition {
        target: 3,
        evidence: Some(EvidenceRequirement {
            evidence_type: EvidenceType::ClickData,
            min_seconds: None,
            review: EvidenceReview::Automatic,
        }),
        ..definition("proven")
    };
    let moved = Definition {
        target: 2,
        trigger: Trigger::on("video.watched").into(),
        ..definition("moved")
    };
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, proven))
        .with(active(2, moved));
    assert_eq!(explain(&fixture, 1).unwrap().to_do, [ToDo::Start]);
    let task = start(&mut fixture, 1).unwrap();
    progress(&mut fixture, task.id, 1).unwrap();
    let running = explain(&fixture, 1).unwrap();
    assert_eq!(running.availability, Availability::InProgress);
    assert_eq!(running.task.unwrap().id, task.id);
    let left = ToDo::Progress {
        current: 1,
        target: 3,
        remaining: 2,
        event: None,
    };
    let evidence = ToDo::Evidence {
        evidence_type: EvidenceType::ClickData,
    };
    assert_eq!(running.to_do, [left, evidence, ToDo::Complete]);
    start(&mut fixture, 2).unwrap();
    let left = ToDo::Progress {
        current: 0,
        target: 2,
        remaining: 2,
        event: Some("video.watched".to_owned()),
    };
    assert_eq!(explain(&fixture, 2).unwrap().to_do, [left]);
}

#[test]
fn what_only_time_changes_says_until_when() {
    let often = Definition {
        max_completions: Some(9),
        cooldown_seconds: 60,
        ..definition("often")
    };
    let later = Definition {
        starts_at: Some(at("2026-01-06T00:00:00Z")),
        ..definition("later")
    };
    let mut fixture = EngineFixture::at(NOON)
        .with(active(1, often))
        .with(active(2, later));
    let task = start(&mut fixture, 1).unwrap();
    progress(&mut fixture, task.id, 9).unwrap();
    complete(&mut fixture, task.id).unwrap();
    let cooling = explain(&fixture, 1).unwrap();
    assert_eq!(cooling.refusal.as_deref(), Some("cooldown"));
    let until = at("2026-01-05T12:01:00Z");
    assert_eq!(cooling.to_do, [ToDo::WaitUntil { at: until }]);
    let early = explain(&fixture, 2).unwrap();
    assert_eq!(early.refusal.as_deref(), Some("mission_not_active"));
    assert_eq!(
        early.conditions[early.decided_by.unwrap()].kind,
        ConditionKind::Window
    );
    let opening = at("2026-01-06T00:00:00Z");
    assert_eq!(early.to_do, [ToDo::WaitUntil { at: opening }]);
}

#[test]
fn a_script_that_says_no_or_fails_is_told() {
    let said = |script: &str| {
        let written = Definition {
            script: Some(script.to_owned()),
            ..definition("scripted")
        };
        let mut fixture = scripted(NOON).with(active(1, written));
        let explanation = explain(&fixture, 1).unwrap();
        let refused = start(&mut fixture, 1).err().map(|why| why.code());
        assert_eq!(explanation.refusal.as_deref(), refused, "{script}");
        explanation
    };
    let no = said("eligible false");
    let script = of_kind(&no, ConditionKind::Script)[0];
    assert_eq!((script.holds, &script.seen), (Some(false), &json!(false)));
    let broken = said("fail");
    let script = of_kind(&broken, ConditionKind::Script)[0];
    assert!(script.failure.is_some(), "{script:?}");
    assert_eq!(broken.refusal.as_deref(), Some("rule_failed"));
}

#[test]
fn there_is_nothing_to_explain_of_a_mission_that_is_not_there() {
    let missing = explain(&EngineFixture::at(NOON), 1);
    let expected = ExplainError::Rejected(Rejection::NotFound(ResourceKind::Mission));
    assert_eq!(missing, Err(expected));
}
