//! Cases run on the engine: the example packs pass, and what differs is told at its place.

use mission_core::ports::rules::ScriptCompiler;

use super::{
    CaseOutcome, Pack, PackFiles,
    examples::{documented, starter},
    report, with,
};
use crate::{Scripts, pack::template};

fn run(pack: &Pack) -> Vec<CaseOutcome> {
    let scripts: &dyn ScriptCompiler = &Scripts::default();
    let cases = pack.all_cases().into_iter();
    cases.map(|case| pack.run_case(case, scripts)).collect()
}

fn told(files: &PackFiles) -> String {
    let pack = Pack::load(files).0.expect("a pack without errors");
    let findings: Vec<_> = run(&pack).iter().flat_map(CaseOutcome::findings).collect();
    report::human(&findings, files, "", false)
}

#[test]
fn the_example_packs_pass_their_own_cases() {
    let template = Pack::load(&PackFiles::from_map(template::files("demo")))
        .0
        .unwrap();
    for pack in [starter(), template, documented(), super::good()] {
        for outcome in run(&pack) {
            assert!(outcome.passed(), "{outcome:#?}");
        }
    }
}

#[test]
fn running_twice_gives_the_same() {
    let pack = starter();
    assert_eq!(run(&pack), run(&pack));
}

#[test]
fn what_differs_is_told() {
    let files = with(
        "tests/watch.toml",
        "expect = { status = \"in_progress\", progress = 2 }",
        "expect = { status = \"completed\", progress = 3, points = \"50.25\", bonus_points = 1, experience_points = 20, \
         mining_boost_percent = 1, badge_id = \"viewer\", completions = 1, not_started = true, rejected = \"x\" }",
    );
    let text = told(&files);
    insta::assert_snapshot!(text);
}

#[test]
fn a_check_in_that_differs_is_told() {
    let files = with(
        "tests/watch.toml",
        "[ { streak = 1, points = \"10\" }, { streak = 2, points = \"10\" } ]",
        "[ { streak = 2, points = \"10.5\", milestone = true }, { error = \"already_checked_in\" } ]",
    );
    let text = told(&files);
    insta::assert_snapshot!(text);
}

#[test]
fn a_refusal_is_told() {
    let files = with("tests/watch.toml", "level = 4", "level = 2");
    let text = told(&files);
    insta::assert_snapshot!(text);
}

#[test]
fn a_script_that_fails_is_told() {
    let files = with("rules/watch.rhai", "{ 1 }", "{ throw \"no\" }");
    let text = told(&files);
    insta::assert_snapshot!(text);
}

#[test]
fn steps_are_read_or_refused_by_field() {
    use crate::pack::simulation::CaseStep;
    use mission_core::mission::MissionCode;
    use serde_json::json;

    let code: MissionCode = "m".parse().unwrap();
    for (name, data, refused) in [
        ("checkin", json!({"zone": "Asia/Ho_Chi_Minh"}), None),
        ("checkin", json!({"zone": "Moon"}), Some("data.zone")),
        ("checkin", json!({"when": 1}), Some("data.when")),
        ("task.start", json!({}), None),
        (
            "task.start",
            json!({"mission": "Not a code"}),
            Some("data.mission"),
        ),
        ("task.progress", json!({"value": 3}), None),
        ("task.progress", json!({}), Some("data.value")),
        ("task.progress", json!({"value": -1}), Some("data.value")),
        (
            "task.evidence",
            json!({"type": "watch_duration", "data": "30"}),
            None,
        ),
        ("task.evidence", json!({"type": "watch"}), Some("unknown variant")),
        ("task.complete", json!({"mission": "other"}), None),
        ("task.claim", json!({"x": null}), Some("data.x")),
        (
            "review.decided",
            json!({"decision": "approve", "note": "fine"}),
            None,
        ),
        (
            "review.decided",
            json!({"decision": "maybe"}),
            Some("data.decision"),
        ),
        (
            "user.updated",
            json!({"level": 3, "tags": ["vip"], "attributes": {"a": 1.5}}),
            None,
        ),
        ("user.updated", json!({"level": "three"}), Some("data.level")),
        ("anything.else", json!({"seconds": 1}), None),
    ] {
        let step = CaseStep::parse(name, data.as_object().cloned().unwrap_or_default(), Some(&code));
        match (step, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{error}"),
            (step, _) => panic!("{name} {data}: {step:?}"),
        }
    }
}
