//! `fn risk(ctx)` through the core's port: what it sees, and what it may answer.

use mission_core::{
    fraud::{RiskAssessment, RiskSignals, UserAction},
    ports::rules::{Hook, RuleContext, ScriptCompiler},
};
use mission_rules::Scripts;
use serde_json::json;

use crate::hooks::ContextFixture;

const SIGNALS: RiskSignals = RiskSignals {
    action: UserAction::Claim,
    account_age_hours: 5,
    actions_last_minute: 12,
    actions_last_hour: 20,
    identical_intervals: 6,
    is_new_device: true,
    device_users: 4,
    address_users: 9,
};

fn assess(source: &str) -> Result<RiskAssessment, String> {
    let fixture = ContextFixture::new();
    let context = RuleContext {
        mission: None,
        event: None,
        evidence: None,
        risk: Some(&SIGNALS),
        ..fixture.context()
    };
    let script = Scripts::default().compile(source).unwrap();
    match script.risk(&context) {
        Ok(assessment) => Ok(assessment.unwrap()),
        Err(failure) => Err(failure.to_string()),
    }
}

fn scored(score: u8, reasons: &[&str]) -> RiskAssessment {
    RiskAssessment {
        score: score.try_into().unwrap(),
        reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
    }
}

#[test]
fn a_score_alone_or_with_reasons_compiled_or_not() {
    for (source, expected) in [
        ("fn risk(ctx) { 7 }", scored(7, &[])),
        (
            "fn risk(ctx) { #{ score: 30, reasons: [\"new\", \"fast\"] } }",
            scored(30, &["new", "fast"]),
        ),
        (
            "fn risk(ctx) { if ctx.action == \"claim\" { ctx.signals.actions_last_minute * 5 } else { 0 } }",
            scored(60, &[]),
        ),
        (
            "fn risk(ctx) { if ctx.signals.is_new_device && ctx.user.level < 5 { 40 } else { 0 } }",
            scored(40, &[]),
        ),
        // No mission is in the context of what concerns none.
        (
            "fn risk(ctx) { if ctx.mission.code == () { 1 } else { 2 } }",
            scored(1, &[]),
        ),
        // A list that grows is left to the interpreter.
        (
            "fn risk(ctx) { let score = 0; let why = []; \
             if ctx.signals.address_users > 5 { score += 20; why += \"address\"; } \
             if ctx.signals.device_users > 3 { score += 30; why += \"device\"; } \
             #{ score: score, reasons: why } }",
            scored(50, &["address", "device"]),
        ),
    ] {
        assert_eq!(assess(source), Ok(expected), "{source}");
    }
    let compiled = Scripts::default()
        .load("fn risk(ctx) { #{ score: ctx.signals.device_users, reasons: [\"a\"] } }")
        .unwrap();
    assert_eq!(compiled.interpreted(Hook::Risk), None);
}

#[test]
fn what_is_no_score_is_a_failure_that_says_what_is_wanted() {
    for (source, message) in [
        (
            "fn risk(ctx) { 101 }",
            "hook `risk`: a score must be a whole number from 0 to 100, and is a whole number, `101`",
        ),
        (
            "fn risk(ctx) { 0.5 }",
            "hook `risk`: a score must be a whole number from 0 to 100, and is a decimal, `0.5`",
        ),
        (
            "fn risk(ctx) { true }",
            "hook `risk`: it must give a score from 0 to 100, or #{score: 70, reasons: [\"why\"]}, and gave true or false, `true`",
        ),
        (
            "fn risk(ctx) { #{ reasons: [] } }",
            "hook `risk`: the map that it gives has no `score`",
        ),
        (
            "fn risk(ctx) { #{ score: 1, reasons: [1] } }",
            "hook `risk`: `reasons` must be a list of texts, and is a list",
        ),
        (
            "fn risk(ctx) { #{ score: 1, reason: \"a\" } }",
            "hook `risk`: the map that it gives has an unknown key `reason`; it has `score` and `reasons`",
        ),
    ] {
        assert_eq!(assess(source), Err(message.to_owned()), "{source}");
    }
}

#[test]
fn a_context_that_was_written_down_is_judged_alike() {
    let context = json!({"action": "claim", "signals": {"device_users": 4}});
    let source = "fn risk(ctx) { #{ score: ctx.signals.device_users * 10, reasons: [\"shared\"] } }";
    let value = Scripts::default().eval_hook(source, Hook::Risk, &context);
    assert_eq!(value, Ok(json!({"score": 40, "reasons": ["shared"]})));
}
