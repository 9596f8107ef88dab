//! `risk.toml` and its script.

use mission_core::fraud::CheckMode;

use super::*;
use crate::Scripts;

const POLICY: &str = "rules_script = \"rules/risk.rhai\"\nflag_at = 50\nrefuse_at = 90\n";
const SCRIPT: &str = "fn risk(ctx) { if ctx.signals.device_users > 2 { 60 } else { 0 } }";

fn judged(policy: &str, script: &str) -> (Option<Pack>, Vec<Finding>) {
    Pack::load(&PackFiles::from_map([
        ("pack.toml", "name = \"demo\"\nversion = \"1\"\n"),
        ("risk.toml", policy),
        ("rules/risk.rhai", script),
    ]))
}

/// Loads the pack of [`judged`] with cases.
fn with_cases(cases: &str) -> (Option<Pack>, Vec<Finding>) {
    Pack::load(&PackFiles::from_map([
        ("pack.toml", "name = \"demo\"\nversion = \"1\"\n"),
        ("risk.toml", POLICY),
        ("rules/risk.rhai", SCRIPT),
        ("tests/risk.toml", cases),
    ]))
}

fn found(policy: &str, script: &str) -> Vec<(String, String)> {
    let (_, findings) = judged(policy, script);
    findings
        .into_iter()
        .map(|found| (found.diagnostic.code.to_string(), found.diagnostic.message))
        .collect()
}

#[test]
fn a_policy_of_risk_is_read_with_its_script() {
    let (pack, findings) = judged(POLICY, SCRIPT);
    assert_eq!(findings, []);
    let pack = pack.unwrap();
    let policy = pack.carried_policy().unwrap().risk.clone().unwrap();
    assert_eq!(policy.script, SCRIPT);
    assert_eq!((policy.flag_at.get(), policy.refuse_at.unwrap().get()), (50, 90));
    assert_eq!(policy.mode, CheckMode::On);
    let hooks: Vec<&str> = pack.hooks.iter().map(|defined| defined.hook.name()).collect();
    assert_eq!(hooks, ["risk"]);

    let (pack, _) = judged(
        "rules_script = \"rules/risk.rhai\"\nflag_at = 1\nmode = \"observe\"\n",
        SCRIPT,
    );
    let policy = pack.unwrap().policy.risk.unwrap();
    assert_eq!((policy.refuse_at, policy.mode), (None, CheckMode::Observe));
}

#[test]
fn mistakes_in_the_policy_are_found() {
    for (policy, code, message) in [
        (
            "flag_at = 50\n",
            "pack/missing-field",
            "risk.toml needs `rules_script`",
        ),
        (
            "rules_script = \"rules/risk.rhai\"\n",
            "pack/missing-field",
            "risk.toml needs `flag_at`",
        ),
        (
            "rules_script = \"rules/risk.rhai\"\nflag_at = 101\n",
            "pack/bad-value",
            "`flag_at` must be a score of 0 to 100, not 101",
        ),
        (
            "rules_script = \"rules/risk.rhai\"\nflag_at = 0\n",
            "pack/bad-value",
            "everything is flagged: a score of 0 is no risk",
        ),
        (
            "rules_script = \"rules/risk.rhai\"\nflag_at = 50\nrefuse_at = 40\n",
            "pack/no-effect",
            "nothing is ever flagged: from a score of 40 on all is refused",
        ),
        (
            "rules_script = \"rules/risk.rhai\"\nflag_at = 50\nmode = \"maybe\"\n",
            "pack/bad-value",
            "`mode` must be one of on, observe, off, not `maybe`",
        ),
        (
            "rules_script = \"rules/rsik.rhai\"\nflag_at = 50\n",
            "pack/missing-script",
            "the pack has no script `rules/rsik.rhai`",
        ),
    ] {
        let findings = found(policy, SCRIPT);
        assert!(
            findings.contains(&(code.to_owned(), message.to_owned())),
            "{policy}: {findings:?}"
        );
    }
}

