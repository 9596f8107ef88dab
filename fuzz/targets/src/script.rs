//! Whatever a script does, compiling and running it ends within its limits: no panic, no overflow of the stack, and
//! the same answer twice.
//!
//! The input is text: a script, and after a line `---` a context in JSON, which may be left out.

use std::sync::{Arc, LazyLock};

use mission_core::ports::rules::Hook;
use mission_rules::{FieldSchema, Limits, Scripts, Severity, StoppedStopwatch};
use serde_json::{Value, json};

/// Time stands still, so that the count of operations alone ends a script: the same on every machine.
static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    let limits = Limits {
        operations: 5_000,
        ..Limits::default()
    };
    Scripts::new(limits, Arc::new(StoppedStopwatch)).with_capacity(0)
});

static CONTEXT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "now": {"time": "10:00:00", "date": "2026-01-05", "hour": 10, "weekday": 1, "unix": 1767607200},
        "user": {"id": "00000000-0000-7000-8000-000000000001", "level": 4, "experience": 250, "tags": ["vip"],
                 "country": "DE", "attributes": {"plan": "gold"}},
        "mission": {"code": "watch", "target": 3, "reward": {"points": "12.5", "experience_points": 5}},
        "task": {"progress": 1, "target": 3, "completions": 0},
        "event": {"id": "1", "type": "video.watched", "data": {"seconds": 35, "list": [1, "2", [3]]}},
        "evidence": {"type": "watch_duration", "data": "35", "seconds": 35},
        "streak": {"current": 3, "longest": 7, "total": 20},
    })
});

/// Compiles and runs the text.
///
/// # Panics
/// When a script gives two answers, or is refused without a finding.
pub fn script(bytes: &[u8]) {
    let text = crate::text(bytes);
    let (source, context) = match text.split_once("\n---\n") {
        Some((source, context)) => match serde_json::from_str(context) {
            Ok(context) => (source, context),
            Err(_) => return,
        },
        None => (text, CONTEXT.clone()),
    };
    let findings = SCRIPTS.diagnose(source, &FieldSchema::default());
    let script = match SCRIPTS.load(source) {
        Ok(script) => script,
        Err(error) => {
            let said = findings.iter().any(|finding| finding.severity == Severity::Error);
            assert!(said, "the lint keeps quiet about what does not compile: {error}");
            return;
        }
    };
    for hook in Hook::ALL {
        let first = script.eval_json(hook, &context);
        assert_eq!(
            first,
            script.eval_json(hook, &context),
            "a pure hook gave two answers"
        );
    }
}
