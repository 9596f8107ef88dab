//! Scripts as the core's rule port sees them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use mission_core::{
    fraud::RiskAssessment,
    mission::FieldCondition,
    ports::rules::{
        CompileError, EvidenceVerdict, Hook, HookCost, RewardPatch, RuleContext, RuleFailure, Script,
        ScriptCompiler, TracedLine,
    },
};
use rhai::Dynamic;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    Diagnostic, FieldSchema, Interpreted, Limits, MonotonicStopwatch, Stopwatch,
    answer::HookAnswer,
    context::{ContextUse, json_context, script_context},
    failure::{compile_error, hook_failure},
    json::to_json,
    lint::lint,
    program::{Engines, Program},
};

/// How many compiled scripts are kept by default.
const DEFAULT_CAPACITY: usize = 10_000;

/// Compiles scripts, and keeps what it compiled by the hash of the source.
///
/// Compiling takes a lock for a moment; evaluating takes none, from any number of threads.
///
/// ```
/// use mission_core::ports::rules::Hook;
/// use mission_rules::Scripts;
/// let scripts = Scripts::default();
/// let context = serde_json::json!({"user": {"level": 4}});
/// let value = scripts.eval_hook("fn eligible(ctx) { ctx.user.level >= 3 }", Hook::Eligible, &context)?;
/// assert_eq!(value, serde_json::json!(true));
/// # Ok::<(), mission_rules::EvalError>(())
/// ```
pub struct Scripts {
    pub(crate) engines: Engines,
    /// Made when the first trace is asked for.
    pub(crate) tracing: OnceLock<Engines>,
    kept: Mutex<CachedScript>,
    capacity: usize,
}

#[derive(Default)]
struct CachedScript {
    by_hash: HashMap<[u8; 32], Arc<ScriptHooks>>,
    oldest_first: VecDeque<[u8; 32]>,
}

impl Default for Scripts {
    /// The default limits, on the machine's clock.
    fn default() -> Self {
        Self::new(Limits::default(), Arc::new(MonotonicStopwatch::start()))
    }
}

impl Scripts {
    /// A compiler whose scripts get so much, with the clock that the wall-time limit is measured on.
    #[must_use]
    pub fn new(limits: Limits, stopwatch: Arc<dyn Stopwatch>) -> Self {
        Self {
            engines: Engines::new(limits, stopwatch),
            tracing: OnceLock::new(),
            kept: Mutex::default(),
            capacity: DEFAULT_CAPACITY,
        }
    }

    /// Keeps so many compiled scripts (default 10,000), and forgets the oldest beyond that. A mission holds on to its
    /// own script; what is kept here only saves compiling it again.
    #[must_use]
    pub fn with_capacity(mut self, scripts: usize) -> Self {
        self.capacity = scripts;
        self
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.engines.limits
    }

    /// Compiles a script.
    ///
    /// # Errors
    /// When the source is no valid script: what is found first.
    pub fn load(&self, source: &str) -> Result<Arc<ScriptHooks>, CompileError> {
        let hash: [u8; 32] = Sha256::digest(source.as_bytes()).into();
        if let Some(known) = self.lock().by_hash.get(&hash) {
            return Ok(Arc::clone(known));
        }
        let program = self
            .engines
            .compile(source)
            .map_err(|findings| match findings.first() {
                Some(finding) => compile_error(source, finding),
                None => CompileError {
                    message: "the script does not compile".to_owned(),
                    line: 0,
                    column: 0,
                },
            })?;
        let script = Arc::new(ScriptHooks { program });
        let mut kept = self.lock();
        if self.capacity > 0 && kept.by_hash.insert(hash, Arc::clone(&script)).is_none() {
            kept.oldest_first.push_back(hash);
            while kept.oldest_first.len() > self.capacity {
                if let Some(oldest) = kept.oldest_first.pop_front() {
                    kept.by_hash.remove(&oldest);
                }
            }
        }
        Ok(script)
    }

    /// Everything that is wrong with a script, or probably not meant so, errors first.
    #[must_use]
    pub fn diagnose(&self, source: &str, schema: &FieldSchema) -> Vec<Diagnostic> {
        self.diagnose_script(source, schema).0
    }

    /// What [`Scripts::diagnose`] says, and the script, if it compiles.
    #[must_use]
    pub fn diagnose_script(
        &self,
        source: &str,
        schema: &FieldSchema,
    ) -> (Vec<Diagnostic>, Option<ScriptHooks>) {
        let (findings, program) = lint(&self.engines, source, schema);
        (findings, program.map(|program| ScriptHooks { program }))
    }

