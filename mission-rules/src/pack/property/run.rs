//! Tries a property on contexts, and makes the first counterexample as simple as it gets.

use std::{cell::Cell, sync::Arc};

use mission_core::{
    mission::Definition,
    ports::rules::{CompileError, Hook},
};
use proptest::{
    prelude::{Just, Strategy},
    strategy::BoxedStrategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use rhai::Dynamic;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    FieldValues, Property,
    context::{BaseContext, mission_context, now_at, put},
    given::NOW,
    strategy::{Draw, strategy},
};
use crate::{
    ScriptHooks, Scripts,
    answer::{HookValue, REWARD_FIELDS},
    context::{ContextUse, json_context},
    coverage::CoverageCompiler,
    expectation::compiled::CompiledExpectation,
    json::to_json,
    pack::{CaseOutcome, HookTrace, Located, Mismatch, Pack, TriedContexts, risk_case::default_time},
};

/// With what a property is tried.
pub struct PropertyRun<'a> {
    /// What compiles the hook and the expression.
    pub scripts: &'a Scripts,
    /// Which contexts are drawn: the same ones for the same seed.
    pub seed: u64,
    /// What counts the lines that run.
    pub coverage: Option<&'a CoverageCompiler<'a>>,
}

impl Pack {
    /// Tries a property on as many contexts as it asks for. Of a counterexample, and of the context that shows it, the
    /// simplest is told that was found.
    ///
    /// ```
    /// use mission_rules::{Scripts, pack::{Pack, PackFiles, PropertyRun, template}};
    /// let (pack, _) = Pack::load(&PackFiles::from_map(template::files("demo")));
    /// let pack = pack.ok_or("a pack")?;
    /// let run = PropertyRun { scripts: &Scripts::default(), seed: 0, coverage: None };
    /// assert!(pack.properties.iter().all(|property| pack.run_property(property, &run).passed()));
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn run_property(&self, property: &Property, run: &PropertyRun<'_>) -> CaseOutcome {
        let mut outcome = CaseOutcome::new(&property.file, &property.name);
        let mut tried = TriedContexts {
            seed: run.seed,
            runs: 0,
            counterexample: None,
        };
        match self.trial(property, run) {
            Ok(trial) => {
                if let Some((flaw, context)) = trial.search(run, &mut tried.runs) {
                    outcome.hooks.extend(trial.trace(run.scripts, &context));
                    outcome.mismatches.push(flaw);
                    tried.counterexample = Some(context);
                }
            }
            Err(why) => outcome.mismatches.push(Mismatch {
                what: "the run".to_owned(),
                expected: "possible".to_owned(),
                found: why.to_string(),
                span: property.expect.place.clone(),
            }),
        }
        outcome.contexts = Some(tried);
        outcome
    }

    fn trial<'p>(
        &'p self,
        property: &'p Property,
        run: &'p PropertyRun<'_>,
    ) -> Result<Trial<'p>, CompileError> {
        let missing = || CompileError {
            message: "the mission has no script".to_owned(),
            line: 0,
            column: 0,
        };
        let code = &property.mission.value;
        let mission = self
            .missions
            .iter()
            .find(|mission| mission.definition.code == *code);
        let definition = &mission.ok_or_else(missing)?.definition;
        let source = definition.script.as_deref().ok_or_else(missing)?;
        let hooks = run.scripts.load(source)?;
        let holds = property.expect.holds.as_ref();
        let expectation = holds
            .map(|holds| CompiledExpectation::new(&run.scripts.engines, &holds.value))
            .transpose()?;
        let base = base_context(definition, property);
        Ok(Trial {
            property,
            definition,
            source,
            shown: base.fields(&hooks.program.reads),
            whole: base.fields(&ContextUse::Everything),
            coverage: run.coverage,
            hooks,
            expectation,
        })
    }
}

fn base_context(definition: &Definition, property: &Property) -> BaseContext {
    let given = |root: &str| {
        let mut paths = property.given.iter().map(|field| field.path.value.as_str());
        paths.any(|path| path.starts_with(root))
    };
    let mut base = BaseContext::of(definition, default_time());
    if given("event.") || property.hook.value == Hook::Progress {
        base = base.with_event();
    }
    if given("evidence.") || property.hook.value == Hook::Verify {
        base = base.with_evidence();
    }
    base
}

