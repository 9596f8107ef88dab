use mission_core::ports::rules::Hook;
use serde_json::{Value, json};

use super::{PropertyRun, mission_context};
use crate::{
    Scripts,
    coverage::CoverageCompiler,
    pack::{CaseOutcome, Pack, PackFiles, template},
};

const SCRIPT: &str = "fn progress(ctx) {
    if ctx.event.data.seconds >= 30 { ctx.event.data.seconds / 30 } else { 0 }
}
fn reward(ctx) {
    let points = ctx.mission.reward.points + ctx.user.level * 10;
    if \"vip\" in ctx.user.tags { #{ points: points, bonus_points: 5.5 } } else { #{ points: points } }
}
fn eligible(ctx) { ctx.user.level < 3 || ctx.user.country == \"DE\" }
";

fn pack(property: &str) -> Pack {
    let mut files = template::files("demo");
    let cases = format!("[[property]]\nname = \"p\"\nmission = \"watch-3-videos\"\n{property}");
    files.retain(|(path, _)| !path.starts_with("rules/") && !path.starts_with("tests/"));
    files.push(("rules/watch.rhai", SCRIPT.to_owned()));
    files.push(("tests/p.toml", cases));
    let (pack, findings) = Pack::load(&PackFiles::from_map(files));
    assert_eq!(findings, [], "{property}");
    pack.unwrap()
}

fn tried(pack: &Pack, seed: u64) -> CaseOutcome {
    let run = PropertyRun {
        scripts: &Scripts::default(),
        seed,
        coverage: None,
    };
    pack.run_property(&pack.properties[0], &run)
}

fn counterexample(outcome: &CaseOutcome) -> &Value {
    let contexts = outcome.contexts.as_ref().unwrap();
    contexts.counterexample.as_ref().expect("a counterexample")
}

#[test]
fn what_holds_passes_on_all_contexts() {
    for (property, runs) in [
        (
            "hook = \"progress\"\ngiven = { event.data.seconds = { min = 0, max = 100000 } }\n\
             expect = \"value >= 0 && value <= ctx.event.data.seconds\"",
            256,
        ),
        (
            "hook = \"progress\"\nruns = 10\ngiven = { event.data.seconds = { min = 0, max = 9 } }\n\
             expect = { monotone_in = \"event.data.seconds\" }",
            10,
        ),
        (
            "hook = \"reward\"\ngiven = { user = { level = { min = 1, max = 99 }, tags = { some_of = [\"vip\", \"new\"] } } }\n\
             expect = { holds = \"value.points >= 60\", monotone_in = \"user.level\" }",
            256,
        ),
        (
            "hook = \"eligible\"\ngiven.\"user.level\" = { min = 1, max = 2 }\n\
             given.\"user.country\" = { one_of = [\"DE\", \"VN\"], optional = true }\nexpect = \"value\"",
            256,
        ),
    ] {
        let outcome = tried(&pack(property), 0);
        assert!(outcome.passed(), "{outcome:#?}");
        assert_eq!(outcome.contexts.unwrap().runs, runs, "{property}");
    }
}

/// What a failing property shows: the mismatch and the context.
fn shown(property: &str) -> (String, String, String, Value) {
    let outcome = tried(&pack(property), 0);
    let context = counterexample(&outcome).clone();
    let [mismatch] = outcome.mismatches.as_slice() else {
        panic!("{outcome:#?}");
    };
    (
        mismatch.what.clone(),
        mismatch.expected.clone(),
        mismatch.found.clone(),
        context,
    )
}

#[test]
fn a_counterexample_is_as_simple_as_it_gets() {
    let (what, expected, found, context) = shown(
        "hook = \"progress\"\ngiven = { event.data.seconds = { min = 0, max = 100000 }, user.level = { min = 1, max = 50 } }\n\
         expect = \"value <= 600\"",
    );
    assert_eq!(
        (what.as_str(), expected.as_str(), found.as_str()),
        ("value", "value <= 600", "601")
    );
    assert_eq!(context["event"]["data"], json!({"seconds": 18_030}));
    assert_eq!(context["user"]["level"], 1);

    let (_, _, found, context) = shown(
        "hook = \"reward\"\ngiven = { user.tags = { some_of = [\"a\", \"vip\", \"z\"] }, mission.reward.points = { min = 0.00, max = 90 } }\n\
         expect = \"(value.bonus_points ?? 0) < 5\"",
    );
    assert_eq!(found, "{\"bonus_points\":5.5,\"points\":10}");
    assert_eq!(context["user"]["tags"], json!(["vip"]));
    assert_eq!(context["mission"]["reward"]["points"], 0);

    let (_, _, _, context) = shown(
        "hook = \"eligible\"\ngiven = { user.level = { min = 1, max = 50 }, user.country = { one_of = [\"VN\", \"DE\"], optional = true } }\n\
         expect = \"value\"",
    );
    assert_eq!(context["user"], json!({"level": 3, "tags": []}));
}

#[test]
fn a_hook_that_fails_is_a_counterexample_unless_it_may() {
    let given =
        "hook = \"progress\"\ngiven = { event.data.seconds = { min = 30, max = 60, optional = true } }\n";
    let fails = "fn progress(ctx) { ctx.event.data.seconds + 1 }";
    let load = |expect: &str| {
        let mut pack = pack(&format!("{given}expect = {expect}"));
        pack.missions[0].definition.script = Some(fails.to_owned());
        tried(&pack, 0)
    };
    for expect in ["\"value > 30\"", "{ never_fails = true }"] {
        let outcome = load(expect);
        assert_eq!(outcome.mismatches[0].what, "progress");
        assert_eq!(outcome.mismatches[0].expected, "an answer");
        assert!(
            outcome.mismatches[0].found.contains("cannot take"),
            "{outcome:#?}"
        );
        assert_eq!(counterexample(&outcome)["event"]["data"], json!({}));
    }
    assert!(load("{ holds = \"value > 30\", never_fails = false }").passed());
}

#[test]
fn a_value_that_falls_is_told_with_both_contexts() {
    let mut pack = pack(
        "hook = \"progress\"\ngiven = { event.data.seconds = { min = 0, max = 1000 } }\n\
         expect = { monotone_in = \"event.data.seconds\" }",
    );
    let falls = "fn progress(ctx) { if ctx.event.data.seconds > 700 { 1 } else { 2 } }";
    pack.missions[0].definition.script = Some(falls.to_owned());
    let outcome = tried(&pack, 0);
    let mismatch = &outcome.mismatches[0];
    assert_eq!(mismatch.what, "value");
    assert_eq!(mismatch.expected, "at least 2, as for `event.data.seconds` = 0");
    assert_eq!(mismatch.found, "1 for `event.data.seconds` = 701");
}

#[test]
fn the_same_seed_draws_the_same_contexts() {
    let pack = pack(
        "hook = \"eligible\"\ngiven = { user.level = { min = 1, max = 1000000 }, now = { min = 2026-01-01T00:00:00Z, max = 2026-12-31T00:00:00Z } }\n\
         expect = \"value || ctx.user.level < 1000 || ctx.now.hour != 7\"",
    );
    assert_eq!(tried(&pack, 7), tried(&pack, 7));
    let runs = |seed| tried(&pack, seed).contexts.unwrap().runs;
    assert!((1..20).any(|seed| runs(seed) != runs(0)));
}

#[test]
fn a_counterexample_gives_the_same_when_it_is_evaluated_alone() {
    for (hook, expect) in [
        ("progress", "value < 3"),
        ("reward", "value.points < 300"),
        ("eligible", "value"),
    ] {
        let pack = pack(&format!(
            "hook = \"{hook}\"\ngiven = {{ event.data.seconds = {{ min = 0, max = 500 }}, user.level = {{ min = 1, max = 50 }}, \
             user.tags = {{ some_of = [\"vip\"] }} }}\nexpect = \"{expect}\""
        ));
        let outcome = tried(&pack, 3);
        let mut context = counterexample(&outcome).clone();
        assert_eq!(context.get("mission"), None);
        let definition = &pack.missions[0].definition;
        context["mission"] = mission_context(definition);
        let known = Hook::ALL.into_iter().find(|known| known.name() == hook).unwrap();
        let value = Scripts::default().eval_hook(SCRIPT, known, &context).unwrap();
        assert_eq!(outcome.mismatches[0].found, value.to_string());
        assert_eq!(outcome.hooks[0].trace.result, Ok(value));
    }
}

#[test]
fn dates_times_and_decimals_are_within_their_ranges() {
    let pack = pack(
        "hook = \"eligible\"\nexpect = \"ctx.streak.last_date >= \\\"2026-01-30\\\" && ctx.streak.last_date <= \\\"2026-02-02\\\" \
         && ctx.user.registered_at >= \\\"2026-01-05T10:00:00Z\\\" && ctx.now.weekday == 1 \
         && ctx.user.attributes.price >= 0.25 && ctx.user.attributes.price <= 1.5\"\n\
         [property.given]\nstreak.last_date = { min = \"2026-01-30\", max = \"2026-02-02\" }\n\
         user.registered_at = { min = \"2026-01-05T10:00:00Z\", max = \"2026-01-06T10:00:00Z\" }\n\
         now = { min = \"2026-01-05T00:00:00Z\", max = \"2026-01-05T23:59:59Z\" }\n\
         user.attributes.price = { min = 0.25, max = \"1.5\" }\n",
    );
    let outcome = tried(&pack, 0);
    assert!(outcome.passed(), "{outcome:#?}");
}

#[test]
fn what_properties_run_is_counted() {
    let pack = pack(
        "hook = \"progress\"\ngiven = { event.data.seconds = { min = 0, max = 60 } }\nexpect = \"value >= 0\"",
    );
    let scripts = Scripts::default();
    let coverage = CoverageCompiler::new(&scripts);
    let run = PropertyRun {
        scripts: &scripts,
        seed: 0,
        coverage: Some(&coverage),
    };
    assert!(pack.run_property(&pack.properties[0], &run).passed());
    let counted = coverage.of(SCRIPT).unwrap();
    assert!(counted.lines[&2] >= 256, "{counted:?}");
    assert!(
        counted
            .branches
            .iter()
            .filter(|way| way.line == 2)
            .all(|way| way.times > 0)
    );
    assert_eq!(counted.lines[&5], 0);
}