    /// Evaluates one hook on a context that was written as JSON; the fields of the context may be left out.
    ///
    /// # Errors
    /// When the script does not compile, lacks the hook, fails, or gives something that the hook cannot mean.
    pub fn eval_hook(&self, source: &str, hook: Hook, context: &Value) -> Result<Value, EvalError> {
        Ok(self.load(source)?.eval_json(hook, context)?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, CachedScript> {
        // What is kept is whole between any two statements, so a panic elsewhere spoils nothing.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripts")
            .field("limits", &self.engines.limits)
            .finish_non_exhaustive()
    }
}

impl ScriptCompiler for Scripts {
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, CompileError> {
        Ok(self.load(source)?)
    }

    fn trace(&self, source: &str, hook: Hook, context: &RuleContext<'_>) -> Vec<TracedLine> {
        let context = script_context(context, &ContextUse::Everything);
        let traced = to_json(&context).ok();
        let trace = traced.and_then(|context| self.trace_hook(source, hook, &context).ok());
        trace.map_or_else(Vec::new, |trace| {
            trace.steps.into_iter().map(TracedLine::from).collect()
        })
    }
}

/// An error of evaluating a hook on a JSON context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The script does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The evaluation failed.
    #[error(transparent)]
    Rule(#[from] RuleFailure),
}

/// One compiled script, which any number of threads can evaluate.
#[derive(Debug)]
pub struct ScriptHooks {
    pub(crate) program: Program,
}

impl ScriptHooks {
    /// Whether the script has a hook.
    #[must_use]
    pub fn defines(&self, hook: Hook) -> bool {
        self.program.defines(hook)
    }

    /// The hooks that the script defines, each with why it runs in the interpreter; `None` for one that is compiled.
    pub fn hooks(&self) -> impl Iterator<Item = (Hook, Option<&Interpreted>)> {
        let defined = Hook::ALL.into_iter().filter(|&hook| self.defines(hook));
        defined.map(|hook| (hook, self.interpreted(hook)))
    }

    /// Why a hook that the script defines runs in the interpreter; `None` for one that is compiled.
    ///
    /// ```
    /// use mission_core::ports::rules::Hook;
    /// use mission_rules::Scripts;
    /// let source = "fn eligible(ctx) { ctx.user.level >= 3 }\n\
    ///               fn progress(ctx) { let n = 0; for i in ctx.event.data.items { n += 1; } n }";
    /// let script = Scripts::default().load(source)?;
    /// assert_eq!(script.interpreted(Hook::Eligible), None);
    /// let because = script.interpreted(Hook::Progress).unwrap();
    /// assert_eq!((because.reason.as_str(), because.line), ("it has a loop", Some(2)));
    /// # Ok::<(), mission_core::ports::rules::CompileError>(())
    /// ```
    #[must_use]
    pub fn interpreted(&self, hook: Hook) -> Option<&Interpreted> {
        self.program.interpreted(hook)
    }

    /// Evaluates one hook on a context that was written as JSON, and gives its value as JSON with exact digits.
    ///
    /// # Errors
    /// When the script lacks the hook, fails, or gives something that the hook cannot mean.
    pub fn eval_json(&self, hook: Hook, context: &Value) -> Result<Value, RuleFailure> {
        let value = self.evaluate(hook, context)?;
        to_json(&value).map_err(|message| hook_failure(hook, message))
    }

    /// The same, as scripts have the value.
    pub(crate) fn evaluate(&self, hook: Hook, context: &Value) -> Result<Dynamic, RuleFailure> {
        if !self.program.defines(hook) {
            return Err(hook_failure(
                hook,
                format!("the script has no `fn {hook}(ctx)`, so the default applies"),
            ));
        }
        let context = json_context(context).map_err(|message| hook_failure(hook, message))?;
        let mut value = self.program.call(hook, context)?;
        match hook {
            Hook::Eligible => drop(bool::of(&mut value)?),
            Hook::Progress => drop(u64::of(&mut value)?),
            Hook::Verify => drop(EvidenceVerdict::of(&mut value)?),
            Hook::Reward => drop(RewardPatch::of(&mut value)?),
            Hook::Risk => drop(RiskAssessment::of(&mut value)?),
        }
        Ok(value)
    }

    /// What a hook says: compiled where it is, and by the interpreter where it is not or cannot tell.
    fn answer<T: HookAnswer>(&self, context: &RuleContext<'_>) -> Result<Option<T>, RuleFailure> {
        if let Some(answer) = self
            .program
            .compiled(T::HOOK, context, |mut outcome| T::of(&mut outcome).ok())
        {
            return Ok(Some(answer));
        }
        if !self.program.defines(T::HOOK) {
            return Ok(None);
        }
        T::of(&mut self.program.interpret(T::HOOK, context)?).map(Some)
    }

    /// What `eligible` gives when the interpreter evaluates it, whether it is compiled or not.
    ///
    /// # Errors
    /// As [`Script::eligible`].
    #[cfg(any(test, feature = "testing"))]
    pub fn eligible_interpreted(&self, context: &RuleContext<'_>) -> Result<bool, RuleFailure> {
        bool::of(&mut self.program.interpret(Hook::Eligible, context)?)
    }

    /// What `reward` gives when the interpreter evaluates it, whether it is compiled or not.
    ///
    /// # Errors
    /// As [`Script::reward`].
    #[cfg(any(test, feature = "testing"))]
    pub fn reward_interpreted(&self, context: &RuleContext<'_>) -> Result<RewardPatch, RuleFailure> {
        RewardPatch::of(&mut self.program.interpret(Hook::Reward, context)?)
    }
}

impl Script for ScriptHooks {
    fn eligible(&self, context: &RuleContext<'_>) -> Result<Option<bool>, RuleFailure> {
        self.answer(context)
    }

    fn progress(&self, context: &RuleContext<'_>) -> Result<Option<u64>, RuleFailure> {
        self.answer(context)
    }

    fn verify(&self, context: &RuleContext<'_>) -> Result<Option<EvidenceVerdict>, RuleFailure> {
        self.answer(context)
    }

    fn reward(&self, context: &RuleContext<'_>) -> Result<Option<RewardPatch>, RuleFailure> {
        self.answer(context)
    }

    fn risk(&self, context: &RuleContext<'_>) -> Result<Option<RiskAssessment>, RuleFailure> {
        self.answer(context)
    }

    fn field_condition(&self) -> Option<FieldCondition> {
        self.program.field_condition()
    }

    fn completions_read(&self) -> &[String] {
        &self.program.completions
    }

    fn is_slow(&self) -> bool {
        self.program.pace.is_slow()
    }

    fn costs(&self) -> Vec<HookCost> {
        self.program.costs()
    }
}
