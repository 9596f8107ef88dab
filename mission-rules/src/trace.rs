//! Why a hook gave what it gave: each line that ran, with the values that it saw.
//!
//! The interpreter can trace by itself, but with hooks that slow every evaluation of every program that is built
//! together with them. Here it is the script that is changed: each statement gets a call before it that tells what
//! the statement is about to read. The answer is that of the script as it was written, which is evaluated on its own.

pub(crate) mod instrument;
pub(crate) mod recorder;

use mission_core::ports::rules::{CompileError, Hook, RuleFailure, TracedLine};
use serde_json::Value;

use crate::{
    EvalError, Limits, Scripts,
    context::json_context,
    diagnostic::{line_column, line_start},
    json::to_json,
    program::Engines,
};
use instrument::{Instrumented, instrument};
use recorder::Recording;

pub(crate) use recorder::{STEP_FUNCTION, record_step};

/// The most steps that a trace keeps.
const MOST_STEPS: usize = 1_000;

/// One evaluation of a hook, with the way that it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// What the hook gave, or how it failed.
    pub result: Result<Value, RuleFailure>,
    /// The statements that ran, in order; the first thousand of them.
    pub steps: Vec<TraceStep>,
    /// Whether there were more steps than are kept.
    pub truncated: bool,
}

/// One statement that ran.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceStep {
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// The line of the source, without the white space around it.
    pub code: String,
    /// What the statement reads, as it is written there, and its value at that moment. Of `if`, `while`, `for` and
    /// `switch` it is what the condition reads.
    pub values: Vec<(String, Value)>,
}

impl From<TraceStep> for TracedLine {
    fn from(step: TraceStep) -> Self {
        TracedLine {
            line: step.line,
            code: step.code,
            values: step.values.into_iter().collect(),
        }
    }
}

impl Scripts {
    /// Evaluates one hook on a context that was written as JSON, and tells each statement that ran with the values
    /// that it saw.
    ///
    /// ```
    /// use mission_core::ports::rules::Hook;
    /// use mission_rules::Scripts;
    /// let source = "fn eligible(ctx) {\n    ctx.user.level >= 3\n}";
    /// let trace = Scripts::default().trace_hook(source, Hook::Eligible, &serde_json::json!({"user": {"level": 2}}))?;
    /// assert_eq!(trace.result, Ok(serde_json::json!(false)));
    /// assert_eq!(trace.steps[0].line, 2);
    /// assert_eq!(trace.steps[0].values, [("ctx.user.level".to_owned(), serde_json::json!(2))]);
    /// # Ok::<(), mission_core::ports::rules::CompileError>(())
    /// ```
    ///
    /// # Errors
    /// When the script does not compile. That the hook fails is part of the trace.
    pub fn trace_hook(&self, source: &str, hook: Hook, context: &Value) -> Result<Trace, CompileError> {
        let result = match self.eval_hook(source, hook, context) {
            Ok(value) => Ok(value),
            Err(EvalError::Rule(failure)) => Err(failure),
            Err(EvalError::Compile(error)) => return Err(error),
        };
        let recording = self.record(source, hook, context, &result).unwrap_or_default();
        let truncated = recording.len() > MOST_STEPS;
        let steps = recording.into_iter().take(MOST_STEPS).collect();
        Ok(Trace {
            result,
            steps,
            truncated,
        })
    }

    /// Runs the changed script; `None` where it would not be the same script any more.
    fn record(
        &self,
        source: &str,
        hook: Hook,
        context: &Value,
        result: &Result<Value, RuleFailure>,
    ) -> Option<Vec<TraceStep>> {
        let written = self.engines.parse(source).ok()?;
        let Instrumented {
            source: changed,
            points,
        } = instrument(source, &written)?;
        let program = self.tracing_engines().compile(&changed).ok()?;
        if !program.defines(hook) {
            return None;
        }
        let recording = Recording::start(MOST_STEPS + 1);
        let traced = program.call(hook, json_context(context).ok()?);
        let recorded = recording.finish();
        if let Ok(value) = result
            && traced.ok().and_then(|traced| to_json(&traced).ok()).as_ref() != Some(value)
        {
            return None;
        }
        let steps = recorded.into_iter().filter_map(|(point, values)| {
            let point = points.get(point)?;
            let (line, column) = line_column(source, point.offset);
            let code = source
                .get(line_start(source, line)?..)?
                .lines()
                .next()?
                .trim()
                .to_owned();
            let values = point.reads.iter().cloned().zip(values).collect();
            Some(TraceStep {
                line,
                column,
                code,
                values,
            })
        });
        Some(steps.collect())
    }

    /// The engines that changed scripts run on, made when the first is: such a script does more than the written one, whose
    /// limits have been held when it gave its answer.
    pub(crate) fn tracing_engines(&self) -> &Engines {
        self.tracing.get_or_init(|| {
            let limits = *self.limits();
            self.engines.tracing(Limits {
                script_bytes: limits.script_bytes.saturating_mul(16),
                operations: limits.operations.saturating_mul(16),
                wall_time: limits.wall_time.saturating_mul(16),
                expression_depth: limits.expression_depth.saturating_add(2),
                string_bytes: limits.string_bytes.saturating_mul(4),
                array_items: limits.array_items.saturating_mul(4),
                map_entries: limits.map_entries.saturating_mul(4),
                ..limits
            })
        })
    }
}
