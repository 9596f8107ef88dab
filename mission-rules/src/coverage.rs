//! Which lines and branches of scripts ran: what cases leave untried.

mod branches;
#[cfg(any(test, feature = "properties"))]
mod json;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mission_core::{
    fraud::RiskAssessment,
    ports::rules::{
        CompileError, EvidenceVerdict, Hook, RewardPatch, RuleContext, RuleFailure, Script, ScriptCompiler,
        TracedLine,
    },
};

use rhai::Dynamic;

use crate::{
    ScriptHooks, Scripts,
    context::{ContextUse, script_context},
    diagnostic::line_column,
    program::Program,
    trace::{
        instrument::{Instrumented, instrument},
        recorder::Recording,
    },
};
use branches::Branch;

/// The most steps of one evaluation that are counted.
const MOST_STEPS: usize = 100_000;

/// Compiles scripts that count what of them runs. Answers are those of the scripts as they are written.
///
/// ```
/// use mission_rules::{Scripts, coverage::CoverageCompiler, pack::{Pack, PackFiles, template}};
/// let (pack, _) = Pack::load(&PackFiles::from_map(template::files("demo")));
/// let pack = pack.ok_or("a pack")?;
/// let scripts = Scripts::default();
/// let coverage = CoverageCompiler::new(&scripts);
/// pack.all_cases().into_iter().for_each(|case| drop(pack.run_case(case, &coverage)));
/// let source = pack.missions[0].definition.script.as_deref().ok_or("a script")?;
/// let covered = coverage.of(source).ok_or("counted")?;
/// assert_eq!((covered.lines_run(), covered.lines.len()), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CoverageCompiler<'s> {
    scripts: &'s Scripts,
    counted: Mutex<BTreeMap<String, Option<Arc<CountedScript>>>>,
}

/// What of a script ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptCoverage {
    /// How often each line ran on which a statement begins; lines from 1.
    pub lines: BTreeMap<usize, u64>,
    /// How often each way of each `if` was taken, in the order in which they stand.
    pub branches: Vec<BranchCoverage>,
}

/// One way of an `if`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchCoverage {
    /// The line of the `if`, from 1.
    pub line: usize,
    /// Whether it is the way on which the condition holds.
    pub holds: bool,
    /// How often it was taken.
    pub times: u64,
}

impl ScriptCoverage {
    /// The lines that ran.
    #[must_use]
    pub fn lines_run(&self) -> usize {
        self.lines.values().filter(|times| **times > 0).count()
    }

    /// The ways that were taken.
    #[must_use]
    pub fn branches_taken(&self) -> usize {
        self.branches.iter().filter(|branch| branch.times > 0).count()
    }
}

/// A script with a count for each of its statements.
struct CountedScript {
    program: Program,
    /// The line of each statement.
    lines: Vec<usize>,
    branches: Vec<Branch>,
    counts: Mutex<Vec<u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counts are whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CountedScript {
    /// `None` where the script cannot be made to tell its steps.
    fn new(scripts: &Scripts, source: &str) -> Option<Self> {
        let written = scripts.engines.parse(source).ok()?;
        let Instrumented {
            source: changed,
            points,
        } = instrument(source, &written)?;
        let program = scripts.tracing_engines().compile(&changed).ok()?;
        let offsets: Vec<usize> = points.iter().map(|point| point.offset).collect();
        Some(CountedScript {
            program,
            lines: offsets
                .iter()
                .map(|offset| line_column(source, *offset).0)
                .collect(),
            branches: branches::of(source, &written, &offsets),
            counts: Mutex::new(vec![0; offsets.len()]),
        })
    }

    fn run(&self, hook: Hook, context: &RuleContext<'_>) {
        if self.program.defines(hook) {
            self.call(hook, script_context(context, &ContextUse::Everything));
        }
    }

    fn call(&self, hook: Hook, context: Dynamic) {
        let recording = Recording::start(MOST_STEPS);
        // That it fails is told by the script as it is written.
        drop(self.program.call(hook, context));
        let mut counts = lock(&self.counts);
        for (point, _) in recording.finish() {
            if let Some(count) = counts.get_mut(point) {
                *count += 1;
            }
        }
    }

    fn coverage(&self) -> ScriptCoverage {
        let counts = lock(&self.counts);
        let mut coverage = ScriptCoverage::default();
        for (line, count) in self.lines.iter().zip(&*counts) {
            let times = coverage.lines.entry(*line).or_default();
            *times = (*times).max(*count);
        }
        coverage.branches = self
            .branches
            .iter()
            .map(|branch| BranchCoverage {
                line: branch.line,
                holds: branch.holds,
                times: branch.times(&counts),
            })
            .collect();
        coverage
    }
}

impl<'s> CoverageCompiler<'s> {
    /// Nothing has run yet.
    #[must_use]
    pub fn new(scripts: &'s Scripts) -> Self {
        CoverageCompiler {
            scripts,
            counted: Mutex::default(),
        }
    }

    /// What of a script has run so far; `None` where that cannot be counted.
    #[must_use]
    pub fn of(&self, source: &str) -> Option<ScriptCoverage> {
        self.counted(source).map(|counted| counted.coverage())
    }

    fn counted(&self, source: &str) -> Option<Arc<CountedScript>> {
        let mut counted = lock(&self.counted);
        if let Some(known) = counted.get(source) {
            return known.clone();
        }
        let made = CountedScript::new(self.scripts, source).map(Arc::new);
        counted.insert(source.to_owned(), made.clone());
        made
    }
}

impl std::fmt::Debug for CoverageCompiler<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoverageCompiler").finish_non_exhaustive()
    }
}

impl ScriptCompiler for CoverageCompiler<'_> {
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, CompileError> {
        let written = self.scripts.load(source)?;
        Ok(match self.counted(source) {
            Some(counted) => Arc::new(CoveredScript { written, counted }),
            None => written,
        })
    }

    fn trace(&self, source: &str, hook: Hook, context: &RuleContext<'_>) -> Vec<TracedLine> {
        self.scripts.trace(source, hook, context)
    }
}

/// A script as it is written, and beside it the one that counts.
struct CoveredScript {
    written: Arc<ScriptHooks>,
    counted: Arc<CountedScript>,
}

impl std::fmt::Debug for CoveredScript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.written.fmt(f)
    }
}

impl Script for CoveredScript {
    fn eligible(&self, context: &RuleContext<'_>) -> Result<Option<bool>, RuleFailure> {
        self.counted.run(Hook::Eligible, context);
        self.written.eligible(context)
    }

    fn progress(&self, context: &RuleContext<'_>) -> Result<Option<u64>, RuleFailure> {
        self.counted.run(Hook::Progress, context);
        self.written.progress(context)
    }

    fn verify(&self, context: &RuleContext<'_>) -> Result<Option<EvidenceVerdict>, RuleFailure> {
        self.counted.run(Hook::Verify, context);
        self.written.verify(context)
    }

    fn reward(&self, context: &RuleContext<'_>) -> Result<Option<RewardPatch>, RuleFailure> {
        self.counted.run(Hook::Reward, context);
        self.written.reward(context)
    }

    fn risk(&self, context: &RuleContext<'_>) -> Result<Option<RiskAssessment>, RuleFailure> {
        self.counted.run(Hook::Risk, context);
        self.written.risk(context)
    }
}
