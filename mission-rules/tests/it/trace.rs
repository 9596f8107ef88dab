//! What a trace tells.

use mission_core::ports::rules::Hook;
use mission_rules::{Scripts, Trace};
use serde_json::json;

fn trace(source: &str, hook: Hook) -> Trace {
    let context = json!({
        "user": {"level": 4, "tags": ["vip"], "country": "DE"},
        "event": {"data": {"seconds": 12, "items": [{"n": 2}, {"n": 3}]}},
    });
    Scripts::default().trace_hook(source, hook, &context).unwrap()
}

/// `line: name=value name=value`
fn told(trace: &Trace) -> Vec<String> {
    let step = |step: &mission_rules::TraceStep| {
        let values: Vec<String> = step
            .values
            .iter()
            .map(|(name, value)| format!(" {name}={value}"))
            .collect();
        format!("{}:{}", step.line, values.concat())
    };
    trace.steps.iter().map(step).collect()
}

#[test]
fn each_line_that_ran_is_told_with_its_values() {
    let source = r#"const LEAST = 30;
// { not code; }
fn weight(item) { item.n * 2 }
fn progress(ctx) {
    let seconds = ctx.event.data.seconds; /* ; */
    if seconds >= LEAST && ctx.user.level > 1 {
        return 1;
    } else if (ctx.user.country == "DE") {
        let sum = 0;
        for item in ctx.event.data.items {
            sum += weight(item);
        }
        (sum + 1) * 1
    } else {
        0
    }
}"#;
    let trace = trace(source, Hook::Progress);
    assert_eq!(trace.result, Ok(json!(11)));
    assert!(!trace.truncated);
    assert_eq!(
        told(&trace),
        [
            "5: ctx.event.data.seconds=12",
            "6: LEAST=30 ctx.user.level=4 seconds=12",
            "9:",
            "10: ctx.event.data.items=[{\"n\":2},{\"n\":3}]",
            "11: item={\"n\":2} sum=0",
            "3: item.n=2",
            "11: item={\"n\":3} sum=4",
            "3: item.n=3",
            "13: sum=10",
        ]
    );
    assert_eq!(trace.steps[1].code, "if seconds >= LEAST && ctx.user.level > 1 {");
    assert_eq!((trace.steps[8].line, trace.steps[8].column), (13, 9));
}

#[test]
fn every_form_of_statement_is_told_or_left_alone() {
    // The body of `eligible`, and how many steps at least it takes.
    for (body, steps) in [
        ("!(\"banned\" in ctx.user.tags)", 1),
        ("(ctx.user.level + 1) * 2 > -(3)", 1),
        ("-ctx.user.level < 0", 1),
        ("[1, 2].contains(1)", 1),
        ("`${ctx.user.level}` == \"4\"", 1),
        ("let a = if ctx.user.level > 3 { true } else { false }; a", 2),
        ("let a = { let b = 1; b }; a == 1", 2),
        (
            "switch ctx.user.country { \"DE\" => true, \"AT\" => { false } _ => ctx.user.level > 1 }",
            1,
        ),
        ("let n = 0; while n < 3 { n += 1; } n == 3", 6),
        ("let n = 0; do { n += 1; } while n < 3; n == 3", 5),
        ("let n = 0; loop { n += 1; if n > 2 { break; } } n == 3", 8),
        ("let r = false; try { throw 1; } catch (e) { r = e == 1; } r", 4),
        (
            "for (item, i) in [1] { if item != i + 1 { return false; } } true",
            3,
        ),
        ("let m = #{}; m.a = 1; m[\"b\"] = 2; m.len() == 2", 4),
        ("let a = []; a.push(1); a.len() == 1", 3),
        ("{ { true } }", 1),
        ("return ctx.user.nothing.at.all == ();", 1),
        ("if true { } ; true", 1),
        ("let ctx = #{ user: 1 }; ctx.user == 1", 2),
        ("'{' == \"{\"", 1),
    ] {
        let trace = trace(&format!("fn eligible(ctx) {{ {body} }}"), Hook::Eligible);
        assert_eq!(trace.result, Ok(json!(true)), "{body}");
        assert!(trace.steps.len() >= steps, "{body}: {:?}", told(&trace));
    }
}

#[test]
fn a_failure_is_traced_up_to_where_it_happened() {
    let failed = trace(
        "fn eligible(ctx) {\n  let a = 1;\n  a + ctx.user.nothing > 1\n}",
        Hook::Eligible,
    );
    assert!(failed.result.unwrap_err().message.contains("(line 3, column "));
    assert_eq!(failed.steps.len(), 2);
    assert_eq!(
        failed.steps[1].values,
        [
            ("a".to_owned(), json!(1)),
            ("ctx.user.nothing".to_owned(), json!(null))
        ]
    );

    let endless = trace("fn eligible(ctx) { let n = 0; loop { n += 1; } }", Hook::Eligible);
    assert!(endless.result.unwrap_err().message.contains("operations"));
    assert_eq!((endless.steps.len(), endless.truncated), (1_000, true));

    let lacking = trace("fn eligible(ctx) { true }", Hook::Verify);
    assert!(lacking.result.is_err() && lacking.steps.is_empty());
}
