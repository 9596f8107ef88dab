//! Scripts that mean harm, or are written by accident: each ends in an error, soon, and within the memory of a few
//! values.

use std::sync::Arc;

use mission_core::ports::rules::Hook;
use mission_rules::{Limits, MonotonicStopwatch, Scripts, StoppedStopwatch, Stopwatch};
use serde_json::json;

/// Runs inside `fn eligible(ctx)`; what must be part of the error.
const HOSTILE: &[(&str, &str)] = &[
    // Time.
    ("loop {}", "operations"),
    ("while true { let x = 1; }", "operations"),
    ("do {} while true", "operations"),
    (
        "let i = 0; while i < 9223372036854775807 { i += 1; } true",
        "operations",
    ),
    (
        "let n = 0; for i in 0..9223372036854775807 { n += 1; } true",
        "operations",
    ),
    (
        "let n = 0; for i in 0..=9223372036854775806 { for j in 0..1000000 { n = j; } } true",
        "operations",
    ),
    (
        "let n = 0; for a in 0..1000 { for b in 0..1000 { n += 1; } } true",
        "operations",
    ),
    (
        "let s = 0; loop { s += 1; if s < 0 { return true; } }",
        "operations",
    ),
    ("try { loop {} } catch { true }", "operations"),
    ("loop { try { throw 1 } catch { continue } }", "operations"),
    ("let x = 2.0; loop { x = x ** 1.0001; }", ""),
    (
        "let s = \"a\"; loop { s = s.replace(\"a\", \"b\").replace(\"b\", \"a\"); }",
        "operations",
    ),
    ("1.0000001 ** 999999999.0 > 0", "overflow"),
    ("switch 1 { _ => loop {} }", "operations"),
    // Depth.
    ("deep(1)", "16 levels deep"),
    ("left(1)", "16 levels deep"),
    ("try { deep(1) } catch { deep(1) }", "16 levels deep"),
    ("branch(1)", ""),
    ("let a = []; loop { a = [a]; }", "1000 items"),
    ("let a = #{}; loop { a = #{ a: a }; }", "500 entries"),
    (
        "let a = []; for i in 0..2000 { a[0] = a; } true",
        "outside of a list",
    ),
    ("let a = [1]; loop { a[0] = a; }", "1000 items"),
    ("let m = #{}; loop { m.m = m; }", "500 entries"),
    ("let m = #{}; loop { m[\"m\"] = m; }", "500 entries"),
    // Memory: strings.
    ("let s = \"x\"; loop { s += s; }", "bytes"),
    ("let s = \"x\"; loop { s = s + s; }", "bytes"),
    ("let s = \"x\"; loop { s = `${s}${s}`; }", "bytes"),
    ("let s = \"x\"; loop { s = s.replace(\"x\", \"xx\"); }", "bytes"),
    ("let s = \"x\"; loop { s = [s, s, s].join(s); }", "bytes"),
    ("let s = \"\"; loop { s += \"0123456789\"; }", "bytes"),
    ("let s = \"ŉ\"; loop { s = (s + s).to_upper(); }", "bytes"),
    (
        "let s = \"x\"; for i in 0..14 { s += s; } s.split(\"\").len() > 0",
        "1000 items",
    ),
    (
        "let s = \"\\u0001\"; for i in 0..14 { s += s; } [s].to_string().len() > 0",
        "bytes",
    ),
    // Memory: lists.
    ("let a = []; loop { a.push(1); }", ""),
    ("let a = [1]; loop { a += a; }", "1000 items"),
    ("let a = [1]; loop { a = a + a; }", "1000 items"),
    ("let a = []; loop { a.push(a); }", "1000 items"),
    ("let a = [1]; loop { a.insert(0, a); }", "1000 items"),
    ("let a = [1]; loop { a = [a, a]; }", "1000 items"),
    ("let a = [0, 0]; loop { a[0] = a; a[1] = a; }", "1000 items"),
    ("let a = [\"x\"]; loop { a[0] += a[0]; }", "bytes"),
    // Memory: maps.
    (
        "let m = #{}; let i = 0; loop { m[i.to_string()] = i; i += 1; }",
        "500 entries",
    ),
    (
        "let m = #{}; let i = 0; loop { m[`k${i}`] = m; i += 1; }",
        "500 entries",
    ),
    (
        "let m = #{}; let i = 0; loop { m.set(`k${i}`, m); i += 1; }",
        "500 entries",
    ),
    ("let m = #{ a: [] }; loop { m.a.push(m); }", ""),
    (
        "let m = #{ a: 1, b: 1 }; loop { m.a = m; m.b = m; }",
        "500 entries",
    ),
    (
        "let m = #{ a: #{} }; let i = 0; loop { m.a[`k${i}`] = m; i += 1; }",
        "500 entries",
    ),
    ("let m = #{ s: \"x\" }; loop { m.s += m.s; }", "bytes"),
    ("let m = #{ s: \"x\" }; loop { m[\"s\"] += m[\"s\"]; }", "bytes"),
    ("let m = #{}; let k = \"k\"; loop { m[k] = 1; k += k; }", "bytes"),
    ("loop { ctx[ctx.len().to_string()] = ctx; }", "500 entries"),
    ("loop { ctx.user = ctx; }", "500 entries"),
    // Ways out.
    ("eval(\"loop {}\")", "make code while it runs"),
    ("let f = Fn(\"deep\"); f.call(1)", "function pointers are off"),
    ("let f = |x| x; f(1)", ""),
    ("import \"secrets\" as s; true", "import"),
    ("export ctx; true", "export"),
    ("sleep(60); true", "block the engine"),
    ("timestamp(); true", "scripts are pure"),
    ("rand() > 1", "scripts are pure"),
    ("print(\"hello\"); true", "nothing would show it"),
    ("debug(ctx); true", "nothing would show it"),
    ("this.level = 5; true", "as parameters"),
    ("exit(true)", "use `return`"),
    ("global::x", ""),
    ("is_def_fn(\"deep\", 1)", "known where it is written"),
    ("parse_json(\"{}\").len() == 0", "parsed values"),
    ("open_file(\"/etc/passwd\")", "scripts are pure"),
    ("unknown_function(1)", "no function"),
    ("nowhere > 1", "no variable"),
    ("\"a\".pad(1000000000, \"x\").len() > 1", "no function"),
    ("[].pad(1000000000, 1).len() > 1", "no function"),
    ("blob(1000000000).len() > 1", "no function"),
    ("range(0, 10, 0)", "no function"),
    ("9223372036854775807 * 2 > 1", "overflow"),
    ("1 << 64 > 0 && throw \"shifted\"", ""),
    ("#{ a: 1 }.a.b.c.d += 1; true", ""),
];

