//! One compiled script.

use std::{panic::AssertUnwindSafe, sync::Arc};

use mission_core::{
    mission::FieldCondition,
    ports::rules::{FailureKind, Hook, HookCost, RuleContext, RuleFailure},
};
use rhai::{AST, ASTFlags, CallFnOptions, Dynamic, Engine, Expr, FuncArgs, Scope, Stmt};

use crate::{
    Diagnostic, FindingCode, Limits, Stopwatch,
    call_check::check_calls,
    compiled::{CompiledHook, Interpreted, Outcome},
    completions::CompletionsRead,
    context::{ContextUse, script_context},
    failure::rule_failure,
    hook_cost::HookCounters,
    index_guard::{GuardedScript, Insertions},
    moving_average::MovingAverage,
    sandbox::{Deadline, EngineMode, Language, MUTATING_METHODS, engine},
    syntax::{Chain, Function, functions, word_at},
    syntax_error::syntax_finding,
};

/// The engines of one set of limits, which all scripts and all threads share.
pub(crate) struct Engines {
    pub(crate) limits: Limits,
    pub(crate) language: Language,
    stopwatch: Arc<dyn Stopwatch>,
    analysing: Engine,
    running: Arc<Engine>,
    measuring: Arc<Engine>,
}

/// One compiled script.
pub(crate) struct Program {
    tree: AST,
    engine: Arc<Engine>,
    limits: Limits,
    stopwatch: Arc<dyn Stopwatch>,
    /// The hooks that the script defines, in the order of [`Hook::ALL`].
    hooks: [Option<Result<CompiledHook, Interpreted>>; Hook::ALL.len()],
    pub(crate) reads: ContextUse,
    pub(crate) pace: MovingAverage,
    costs: [HookCounters; Hook::ALL.len()],
    insertions: Insertions,
    /// The codes of the missions whose completions it reads.
    pub(crate) completions: Vec<String>,
}

impl Engines {
    pub(crate) fn new(limits: Limits, stopwatch: Arc<dyn Stopwatch>) -> Self {
        Self::with_language(limits, stopwatch, Language::new())
    }

    /// Engines on the same clock, for scripts that tell their steps.
    pub(crate) fn tracing(&self, limits: Limits) -> Self {
        Self::with_language(limits, Arc::clone(&self.stopwatch), Language::with_steps())
    }

    fn with_language(limits: Limits, stopwatch: Arc<dyn Stopwatch>, language: Language) -> Self {
        let make = |purpose| engine(&limits, &stopwatch, &language, purpose);
        let mut analysing = make(EngineMode::Analyse);
        // A script's constants become known to its functions only once they are computed.
        analysing.set_strict_variables(false);
        Self {
            analysing,
            running: Arc::new(make(EngineMode::Run)),
            measuring: Arc::new(make(EngineMode::RunMeasured)),
            limits,
            language,
            stopwatch,
        }
    }

    /// Reads a script as it is written.
    pub(crate) fn parse(&self, source: &str) -> Result<AST, Diagnostic> {
        if source.len() > self.limits.script_bytes {
            let message = format!(
                "the script has {} bytes, and at most {} are allowed",
                source.len(),
                self.limits.script_bytes
            );
            return Err(
                Diagnostic::new(FindingCode::ScriptTooLong, message).with_help("make two missions of it")
            );
        }
        self.analysing
            .compile(source)
            .map_err(|error| syntax_finding(source, &error, &self.limits))
    }

    /// Compiles a script, or says everything that keeps it from being one.
    pub(crate) fn compile(&self, source: &str) -> Result<Program, Vec<Diagnostic>> {
        let written = self.parse(source).map_err(|finding| vec![finding])?;
        self.compile_written(source, &written, &functions(&written))
    }

