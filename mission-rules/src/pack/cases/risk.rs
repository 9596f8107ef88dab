//! Cases of risk: one command, judged by the script that `risk.toml` names.

use mission_core::{
    check_in::{CheckInPolicy, Streak},
    mission::{BaseReward, Mission},
    ports::rules::{Hook, RuleContext, ScriptCompiler, TaskContext, UserContext},
};
use serde_json::{Map, Value};

use super::{
    CaseOutcome, HookTrace,
    compare::{Comparison, compare_risk},
    user_of,
};
use crate::{
    Scripts,
    context::{ContextUse, script_context},
    json::to_json,
    pack::{Pack, RiskCase, simulation::active},
};

impl Pack {
    pub(super) fn run_risk_case(&self, case: &RiskCase, compiler: &dyn ScriptCompiler) -> CaseOutcome {
        let mut outcome = CaseOutcome::new(&case.file, &case.name);
        let mut comparison = Comparison {
            prefix: String::new(),
            place: &|field| case.expect.span_of(field),
            mismatches: &mut outcome.mismatches,
        };
        let Some(policy) = &self.policy.risk else {
            comparison.differ("outcome", "a judgement", "there is no `risk.toml`");
            return outcome;
        };
        let judged = compiler
            .compile(&policy.script)
            .map_err(|error| error.to_string())
            .and_then(|script| {
                let judged = self.judging(case, |context| script.risk(context));
                judged.map_err(|failure| failure.to_string())
            });
        match judged {
            // A script without the hook says nothing against anybody.
            Ok(assessment) => {
                compare_risk(
                    &mut comparison,
                    &case.expect.value,
                    policy,
                    &assessment.unwrap_or_default(),
                );
            }
            Err(failure) => comparison.differ("score", "a judgement", &failure),
        }
        outcome
    }

    pub(super) fn trace_risk_case(&self, case: &RiskCase, scripts: &Scripts) -> Option<HookTrace> {
        let policy = self.policy.risk.as_ref()?;
        let context = self.judging(case, |context| {
            to_json(&script_context(context, &ContextUse::Everything)).ok()
        })?;
        let hook = Hook::Risk;
        let trace = scripts.trace_hook(&policy.script, hook, &context).ok()?;
        Some(HookTrace { hook, trace })
    }

    /// Evaluates something on the context that the case describes.
    fn judging<T>(&self, case: &RiskCase, evaluate: impl FnOnce(&RuleContext<'_>) -> T) -> T {
        let named = case.mission.as_ref().and_then(|code| {
            let mut definitions = self.missions.iter().map(|mission| &mission.definition);
            definitions.find(|definition| definition.code == code.value)
        });
        let mission: Option<Mission> = named.map(active);
        let (user, policy) = (&case.user, &self.policy);
        let experience = user.experience.map_or(0, u64::from);
        let earned = policy
            .levels
            .as_ref()
            .map_or(1, |levels| levels.level(experience));
        let default_zone = policy.check_in.as_ref().map(CheckInPolicy::default_zone);
        let (nothing, no_reward): (Map<String, Value>, _) = (Map::new(), BaseReward::default());
        evaluate(&RuleContext {
            now: case.at,
            zone: user.zone.or(default_zone).unwrap_or_default(),
            user: UserContext {
                id: user.id.unwrap_or_else(|| user_of(&case.name.value)),
                level: user.level.unwrap_or(1).max(earned),
                experience,
                tags: user.tags.as_deref().unwrap_or_default(),
                country: user.country.as_deref(),
                attributes: user.attributes.as_ref().unwrap_or(&nothing),
                registered_at: user.registered_at,
                badges: &[],
                last_seen_at: None,
                days_away: None,
            },
            mission: mission.as_ref(),
            task: TaskContext::default(),
            event: None,
            evidence: None,
            streak: Streak {
                current: case.streak,
                longest: case.streak,
                total: case.streak,
            },
            last_check_in: None,
            offer: mission
                .as_ref()
                .map_or(&no_reward, |mission| mission.definition.completion_reward()),
            completions: &nothing,
            friends: None,
            risk: Some(&case.signals),
        })
    }
}
