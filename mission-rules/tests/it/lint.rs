//! What the analysis finds, and where it points.

use mission_rules::{FieldKind, FieldSchema, Scripts, Severity};

/// A script; then code, what the finding's span covers, and a part of message or help, of each finding in order.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str, &'a str)]);

const CASES: &[Case<'_>] = &[
    // Nothing to say.
    (
        "fn eligible(ctx) { ctx.user.level >= 3 && !(\"banned\" in ctx.user.tags) }",
        &[],
    ),
    (
        "fn progress(ctx) { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }",
        &[],
    ),
    (
        "fn verify(c) { if c.evidence.seconds >= 30 { true } else { \"too short\" } }",
        &[],
    ),
    (
        "fn reward(ctx) { #{ points: ctx.mission.reward.points * 2, bonus_points: 5 } }",
        &[],
    ),
    (
        "const MIN = 3; fn enough(n) { n >= MIN } fn eligible(ctx) { enough(ctx.user.level) }",
        &[],
    ),
    (
        "fn eligible(ctx) { ctx.user.level == 3.0 && ctx.user.country in [\"DE\"] && ctx.user.country != () }",
        &[],
    ),
    (
        "fn eligible(ctx) { let names = [1, 2]; names[ctx.user.level].deep == 1 }",
        &[],
    ),
    (
        "fn eligible(ctx) { ctx.user.attributes.plan == \"gold\" || ctx.event.data[\"x\"].y == 1 }",
        &[],
    ),
    // Syntax.
    (
        "fn eligible(ctx) { ctx.user.level >= }",
        &[("script/syntax", "}", "")],
    ),
    ("fn eligible(ctx) { true", &[("script/syntax", "", "")]),
    (
        "fn eligible(ctx) { \n  limit > 1 }",
        &[("script/unknown-variable", "limit", "parameters")],
    ),
    // Fields.
    (
        "fn eligible(ctx) { ctx.user.levle >= 3 }",
        &[("script/unknown-field", "levle", "did you mean `ctx.user.level`?")],
    ),
    (
        "fn eligible(c) { c.usr.level >= 3 }",
        &[("script/unknown-field", "usr", "did you mean `c.user`?")],
    ),
    (
        "fn eligible(ctx) { ctx.user.level.max >= 3 }",
        &[("script/unknown-field", "max", "which has no fields")],
    ),
    (
        "fn progress(ctx) { ctx.event.data.secnods }",
        &[(
            "script/unknown-field",
            "secnods",
            "did you mean `ctx.event.data.seconds`?",
        )],
    ),
    (
        "fn eligible(ctx) { ctx.mission.reward.bonus > 1 }",
        &[("script/unknown-field", "bonus", "badge_id")],
    ),
    (
        "fn eligible(ctx) { `${ctx.now.minute}` == \"5\" }",
        &[("script/unknown-field", "minute", "hour")],
    ),
    (
        "fn far(ctx) { ctx.streak.curent } fn eligible(ctx) { far(ctx) > 1 }",
        &[("script/unknown-field", "curent", "ctx.streak.current")],
    ),
    (
        "fn eligible(ctx) { ctx.user.level = 9; true }",
        &[("script/context-write", "ctx", "own copy")],
    ),
    // Types.
    (
        "fn eligible(ctx) { ctx.user.level == \"3\" }",
        &[("script/type-conflict", "==", "write 3 without quotes")],
    ),
    (
        "fn eligible(ctx) { \"30\" <= ctx.event.data.seconds }",
        &[("script/type-conflict", "<=", "always false")],
    ),
    (
        "fn eligible(ctx) { ctx.user.country != 1 }",
        &[("script/type-conflict", "!=", "always true")],
    ),
    (
        "fn eligible(ctx) { ctx.user.level in [\"1\", \"2\"] }",
        &[("script/type-conflict", "in", "list of texts")],
    ),
    (
        "fn eligible(ctx) { \"vip\" in ctx.user.level }",
        &[("script/type-conflict", "in", "never in")],
    ),
    (
        "fn eligible(ctx) { ctx.user.tags == \"vip\" }",
        &[("script/type-conflict", "==", "a list and a text")],
    ),
    // Hooks.
    (
        "fn elligible(ctx) { true }",
        &[
            ("script/no-hooks", "", ""),
            ("script/misspelled-hook", "elligible", "did you mean `eligible`?"),
        ],
    ),
    (
        "fn helper(a, b) { a } fn eligible(ctx) { true }",
        &[("script/unused-function", "helper", "nothing calls")],
    ),
    ("const X = 1;", &[("script/no-hooks", "", "changes nothing")]),
    (
        "fn eligible(ctx, more) { true }",
        &[("script/hook-parameters", "eligible", "fn eligible(ctx)")],
    ),
    // Calls.
    (
        "fn eligible(ctx) { ctx.user.country.to_uper() == \"DE\" }",
        &[("script/unknown-function", "to_uper", "to_upper")],
    ),
    (
        "fn eligible(ctx) { round() > 0 }",
        &[("script/wrong-arity", "round", "1 or 2 parameters here, not 0")],
    ),
    (
        "fn f(a) { a } fn eligible(ctx) { f(1, 2) }",
        &[("script/wrong-arity", "f", "takes 1 parameters here, not 2")],
    ),
    (
        "fn eligible(ctx) { print(1); true }",
        &[("script/forbidden", "print", "mission eval --trace")],
    ),
    (
        "fn eligible(ctx) { sleep(1); true }",
        &[("script/forbidden", "sleep", "block")],
    ),
    (
        "let x = 1; fn eligible(ctx) { true }",
        &[("script/top-level", "let", "make it a `const`")],
    ),
    // Several at once, errors first.
    (
        "fn eligible(ctx) { ctx.user.levle > 1 && nope(1) }",
        &[
            ("script/unknown-function", "nope", ""),
            ("script/unknown-field", "levle", ""),
        ],
    ),
];