#[test]
fn the_script_reads_signals_and_gives_a_score() {
    for (script, code, message) in [
        (
            "fn risc(ctx) { 0 }",
            "script/misspelled-hook",
            "`risc` is no hook, and nothing calls it",
        ),
        (
            "fn score(ctx) { 0 }",
            "pack/no-risk-hook",
            "`risk.toml` names this script, and it has no `fn risk(ctx)`",
        ),
        (
            "fn risk(ctx) { ctx.signals.device_user }",
            "script/unknown-field",
            "`ctx.signals.device_user` is in no context, so it reads as `()`",
        ),
        (
            "fn risk(ctx) { if ctx.event.type == \"a\" { 1 } else { 0 } }",
            "script/unknown-field",
            "`ctx.event` is in no context, so it reads as `()`",
        ),
        (
            "fn risk(ctx) { 101 }",
            "script/wrong-answer",
            "`risk` must give a score from 0 to 100, or #{ score: 70, reasons: [\"why\"] }, and gives 101 here",
        ),
        (
            "fn risk(ctx) { #{ score: 10, reason: \"a\" } }",
            "script/wrong-answer",
            "a judgement of risk has no field `reason`",
        ),
        (
            "fn risk(ctx) { #{ score: 10, reasons: \"a\" } }",
            "script/wrong-answer",
            "`reasons` must be a list of texts",
        ),
        (
            "fn risk(ctx) { 0 }\nfn eligible(ctx) { true }",
            "script/unused-hook",
            "nobody ever asks `eligible`: it is a hook of a mission's script",
        ),
    ] {
        let findings = found(POLICY, script);
        assert!(
            findings.contains(&(code.to_owned(), message.to_owned())),
            "{script}: {findings:?}"
        );
    }
}

#[test]
fn a_missions_script_is_not_asked_for_risk_and_has_no_signals() {
    let mission = "code = \"a\"\ntype = \"custom\"\nfrequency = \"daily\"\ntitle = { en = \"A\" }\n\
                   description = { en = \"A\" }\nrules_script = \"rules/a.rhai\"\n";
    let (_, findings) = Pack::load(&PackFiles::from_map([
        ("pack.toml", "name = \"demo\"\nversion = \"1\"\n"),
        ("missions/a.toml", mission),
        (
            "rules/a.rhai",
            "fn eligible(ctx) { ctx.signals.device_users == 0 }\nfn risk(ctx) { 0 }",
        ),
    ]));
    let found: Vec<(&str, &str)> = findings
        .iter()
        .map(|found| (found.diagnostic.code.as_str(), found.diagnostic.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (
                "script/unknown-field",
                "`ctx.signals` is in no context, so it reads as `()`"
            ),
            (
                "script/unused-hook",
                "nobody ever asks `risk` of a mission's script"
            ),
        ]
    );
}

/// What is otherwise than the one case expects.
fn mismatches(case: &str) -> Vec<(String, String, String)> {
    let (pack, findings) = with_cases(&format!("[[risk_case]]\nname = \"a\"\n{case}"));
    assert_eq!(findings, []);
    let pack = pack.unwrap();
    let outcome = pack.run_case(pack.all_cases()[0], &Scripts::default());
    let mismatches = outcome.mismatches.into_iter();
    mismatches
        .map(|found| (found.what, found.expected, found.found))
        .collect()
}