const HELPERS: &str = "
fn deep(n) { deep(n + 1) }
fn left(n) { right(n + 1) }
fn right(n) { left(n + 1) }
fn branch(n) { branch(n + 1) || branch(n + 1) }
";

/// A debug build interprets some ten times slower, and the machine has other things to do as well.
pub(crate) const SOON_MILLIS: u128 = 5_000;

pub(crate) fn scripts() -> Scripts {
    Scripts::new(Limits::default(), Arc::new(MonotonicStopwatch::start()))
}

fn failure_of(scripts: &Scripts, body: &str) -> String {
    let source = format!("fn eligible(ctx) {{ {body} }}\n{HELPERS}");
    let context = json!({"user": {"level": 3, "tags": ["a"]}, "event": {"data": {"n": 1}}});
    let start = MonotonicStopwatch::start();
    let result = scripts.eval_hook(&source, Hook::Eligible, &context);
    let millis = start.elapsed().as_millis();
    assert!(millis < SOON_MILLIS, "{body}: took {millis} ms");
    match result {
        Err(error) => error.to_string(),
        Ok(value) => format!("gave {value}"),
    }
}

/// Without a clock, so that what ends a script is the same in every build and on every machine.
#[test]
fn every_hostile_script_ends_in_an_error_soon() {
    assert!(HOSTILE.len() >= 52);
    let scripts = Scripts::new(Limits::default(), Arc::new(StoppedStopwatch));
    let wrong: Vec<_> = HOSTILE
        .iter()
        .map(|(body, expected)| (body, failure_of(&scripts, body), expected))
        .filter(|(_, error, expected)| error.starts_with("gave ") || !error.contains(**expected))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_hostile_script_fails_under_the_default_limits() {
    let scripts = scripts();
    for (body, _) in HOSTILE {
        let error = failure_of(&scripts, body);
        assert!(!error.starts_with("gave "), "{body}: {error}");
    }
}

#[test]
fn a_script_over_a_limit_spoils_nothing_for_the_next() {
    let scripts = scripts();
    for (body, _) in HOSTILE.iter().take(5) {
        failure_of(&scripts, body);
        let fine = scripts.eval_hook("fn eligible(ctx) { true }", Hook::Eligible, &json!({}));
        assert_eq!(fine, Ok(json!(true)));
    }
}

/// As much as one evaluation can hold: in every call that can be open, as many variables as there can be, each as
/// large as it can be. An exact figure is the allocator's; that it is tens of megabytes and not gigabytes is ours.
#[test]
#[cfg(target_os = "linux")]
fn the_largest_evaluation_is_small() {
    let fill: String = (0..28)
        .map(|n| format!("let v{n} = m; v{n}.s += `${{n}}`; "))
        .collect();
    let source = format!(
        "fn hold(n, m) {{ {fill} hold(n + 1, m) }}
         fn verify(ctx) {{
             let s = \"0123456789abcdef\"; for i in 0..10 {{ s += s; }}
             let l = []; for i in 0..900 {{ l += i; }}
             let m = #{{ s: s, l: l }}; for i in 0..200 {{ m[`k${{i}}`] = #{{ i: i }}; }}
             hold(1, m)
         }}"
    );
    let scripts = Scripts::new(Limits::default(), Arc::new(StoppedStopwatch));
    let error = scripts.eval_hook(&source, Hook::Verify, &json!({})).unwrap_err();
    assert!(error.to_string().contains("levels deep"), "{error}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(
        kilobytes < 400 * 1024,
        "{kilobytes} kB at the peak of this process and all its tests"
    );
}

/// Values nested as deep as the limits let them be; whatever walks through one recursively must have stack for it.
#[test]
fn the_deepest_values_fit_on_a_small_stack() {
    let scripts = scripts();
    let lists = "let a = []; let b = []; for i in 0..900 { a = [a]; b = [b]; }";
    let maps = "let a = #{}; let b = #{}; for i in 0..450 { a = #{ m: a }; b = #{ m: b }; }";
    for build in [lists, maps] {
        for (hook, end) in [
            ("verify", "#{ review: a.to_string() }"),
            ("verify", "#{ review: `${a}${a == b}` }"),
            ("verify", "a == b && b in [a, b]"),
            ("reward", "a"),
            ("verify", "a[0] ?? 1; a.len() > 5"),
        ] {
            let source = format!("fn {hook}(ctx) {{ {build} {end} }}");
            let hook = Hook::ALL.into_iter().find(|known| known.name() == hook).unwrap();
            // What it gives does not matter here: that it comes back does.
            drop(scripts.eval_hook(&source, hook, &json!({})));
        }
    }
}

/// Calls within each other, each at the deepest place of an expression that is as deep as it may be.
#[test]
fn the_deepest_calls_fit_on_a_small_stack() {
    let scripts = scripts();
    for depth in 1..40 {
        for (open, close) in [
            ("(1 + ", ")"),
            ("[", "]"),
            ("if true { ", " }"),
            ("#{ a: ", " }"),
            ("f(n) ?? (", ")"),
        ] {
            let body = format!("{}f(n + 1){}", open.repeat(depth), close.repeat(depth));
            let source = format!("fn f(n) {{ {body} }} fn eligible(ctx) {{ f(1) }}");
            let error = scripts
                .eval_hook(&source, Hook::Eligible, &json!({}))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("levels deep") || error.contains("operations"),
                "{error}"
            );
        }
    }
}