/// A property with everything that it is tried on.
struct Trial<'p> {
    property: &'p Property,
    definition: &'p Definition,
    source: &'p str,
    /// The fields of every context.
    whole: Map<String, Value>,
    /// Those of them that the script reads.
    shown: Map<String, Value>,
    coverage: Option<&'p CoverageCompiler<'p>>,
    hooks: Arc<ScriptHooks>,
    expectation: Option<CompiledExpectation>,
}

/// One context: what was drawn for each given field, and a second value for the one that the hook is monotone in.
type Sample = (Vec<Draw>, i64);

impl<'p> Trial<'p> {
    /// The simplest counterexample that was found, and its context.
    fn search(&self, run: &PropertyRun<'_>, runs: &mut u32) -> Option<(Mismatch, Value)> {
        let fields: Vec<BoxedStrategy<Draw>> = self.property.given.iter().map(strategy).collect();
        let config = Config {
            cases: self.property.runs,
            failure_persistence: None,
            max_shrink_iters: MOST_SIMPLER,
            max_shrink_time: 0,
            verbose: 0,
            ..Config::default()
        };
        let seed = seed_of(run.seed, &self.property.name.value);
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let (tried, found) = (Cell::new(0), Cell::new(false));
        let result = runner.run(&(fields, self.second()), |sample| {
            if !found.get() {
                tried.set(tried.get() + 1);
            }
            match self.flaw(&sample) {
                None => Ok(()),
                Some(_) => {
                    found.set(true);
                    Err(TestCaseError::fail(""))
                }
            }
        });
        *runs = tried.get();
        match result {
            Err(TestError::Fail(_, sample)) => self.flaw(&sample),
            _ => None,
        }
    }

    fn second(&self) -> BoxedStrategy<i64> {
        match self.monotone_in() {
            Some((_, range)) => range.offsets().boxed(),
            None => Just(0).boxed(),
        }
    }

    /// The given field that the hook is monotone in, by its number.
    fn monotone_in(&self) -> Option<(usize, &'p super::Interval)> {
        let named = &self.property.expect.monotone_in.as_ref()?.value;
        let mut fields = self.property.given.iter().enumerate();
        fields.find_map(|(nth, field)| match &field.values {
            FieldValues::Between(range) if field.path.value == *named => Some((nth, range)),
            _ => None,
        })
    }

    /// What is not as the property says, and the context that shows it.
    fn flaw(&self, (draws, second): &Sample) -> Option<(Mismatch, Value)> {
        let context = self.context(&self.whole, draws);
        let at = |flaw| Some((flaw, self.shown(draws)));
        let value = match self.evaluate(&context) {
            Ok(value) => value,
            Err(_) if !self.property.expect.never_fails => return None,
            Err(failure) => {
                let hook = self.property.hook.value.name();
                return at(self.mismatch(hook, "an answer", failure, None));
            }
        };
        if let Some(expectation) = &self.expectation
            && let Some(found) = self.objection(expectation, &value, &context)
        {
            let holds = self.property.expect.holds.as_ref();
            let wanted = holds.map_or("", |holds| holds.value.as_str());
            return at(self.mismatch("value", &one_line(wanted), found, holds));
        }
        let (nth, range) = self.monotone_in()?;
        let Some(&Draw::Offset(first)) = draws.get(nth) else {
            return None;
        };
        let mut others = draws.clone();
        *others.get_mut(nth)? = Draw::Offset(*second);
        let other = self.evaluate(&self.context(&self.whole, &others)).ok()?;
        let (low, high, falls) = if first <= *second {
            (first, *second, falls(&value, &other)?)
        } else {
            (*second, first, falls(&other, &value)?)
        };
        let Falls { from, to, what } = falls;
        let path = &self.property.given.get(nth)?.path.value;
        let (low, high) = (range.value_at(low), range.value_at(high));
        let wanted = format!("at least {from}, as for `{path}` = {low}");
        let found = format!("{to} for `{path}` = {high}");
        at(self.mismatch(&what, &wanted, found, self.property.expect.monotone_in.as_ref()))
    }