#[test]
fn a_case_of_risk_is_judged_by_the_script_and_its_thresholds() {
    for good in [
        "action = \"claim\"\nsignals = { device_users = 3 }\nexpect = { score = 60, outcome = \"flagged\", reasons = [] }",
        "action = \"check_in\"\nexpect = { score = 0, outcome = \"passed\" }",
    ] {
        assert_eq!(mismatches(good), [], "{good}");
    }
    let wrong = "action = \"claim\"\nsignals = { device_users = 3 }\n\
                 expect = { score = 10, outcome = \"refused\", reasons = [\"a farm\"] }";
    let expected = [
        ("`score`", "10", "60"),
        ("`outcome`", "refused", "flagged"),
        ("`reasons`", "a farm", "none"),
    ];
    assert_eq!(
        mismatches(wrong),
        expected.map(|(what, wanted, found)| (what.to_owned(), wanted.to_owned(), found.to_owned()))
    );
}

#[test]
fn what_a_case_of_risk_leaves_out_is_unremarkable() {
    let case = "[[risk_case]]\nname = \"a\"\naction = \"claim\"\nat = \"2026-01-05T20:00:00Z\"\n\
                user = { registered_at = \"2026-01-05T17:30:00Z\" }\nsignals = { actions_last_minute = 4 }\n\
                expect = { score = 0 }";
    let pack = with_cases(case).0.unwrap();
    let signals = pack.risk_cases[0].signals;
    assert_eq!(signals.account_age_hours, 2);
    assert_eq!((signals.actions_last_minute, signals.actions_last_hour), (4, 4));
    assert_eq!((signals.device_users, signals.is_new_device), (0, false));
}

#[test]
fn a_case_of_risk_that_fails_is_traced() {
    let case = "[[risk_case]]\nname = \"a\"\naction = \"claim\"\nsignals = { device_users = 3 }\nexpect = { score = 0 }";
    let pack = with_cases(case).0.unwrap();
    let traced = pack.trace_case(pack.all_cases()[0], &Scripts::default());
    let [hook] = &*traced else {
        panic!("{traced:?}");
    };
    assert_eq!(hook.trace.result, Ok(serde_json::json!(60)));
    let (read, value) = &hook.trace.steps[0].values[0];
    assert_eq!(
        (read.as_str(), value),
        ("ctx.signals.device_users", &serde_json::json!(3))
    );
}

#[test]
fn mistakes_in_a_case_of_risk_are_found() {
    for (case, code, message) in [
        (
            "expect = { score = 0 }",
            "pack/missing-field",
            "a case of risk needs `action`",
        ),
        (
            "action = \"claim\"",
            "pack/missing-field",
            "a case of risk needs `expect`",
        ),
        (
            "action = \"claim\"\nexpect = {}",
            "pack/no-effect",
            "this expects nothing, so it cannot fail",
        ),
        (
            "action = \"claims\"\nexpect = { score = 0 }",
            "pack/bad-value",
            "`action` must be one of check_in, start, progress, evidence, upload, complete, claim, not `claims`",
        ),
        (
            "action = \"claim\"\nsignals = { device_user = 1 }\nexpect = { score = 0 }",
            "pack/unknown-field",
            "`signals` has no field `device_user`",
        ),
        (
            "action = \"claim\"\nmission = \"b\"\nexpect = { outcome = \"passed\" }",
            "pack/unknown-mission",
            "the pack has no mission `b`",
        ),
    ] {
        let (_, findings) = with_cases(&format!("[[risk_case]]\nname = \"a\"\n{case}"));
        let found = findings.iter().map(|found| &found.diagnostic);
        let mut found = found.map(|diagnostic| (diagnostic.code.as_str(), diagnostic.message.as_str()));
        assert!(found.any(|told| told == (code, message)), "{case}: {findings:?}");
    }
    let (pack, findings) = Pack::load(&PackFiles::from_map([
        ("pack.toml", "name = \"demo\"\nversion = \"1\"\n"),
        (
            "tests/risk.toml",
            "[[risk_case]]\nname = \"a\"\naction = \"claim\"\nexpect = { score = 0 }",
        ),
    ]));
    assert_eq!(findings[0].diagnostic.code, "pack/missing-hook");
    let pack = pack.unwrap();
    assert!(!pack.run_case(pack.all_cases()[0], &Scripts::default()).passed());
}
