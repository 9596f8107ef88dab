//! What a case's hooks saw: of each the last evaluation, line by line.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use mission_core::{
    fraud::RiskAssessment,
    mission::MissionCode,
    ports::rules::{
        CompileError, EvidenceVerdict, Hook, RewardPatch, RuleContext, RuleFailure, Script, ScriptCompiler,
    },
};
use serde_json::Value;

use crate::{
    ScriptHooks, Scripts, Trace,
    context::{ContextUse, script_context},
    json::to_json,
    pack::{Case, Pack},
};

/// The last evaluation of one hook in a case.
#[derive(Clone, Debug, PartialEq)]
pub struct HookTrace {
    /// Which hook.
    pub hook: Hook,
    /// What it gave, and the lines that ran.
    pub trace: Trace,
}

impl Pack {
    pub(super) fn trace_mission_case(&self, case: &Case, scripts: &Scripts) -> Vec<HookTrace> {
        let recorder = Recorder {
            scripts,
            seen: Seen::default(),
        };
        drop(self.run_mission_case(case, &recorder));
        let seen = recorder.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last: Vec<(&(MissionCode, Hook), &Evaluation)> = seen
            .iter()
            .filter(|((code, _), _)| *code == case.mission.value)
            .collect();
        last.sort_by_key(|(_, evaluation)| evaluation.number);
        last.into_iter()
            .filter_map(|((_, hook), evaluation)| {
                let trace = scripts
                    .trace_hook(&evaluation.source, *hook, &evaluation.context)
                    .ok()?;
                Some(HookTrace { hook: *hook, trace })
            })
            .collect()
    }
}

/// The last evaluation of each mission's hooks.
type Seen = Arc<Mutex<BTreeMap<(MissionCode, Hook), Evaluation>>>;

struct Evaluation {
    number: usize,
    source: Arc<str>,
    context: Value,
}

/// Compiles scripts that remember what they were asked.
struct Recorder<'s> {
    scripts: &'s Scripts,
    seen: Seen,
}

#[derive(Debug)]
struct Recorded {
    hooks: Arc<ScriptHooks>,
    source: Arc<str>,
    seen: SeenBy,
}

/// As [`Seen`]; contexts are too long to be shown.
struct SeenBy(Seen);

impl std::fmt::Debug for SeenBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeenBy")
    }
}

impl ScriptCompiler for Recorder<'_> {
    fn compile(&self, source: &str) -> Result<Arc<dyn Script>, CompileError> {
        Ok(Arc::new(Recorded {
            hooks: self.scripts.load(source)?,
            source: source.into(),
            seen: SeenBy(Arc::clone(&self.seen)),
        }))
    }
}

impl Recorded {
    fn note(&self, hook: Hook, context: &RuleContext<'_>) {
        if !self.hooks.defines(hook) {
            return;
        }
        let Some(mission) = context.mission else { return };
        let Ok(whole) = to_json(&script_context(context, &ContextUse::Everything)) else {
            return;
        };
        let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = seen
            .values()
            .map(|evaluation| evaluation.number)
            .max()
            .unwrap_or(0)
            + 1;
        let evaluation = Evaluation {
            number,
            source: Arc::clone(&self.source),
            context: whole,
        };
        seen.insert((mission.definition.code.clone(), hook), evaluation);
    }
}

impl Script for Recorded {
    fn eligible(&self, context: &RuleContext<'_>) -> Result<Option<bool>, RuleFailure> {
        self.note(Hook::Eligible, context);
        self.hooks.eligible(context)
    }

    fn progress(&self, context: &RuleContext<'_>) -> Result<Option<u64>, RuleFailure> {
        self.note(Hook::Progress, context);
        self.hooks.progress(context)
    }

    fn verify(&self, context: &RuleContext<'_>) -> Result<Option<EvidenceVerdict>, RuleFailure> {
        self.note(Hook::Verify, context);
        self.hooks.verify(context)
    }

    fn reward(&self, context: &RuleContext<'_>) -> Result<Option<RewardPatch>, RuleFailure> {
        self.note(Hook::Reward, context);
        self.hooks.reward(context)
    }

    /// Missions' cases judge no risk; its own cases do.
    fn risk(&self, context: &RuleContext<'_>) -> Result<Option<RiskAssessment>, RuleFailure> {
        self.hooks.risk(context)
    }

    fn completions_read(&self) -> &[String] {
        self.hooks.completions_read()
    }
}