    /// The same of a script that was parsed, whose functions are known.
    pub(crate) fn compile_written(
        &self,
        source: &str,
        written: &AST,
        defined: &[Function],
    ) -> Result<Program, Vec<Diagnostic>> {
        let mut findings = check_top_level(source, written);
        findings.extend(check_constant_names(source, written, defined));
        findings.extend(check_calls(source, defined, &self.language));
        if !findings.is_empty() {
            return Err(findings);
        }
        let constants = self.constants(source, written).map_err(|finding| vec![finding])?;
        let measured = assigns_into_values(defined);
        let engine = if measured { &self.measuring } else { &self.running };
        let guarded = GuardedScript::of(source, written);
        let mut tree = engine
            .compile_with_scope(&constants, &guarded.source)
            .map_err(|error| vec![syntax_finding(source, &error, &self.limits)])?;
        tree.clear_statements();
        let hooks = Hook::ALL.map(|hook| {
            defined.iter().find(|function| function.name == hook.name())?;
            Some(if measured {
                Err(Interpreted::anywhere(
                    "the script changes what is within a list or a map",
                ))
            } else {
                CompiledHook::of(hook, defined, &constants, &self.limits)
            })
        });
        Ok(Program {
            tree,
            engine: Arc::clone(engine),
            limits: self.limits,
            stopwatch: Arc::clone(&self.stopwatch),
            hooks,
            reads: ContextUse::of(defined, &Hook::ALL.map(Hook::name)),
            pace: MovingAverage::default(),
            costs: Default::default(),
            insertions: guarded.into_insertions(),
            completions: CompletionsRead::of(defined).codes.into_iter().collect(),
        })
    }

    /// The values of the script's constants, computed once.
    fn constants(&self, source: &str, written: &AST) -> Result<Scope<'static>, Diagnostic> {
        let mut constants = Scope::new();
        let statements = written.clone_statements_only();
        let started = self.stopwatch.elapsed();
        let _deadline = Deadline::at(started.saturating_add(self.limits.wall_time));
        self.measuring
            .run_ast_with_scope(&mut constants, &statements)
            .map_err(|error| {
                let failure = rule_failure(Hook::Eligible, &error, &self.limits, &Insertions::default());
                let finding = Diagnostic::new(
                    FindingCode::ScriptConstant,
                    format!("a constant cannot be computed: {}", failure.message),
                );
                finding.at_known(word_at(source, error.position()))
            })?;
        Ok(constants)
    }
}

/// Finds statements outside of functions that are not constants: hooks are called, the script itself never runs.
fn check_top_level(source: &str, written: &AST) -> Vec<Diagnostic> {
    let misplaced = written.statements().iter().filter(|statement| match statement {
        Stmt::Noop(_) => false,
        Stmt::Var(_, flags, _) => !flags.contains(ASTFlags::CONSTANT),
        _ => true,
    });
    misplaced
        .map(|statement| {
            let message = "only `fn` and `const` can stand outside of functions: hooks are called, the script itself never runs";
            let finding = Diagnostic::new(FindingCode::ScriptTopLevel, message).with_help(match statement {
                Stmt::Var(..) => "make it a `const`, or move it into the hook that needs it",
                _ => "move it into the hook that needs it",
            });
            finding.at_known(word_at(source, statement.position()))
        })
        .collect()
}

/// Finds parameters with the name of a constant: constants are put in by name, and would win over the parameter.
fn check_constant_names(source: &str, written: &AST, functions: &[Function]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for statement in written.statements() {
        let Stmt::Var(definition, ..) = statement else {
            continue;
        };
        let name = definition.0.name.as_str();
        let holders = functions
            .iter()
            .filter(|function| function.parameters.iter().any(|known| known == name));
        findings.extend(holders.map(|function| {
            let message = format!(
                "`{name}` is a constant and also a parameter of `{}`",
                function.name
            );
            let finding =
                Diagnostic::new(FindingCode::ScriptConstantName, message).with_help("rename one of them");
            finding.at_known(word_at(source, definition.0.pos))
        }));
    }
    findings
}

/// Whether a script changes what is *within* a list or map, where the interpreter does not look at the size.
fn assigns_into_values(functions: &[Function]) -> bool {
    let mut found = false;
    for function in functions {
        function.walk(|path| match path.last() {
            Some(rhai::ASTNode::Stmt(Stmt::Assignment(assignment))) => {
                found |= Chain::of(&assignment.1.lhs).is_none_or(|chain| {
                    !matches!(assignment.1.lhs, Expr::Variable(..)) || !chain.fields.is_empty()
                });
            }
            Some(rhai::ASTNode::Expr(Expr::MethodCall(call, _))) => {
                found |= MUTATING_METHODS.contains(&call.name.as_str());
            }
            _ => {}
        });
    }
    found
}

