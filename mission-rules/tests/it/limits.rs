//! Every limit is configurable, and is the one that ends a script.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mission_core::ports::rules::{Hook, Script};
use mission_rules::{Limits, Scripts, StoppedStopwatch, Stopwatch};
use serde_json::json;

fn result(limits: Limits, source: &str) -> Result<serde_json::Value, String> {
    Scripts::new(limits, Arc::new(StoppedStopwatch))
        .eval_hook(source, Hook::Eligible, &json!({}))
        .map_err(|error| error.to_string())
}

#[test]
fn each_limit_ends_what_passes_it_and_lets_the_rest_be() {
    let base = Limits::default();
    let table = [
        (
            Limits {
                script_bytes: 30,
                ..base
            },
            "fn eligible(ctx) { 1 + 1 == 2 }",
            "31 bytes, and at most 30",
        ),
        (
            Limits { functions: 1, ..base },
            "fn f() { 1 } fn eligible(ctx) { f() == 1 }",
            "at most 1 functions",
        ),
        (
            Limits {
                operations: 50,
                ..base
            },
            "fn eligible(ctx) { let n = 0; while n < 20 { n += 1; } true }",
            "more than 50 operations",
        ),
        (
            Limits {
                call_depth: 3,
                ..base
            },
            "fn f(n) { if n == 0 { true } else { f(n - 1) } } fn eligible(ctx) { f(5) }",
            "more than 3 levels deep",
        ),
        (
            Limits {
                expression_depth: 5,
                ..base
            },
            "fn eligible(ctx) { ((((((1 + 1) + 1) + 1) + 1) + 1) + 1) > 1 }",
            "more than 5 levels deep",
        ),
        (
            Limits { variables: 3, ..base },
            "fn eligible(ctx) { let a = 1; let b = 2; let c = 3; a + b + c == 6 }",
            "more than 3 variables",
        ),
        (
            Limits {
                string_bytes: 10,
                ..base
            },
            "fn eligible(ctx) { let s = \"12345\"; s += s; s += \"1\"; s.len() == 11 }",
            "beyond 10 bytes",
        ),
        (
            Limits {
                array_items: 3,
                ..base
            },
            "fn eligible(ctx) { let a = [1, 2]; a.push(3); a.push(4); a.len() == 4 }",
            "beyond 3 items",
        ),
        (
            Limits {
                map_entries: 3,
                ..base
            },
            "fn eligible(ctx) { let m = #{}; for i in 0..5 { m[i.to_string()] = i; } m.len() == 5 }",
            "beyond 3 entries",
        ),
    ];
    for (limits, source, expected) in table {
        let error = result(limits, source).unwrap_err();
        assert!(error.contains(expected), "{source}: {error}");
        assert_eq!(result(base, source), Ok(json!(true)), "{source}");
    }
}

/// Moves on by a millisecond at each look.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Stopwatch for Ticking {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[test]
fn the_wall_time_ends_what_operations_would_not() {
    let limits = Limits {
        operations: 1_000_000,
        wall_time: Duration::from_millis(20),
        ..Limits::default()
    };
    let scripts = Scripts::new(limits, Arc::new(Ticking::default()));
    let error = scripts
        .eval_hook("fn eligible(ctx) { loop {} }", Hook::Eligible, &json!({}))
        .unwrap_err();
    assert!(error.to_string().contains("runs for more than 20 ms"), "{error}");

    let caught = "fn f() { loop {} } fn eligible(ctx) { try { f() } catch { } try { f() } catch { } true }";
    let error = scripts.eval_hook(caught, Hook::Eligible, &json!({})).unwrap_err();
    assert!(
        error.to_string().contains("runs for more than 20 ms"),
        "a script cannot catch it: {error}"
    );

    // A short script does not look at the clock at all, so a busy machine cannot fail it.
    let none = Limits {
        wall_time: Duration::ZERO,
        ..Limits::default()
    };
    let scripts = Scripts::new(none, Arc::new(Ticking::default()));
    assert_eq!(
        scripts.eval_hook("fn eligible(ctx) { 1 < 2 }", Hook::Eligible, &json!({})),
        Ok(json!(true))
    );
}

#[test]
fn compiled_scripts_are_kept_by_content_and_bounded() {
    let scripts = Scripts::default().with_capacity(2);
    let source = |n: u32| format!("fn progress(ctx) {{ {n} }}");
    let first = scripts.load(&source(1)).unwrap();
    assert!(
        Arc::ptr_eq(&first, &scripts.load(&source(1)).unwrap()),
        "the same source is the same script"
    );
    scripts.load(&source(2)).unwrap();
    scripts.load(&source(3)).unwrap();
    assert!(
        !Arc::ptr_eq(&first, &scripts.load(&source(1)).unwrap()),
        "the oldest was forgotten"
    );
    assert_eq!(
        first.eval_json(Hook::Progress, &json!({})),
        Ok(json!(1)),
        "who holds it can still use it"
    );
}

#[test]
fn threads_share_a_script_and_never_see_each_other() {
    let scripts = Arc::new(Scripts::default());
    let source = "fn progress(ctx) { ctx.task.progress += 1; ctx.seen = ctx.task.progress; ctx.seen + ctx.task.target }";
    let script = scripts.load(source).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let script = &script;
            scope.spawn(move || {
                for round in 0..200_u32 {
                    let context = json!({"task": {"progress": thread, "target": round}});
                    assert_eq!(
                        script.eval_json(Hook::Progress, &context),
                        Ok(json!(thread + 1 + round))
                    );
                }
            });
        }
    });
}

/// Stands wherever it is put; each look moves it on by so many microseconds.
#[derive(Default)]
struct Paced {
    now: AtomicU64,
    step: AtomicU64,
}

impl Stopwatch for Paced {
    fn elapsed(&self) -> Duration {
        let step = self.step.load(Ordering::Relaxed);
        Duration::from_micros(self.now.fetch_add(step, Ordering::Relaxed))
    }
}

#[test]
fn a_script_is_slow_while_its_evaluations_take_long_on_average() {
    let stopwatch = Arc::new(Paced::default());
    let scripts = Scripts::new(Limits::default(), stopwatch.clone());
    let script = scripts.load("fn eligible(ctx) { true }").unwrap();
    let evaluate = |times: u32, micros: u64| {
        stopwatch.step.store(micros, Ordering::Relaxed);
        for _ in 0..times {
            script.eval_json(Hook::Eligible, &json!({})).unwrap();
        }
        script.is_slow()
    };
    assert!(!script.is_slow(), "before it was ever asked");
    assert!(!evaluate(1_000, 20), "an ordinary one");
    assert!(!evaluate(1, 8_000), "the machine was busy once");
    assert!(!evaluate(100, 20));
    assert!(evaluate(4, 5_000), "a few that take milliseconds");
    assert!(evaluate(10, 20), "it is remembered for a while");
    assert!(!evaluate(200, 20), "and forgotten");
    assert!(evaluate(1, 100_000), "one that uses up its time");
}