#[test]
fn findings_have_a_code_a_place_and_a_way_out() {
    let scripts = Scripts::default();
    let schema =
        FieldSchema::default().with_event_data([("seconds", FieldKind::Whole), ("title", FieldKind::Text)]);
    let mut wrong = Vec::new();
    for (source, expected) in CASES {
        // `ctx.event.data["x"]` and others are of an open schema.
        let open = expected.is_empty();
        let schema = if open {
            FieldSchema::default()
        } else {
            schema.clone()
        };
        let findings = scripts.diagnose(source, &schema);
        let found: Vec<_> = findings
            .iter()
            .map(|finding| {
                let covered = finding.span.clone().map_or("", |span| source.get(span).unwrap());
                (
                    finding.code,
                    covered,
                    format!("{} {}", finding.message, finding.help.as_deref().unwrap_or("")),
                )
            })
            .collect();
        let fits = found.len() == expected.len()
            && found.iter().zip(*expected).all(
                |((code, covered, text), (want_code, want_covered, want_text))| {
                    code == want_code && covered == want_covered && text.contains(want_text)
                },
            );
        if !fits {
            wrong.push((source, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_has_errors_does_not_compile_and_the_rest_does() {
    let scripts = Scripts::default();
    for (source, _) in CASES {
        let findings = scripts.diagnose(source, &FieldSchema::default());
        let errors = findings.iter().any(|finding| finding.severity == Severity::Error);
        assert_eq!(scripts.load(source).is_err(), errors, "{source}: {findings:#?}");
    }
}

#[test]
fn compile_errors_say_line_and_column() {
    let scripts = Scripts::default();
    let error = scripts
        .load("fn eligible(ctx) {\n    let a = \"ä\"; nope(a)\n}")
        .unwrap_err();
    assert_eq!((error.line, error.column), (2, 18));
    assert_eq!(error.message, "there is no function `nope`");
}
