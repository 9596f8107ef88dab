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
    (
        "fn progress(ctx) { let n = 0; for i in 0..3 { if i > ctx.user.level { break; } n += i; } n }",
        &[],
    ),
    (
        "fn progress(ctx) { let n = 0; loop { n += 1; if n > 3 { return n; } } }",
        &[],
    ),
    (
        "fn eligible(ctx) { let day = if ctx.now.hour < 12 { let x = 1; x } else { let x = 2; x }; day == 1 }",
        &[],
    ),
    (
        "fn verify(ctx) { if ctx.evidence.seconds > 3 { return true; } #{ review: `${ctx.user.level}` } }",
        &[],
    ),
    ("fn reward(ctx) { let r = #{}; r.points = 5; r }", &[]),
    (
        "fn reward(ctx) { #{ points: ctx.mission.reward.points, badge_id: () } }",
        &[],
    ),
    (
        "fn progress(ctx) { if ctx.user.level > 3 { throw \"not for you\" } else { 1 } }",
        &[],
    ),
    // What may be of several types is compared with anything.
    (
        "fn eligible(ctx) { let n = 1; if ctx.user.level > 3 { n = \"many\"; } n == \"many\" }",
        &[],
    ),
    (
        "fn same(a, b) { a == b } fn eligible(ctx) { same(ctx.user.level, 3) && same(ctx.user.country, \"DE\") }",
        &[],
    ),
    (
        "fn eligible(ctx) { let user = ctx.user; user.level = \"high\"; user.level == \"high\" }",
        &[],
    ),
    (
        "fn eligible(ctx) { for tag in ctx.user.tags { if tag == 3 || tag == \"vip\" { return true; } } false }",
        &[],
    ),
    (
        "fn one(ctx) { for tag in ctx.user.tags { return tag; } 0 } fn eligible(ctx) { one(ctx) == \"vip\" }",
        &[],
    ),
    (
        "fn down(n) { if n > 0 { down(n - 1) } else { \"end\" } } fn eligible(ctx) { down(ctx.user.level) == \"end\" }",
        &[],
    ),
    (
        "fn found(ctx) { loop { break \"x\"; } } fn eligible(ctx) { found(ctx) == \"x\" }",
        &[],
    ),
    (
        "fn eligible(ctx) { try { throw 1 } catch (why) { return why == \"x\" || why == 1; } true }",
        &[],
    ),
    (
        "fn verify(ctx) { let said = \"level \" + ctx.user.level; said += 1; said + [1] }",
        &[],
    ),
    (
        "fn progress(ctx) { let n = 0; n += 1; n *= 2; let all = [1] + [2]; all.push(3); n + all.len() }",
        &[],
    ),
    // Syntax.
    (
        "fn eligible(ctx) { ctx.user.level >= }",
        &[("script/syntax", "}", "")],
    ),
    ("fn eligible(ctx) { true", &[("script/syntax", "{", "not closed")]),
    (
        "fn progress(ctx) {\n    if true {\n        1\n    else { 0 }\n}",
        &[("script/syntax", "{", "`}` is missing before the `else`")],
    ),
    (
        "fn progress(ctx) {\n    1\n\nfn reward(ctx) { #{} }",
        &[("script/syntax", "{", "before line 4")],
    ),
    (
        "fn eligible(ctx) { ctx.user.country == 'VN' }",
        &[("script/syntax", "'", "write \"VN\"")],
    ),
    (
        "fn eligible(ctx) { ctx.user.level > 3 and ctx.user.level < 5 }",
        &[("script/syntax", "and", "write `&&`")],
    ),
    (
        "function eligible(ctx) { true }",
        &[("script/syntax", "function", "write `fn`")],
    ),
    (
        "fn progress(ctx) { if ctx.user.level > 3 { 1 } elif ctx.user.level > 2 { 2 } else { 3 } }",
        &[("script/syntax", "elif", "write `else if`")],
    ),
    (
        "fn eligible(ctx) { ctx.user.country != null }",
        &[("script/syntax", "null", "write `()`")],
    ),
    (
        "fn eligible(ctx) { ctx.user.country === \"DE\" }",
        &[("script/syntax", "===", "write `==`")],
    ),
    (
        "fn eligible(ctx) { if ctx.user.level = 3 { true } else { false } }",
        &[("script/syntax", "=", "write `==`")],
    ),
    (
        "fn reward(ctx) { #{ points: 5 bonus_points: 3 } }",
        &[("script/syntax", "bonus_points", "`,` is missing before")],
    ),
    (
        "fn reward(ctx) { { points: 5 } }",
        &[("script/syntax", ":", "write #{ name: value }")],
    ),
    (
        "fn eligible(ctx) { not (ctx.user.level > 3) }",
        &[("script/unknown-function", "not", "write `!`")],
    ),
    (
        "fn eligible(ctx) { ctx.user.country == \"DE }",
        &[("script/syntax", "\"", "not closed")],
    ),
    (
        "fn reward(ctx) { #{ points: ctx.mission.reward.points * \"2\" } }",
        &[("script/type-conflict", "*", "write 2 without quotes")],
    ),
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
    // Types through variables, parameters, results and functions of the language.
    (
        "fn eligible(ctx) { let level = ctx.user.level; level == \"3\" }",
        &[("script/type-conflict", "==", "write 3 without quotes")],
    ),
    (
        "fn eligible(ctx) { let user = ctx.user; user.levle > 3 }",
        &[("script/unknown-field", "levle", "did you mean `user.level`?")],
    ),
    (
        "fn enough(n) { n >= \"3\" } fn eligible(ctx) { enough(ctx.user.level) }",
        &[("script/type-conflict", ">=", "write 3 without quotes")],
    ),
    (
        "fn far(c) { c.streak.curent > 1 } fn eligible(ctx) { far(ctx) }",
        &[("script/unknown-field", "curent", "c.streak.current")],
    ),
    (
        "fn high(u) { u.level > 3 && u.tgas == () } fn eligible(c) { high(c.user) }",
        &[("script/unknown-field", "tgas", "did you mean `u.tags`?")],
    ),
    (
        "fn name(ctx) { ctx.user.country.to_upper() } fn eligible(ctx) { name(ctx) == 1 }",
        &[("script/type-conflict", "==", "a text and a whole number")],
    ),
    (
        "fn eligible(ctx) { ctx.user.tags.len() == \"2\" }",
        &[("script/type-conflict", "==", "write 2 without quotes")],
    ),
    (
        "const LEVEL = \"3\"; fn eligible(ctx) { ctx.user.level > LEVEL }",
        &[("script/type-conflict", ">", "a whole number and a text")],
    ),
    (
        "fn progress(ctx) { ctx.user.level + ctx.user.tags }",
        &[("script/type-conflict", "+", "cannot be added")],
    ),
    (
        "fn progress(ctx) { let text = `${ctx.user.level}` + 1; text - 1 }",
        &[("script/type-conflict", "-", "this is a text")],
    ),
    (
        "fn progress(ctx) { let n = \"1\"; n }",
        &[("script/wrong-answer", "n", "gives a text here")],
    ),
    (
        "fn why(ctx) { \"no\" } fn eligible(ctx) { let said = why(ctx); said }",
        &[("script/wrong-answer", "said", "gives a text here")],
    ),
    (
        "fn eligible(ctx) { let evidence = ctx.evidence; evidence.type == \"photo\" }",
        &[(
            "script/type-conflict",
            "==",
            "`evidence.type` is watch_duration or",
        )],
    ),
    // Values that the context cannot have.
    (
        "fn eligible(ctx) { ctx.now.hour >= 25 }",
        &[("script/type-conflict", ">=", "always false")],
    ),
    (
        "fn eligible(ctx) { 0 <= ctx.now.weekday && ctx.user.level > 0 }",
        &[
            ("script/type-conflict", "<=", "always true"),
            ("script/type-conflict", ">", "always true"),
        ],
    ),
    // What a hook gives.
    (
        "fn reward(ctx) { #{ pionts: 5 } }",
        &[("script/wrong-answer", "pionts", "did you mean `points`?")],
    ),
    (
        "fn reward(ctx) { #{ points: 5, bonus_points: -1 } }",
        &[(
            "script/wrong-answer",
            "bonus_points",
            "a number from 0, and is -1",
        )],
    ),
    (
        "fn reward(ctx) { #{ points: \"5\" } }",
        &[("script/wrong-answer", "points", "a number from 0, and is a text")],
    ),
    (
        "fn reward(ctx) { if ctx.user.level > 3 { #{ points: 5 } } }",
        &[("script/wrong-answer", "if", "add an `else`")],
    ),
    (
        "fn eligible(ctx) { if ctx.user.level > 3 { return \"no\"; } true }",
        &[("script/wrong-answer", "\"", "gives a text here")],
    ),
    (
        "fn progress(ctx) { if ctx.user.level > 3 { 1.5 } else { true } }",
        &[
            ("script/wrong-answer", "1", "gives 1.5 here"),
            ("script/wrong-answer", "true", "gives true or false here"),
        ],
    ),
    (
        "fn progress(ctx) { switch ctx.user.country { \"DE\" => 1 } }",
        &[("script/wrong-answer", "switch", "`_ =>`")],
    ),
    (
        "fn progress(ctx) { bonus(ctx) } fn bonus(ctx) { ctx.user.country }",
        &[("script/wrong-answer", "ctx", "gives a text here")],
    ),
    (
        "fn verify(ctx) { #{ why: \"blurred\" } }",
        &[("script/wrong-answer", "why", "#{ review: \"why\" }")],
    ),
    (
        "fn eligible(ctx) { let level = ctx.user.level; }",
        &[
            ("script/wrong-answer", "let", "gives nothing here"),
            ("script/unused-variable", "level", "nothing reads"),
        ],
    ),
    (
        "fn eligible(ctx) { }",
        &[("script/wrong-answer", "eligible", "gives nothing here")],
    ),
    // What fails whenever it runs.
    (
        "fn progress(ctx) { while true { } 1 }",
        &[("script/endless-loop", "while", "`break` or `return`")],
    ),
    (
        "fn progress(ctx) { loop { while ctx.user.level > 1 { break; } } }",
        &[("script/endless-loop", "loop", "never ends")],
    ),
    (
        "fn progress(ctx) { ctx.event.data.seconds / 0 }",
        &[("script/division-by-zero", "/", "always fails")],
    ),
    // Variables.
    (
        "fn progress(ctx) { let n = 1; if ctx.user.level > 3 { let n = 2; } n }",
        &[("script/shadowed-variable", "n", "without `let`")],
    ),
    (
        "fn progress(ctx) { let n = 1; n = 2; 1 }",
        &[("script/unused-variable", "n", "`_n`")],
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
    // Several at once, by place.
    (
        "fn eligible(ctx) { ctx.user.levle > 1 && nope(1) }",
        &[
            ("script/unknown-field", "levle", ""),
            ("script/unknown-function", "nope", ""),
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

/// What cannot be meant is refused when it is written; a script that is in force already goes on.
const OF_THE_CHECK_ALONE: [&str; 2] = ["script/unknown-field", "script/type-conflict"];

#[test]
fn what_has_errors_does_not_compile_and_the_rest_does() {
    let scripts = Scripts::default();
    for (source, _) in CASES {
        let findings = scripts.diagnose(source, &FieldSchema::default());
        let errors = findings.iter().any(|finding| {
            finding.severity == Severity::Error && !OF_THE_CHECK_ALONE.contains(&finding.code.as_str())
        });
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