    /// How the hook is evaluated on a context that is shown.
    fn trace(&self, scripts: &Scripts, context: &Value) -> Option<HookTrace> {
        let mut context = context.clone();
        if let Some(fields) = context.as_object_mut() {
            fields
                .entry("mission")
                .or_insert_with(|| mission_context(self.definition));
        }
        let hook = self.property.hook.value;
        let trace = scripts.trace_hook(self.source, hook, &context).ok()?;
        Some(HookTrace { hook, trace })
    }

    fn evaluate(&self, context: &Value) -> Result<Dynamic, String> {
        let hook = self.property.hook.value;
        if let Some(coverage) = self.coverage {
            coverage.run_json(self.source, hook, context);
        }
        self.hooks
            .evaluate(hook, context)
            .map_err(|failure| failure.message)
    }

    /// Why a value is not as expected.
    fn objection(
        &self,
        expectation: &CompiledExpectation,
        value: &Dynamic,
        context: &Value,
    ) -> Option<String> {
        let shown = to_json(value).map_or_else(|error| error, |value| value.to_string());
        let context = json_context(context).unwrap_or_default();
        match expectation.holds(value.clone(), context) {
            Ok(true) => None,
            Ok(false) => Some(shown),
            Err(why) => Some(format!("{shown}, of which it cannot be told: {why}")),
        }
    }

    fn mismatch(
        &self,
        what: &str,
        expected: &str,
        found: String,
        asked: Option<&Located<String>>,
    ) -> Mismatch {
        let place = &self.property.expect.place;
        Mismatch {
            what: what.to_owned(),
            expected: expected.to_owned(),
            found,
            span: asked.map_or_else(|| place.clone(), |asked| asked.span.clone()),
        }
    }

    /// A context with what was drawn in it.
    fn context(&self, base: &Map<String, Value>, draws: &[Draw]) -> Value {
        let mut fields = base.clone();
        for (field, draw) in self.property.given.iter().zip(draws) {
            let value = match (draw, &field.values) {
                (Draw::Offset(offset), FieldValues::Between(range)) => Some(range.value_at(*offset)),
                (Draw::Value(value), _) => Some(value.clone()),
                _ => None,
            };
            let value = match (field.path.value.as_str(), value) {
                (NOW, Some(Value::String(at))) => at.parse().ok().map(|at| now_at(self.definition, at)),
                (_, value) => value,
            };
            put(&mut fields, &field.path.value, value);
        }
        Value::Object(fields)
    }

    /// The context as `mission eval` takes it: what the script reads and what was drawn; the mission is the pack's unless
    /// something of it was given.
    fn shown(&self, draws: &[Draw]) -> Value {
        let mut base = self.shown.clone();
        let given = self.property.given.iter();
        if !given
            .map(|field| &field.path.value)
            .any(|path| path.starts_with("mission."))
        {
            base.remove("mission");
        }
        self.context(&base, draws)
    }
}

/// How often a simpler counterexample is looked for.
const MOST_SIMPLER: u32 = 4_096;

/// Properties of one seed draw contexts of their own.
fn seed_of(seed: u64, name: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(name.as_bytes());
    hash.finalize().into()
}

/// An expression of several lines on one.
fn one_line(expression: &str) -> String {
    expression.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value that is smaller than it was before.
struct Falls {
    what: String,
    from: String,
    to: String,
}

/// Where a value, or an amount of a reward, falls from one evaluation to another.
fn falls(before: &Dynamic, after: &Dynamic) -> Option<Falls> {
    let entry = |map: &Dynamic, name: &str| map.read_lock::<rhai::Map>()?.get(name).cloned();
    let amounts = REWARD_FIELDS
        .iter()
        .filter_map(|name| Some((*name, entry(before, name)?, entry(after, name)?)));
    let whole = std::iter::once(("value", before.clone(), after.clone()));
    whole.chain(amounts).find_map(|(what, before, after)| {
        let has_fallen = match (before.number(), after.number()) {
            (Some(before), Some(after)) => after < before,
            _ => before.truth() == Some(true) && after.truth() == Some(false),
        };
        has_fallen.then(|| Falls {
            what: what.to_owned(),
            from: before.to_string(),
            to: after.to_string(),
        })
    })
}