impl Program {
    /// Whether the script has a hook.
    pub(crate) fn defines(&self, hook: Hook) -> bool {
        matches!(self.hooks.get(hook as usize), Some(Some(_)))
    }

    /// Why a hook that the script defines is not compiled.
    pub(crate) fn interpreted(&self, hook: Hook) -> Option<&Interpreted> {
        self.hooks.get(hook as usize)?.as_ref()?.as_ref().err()
    }

    /// What the value of a compiled hook means; `None` where the interpreter must be asked.
    pub(crate) fn compiled<T>(
        &self,
        hook: Hook,
        context: &RuleContext<'_>,
        meaning: impl FnOnce(Outcome<'_, '_, '_>) -> Option<T>,
    ) -> Option<T> {
        let compiled = self.hooks.get(hook as usize)?.as_ref()?.as_ref().ok()?;
        let cost = &self.costs.get(hook as usize)?.compiled;
        if !cost.count() {
            return compiled.evaluate(context, &self.limits, meaning);
        }
        let started = self.stopwatch.elapsed();
        let value = compiled.evaluate(context, &self.limits, meaning);
        cost.note_time(self.stopwatch.elapsed().saturating_sub(started));
        value
    }

    /// What the evaluations of each hook have cost so far, those by the interpreter apart from the compiled ones.
    pub(crate) fn costs(&self) -> Vec<HookCost> {
        let mut costs = Vec::new();
        for (hook, counters) in Hook::ALL.into_iter().zip(&self.costs) {
            for (counter, compiled) in [(&counters.compiled, true), (&counters.interpreted, false)] {
                let (evaluations, total, longest) = counter.sums();
                if evaluations > 0 {
                    costs.push(HookCost {
                        hook,
                        compiled,
                        evaluations,
                        total,
                        longest,
                    });
                }
            }
        }
        costs
    }

    /// What an event must be like for a compiled `eligible` to say yes.
    pub(crate) fn field_condition(&self) -> Option<FieldCondition> {
        let compiled = self.hooks.get(Hook::Eligible as usize)?.as_ref()?;
        compiled.as_ref().ok()?.field_condition()
    }

    /// What a hook gives by the interpreter.
    pub(crate) fn interpret(&self, hook: Hook, context: &RuleContext<'_>) -> Result<Dynamic, RuleFailure> {
        let started = self.stopwatch.elapsed();
        let value = self.call(hook, script_context(context, &self.reads));
        if let Some(counters) = self.costs.get(hook as usize) {
            let took = self.stopwatch.elapsed().saturating_sub(started);
            counters.interpreted.note(took);
        }
        value
    }

    /// Lets the interpreter call a hook.
    pub(crate) fn call(&self, hook: Hook, context: Dynamic) -> Result<Dynamic, RuleFailure> {
        self.call_named(hook, hook.name(), (context,))
    }

    /// Lets the interpreter call a function; what fails is told as a failure of the hook.
    pub(crate) fn call_named(
        &self,
        hook: Hook,
        name: &str,
        arguments: impl FuncArgs,
    ) -> Result<Dynamic, RuleFailure> {
        let started = self.stopwatch.elapsed();
        let _deadline = Deadline::at(started.saturating_add(self.limits.wall_time));
        let options = CallFnOptions::new().eval_ast(false);
        let call = || {
            let mut scope = Scope::new();
            self.engine
                .call_fn_with_options::<Dynamic>(options, &mut scope, &self.tree, name, arguments)
        };
        // The interpreter should never panic; if it does, one evaluation fails and not its neighbours.
        let result = std::panic::catch_unwind(AssertUnwindSafe(call));
        self.pace.note(self.stopwatch.elapsed().saturating_sub(started));
        match result {
            Ok(result) => result.map_err(|error| rule_failure(hook, &error, &self.limits, &self.insertions)),
            Err(_) => Err(RuleFailure {
                hook,
                kind: FailureKind::Error,
                line: None,
                message: "the interpreter broke down; this is a bug of the engine".to_owned(),
            }),
        }
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("hooks", &Hook::ALL.map(|hook| self.defines(hook)))
            .field("reads", &self.reads)
            .finish_non_exhaustive()
    }
}
