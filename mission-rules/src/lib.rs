//! Mission rules: sandboxed Rhai scripts, and packs of missions.
//!
//! A script defines any of four hooks; what it leaves out keeps its default. Scripts are pure, and every evaluation
//! ends within its [`Limits`]: whatever a script does, it costs its author one failed evaluation and nobody else
//! anything.
//!
//! ```
//! use mission_core::ports::rules::Hook;
//! use mission_rules::{FieldSchema, Scripts};
//!
//! let scripts = Scripts::default();
//! let source = "fn reward(ctx) { #{ points: ctx.mission.reward.points * 2 } }";
//! let context = serde_json::json!({"mission": {"reward": {"points": "12.5"}}});
//! assert_eq!(scripts.eval_hook(source, Hook::Reward, &context)?, serde_json::json!({"points": 25}));
//!
//! let findings = scripts.diagnose("fn eligible(ctx) { ctx.user.levle > 3 }", &FieldSchema::default());
//! assert_eq!(findings[0].help.as_deref(), Some("did you mean `ctx.user.level`?"));
//! # Ok::<(), mission_rules::EvalError>(())
//! ```

mod answer;
pub mod authoring;
mod call_check;
mod compiled;
mod completions;
mod context;
pub mod coverage;
pub mod diagnostic;
mod expectation;
mod failed_rules;
mod failure;
mod finding_code;
mod hook_cost;
mod index_guard;
mod json;
mod limits;
mod lint;
mod moving_average;
pub mod pack;
mod program;
pub mod run;
mod sandbox;
mod schema;
mod script;
mod source_text;
mod stopwatch;
mod suggest;
mod syntax;
mod syntax_error;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod trace;

pub use compiled::Interpreted;
pub use diagnostic::{Diagnostic, Fix, Severity};
pub use failed_rules::{FailedRule, FailedRules};
pub use finding_code::{FindingCode, UnknownFindingCode};
pub use limits::{Limits, TIME_CHECK_OPERATIONS};
pub use moving_average::SLOW_EVALUATION;
pub use schema::{FieldKind, FieldSchema};
pub use script::{EvalError, ScriptHooks, Scripts};
pub use stopwatch::{MonotonicStopwatch, StoppedStopwatch, Stopwatch};
pub use trace::{Trace, TraceStep};
