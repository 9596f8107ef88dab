//! A mission's rules asked about one task: declarative ones first, then the script's hooks.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Evidence, Participation, Task};
use crate::{
    check_in::Zone,
    decision::{Catalog, CompiledMission, DecisionContext, Friends, Interrupt, Rejection},
    event::ActivityEvent,
    mission::{BaseReward, Period},
    ports::rules::{
        EvidenceVerdict, Hook, MissionRuleFailure, RewardPatch, RuleContext, RuleFailure, Script,
        TaskContext, UserContext,
    },
    user::User,
};

/// One evaluation of a mission's rules: the mission, the user, the task and the event.
pub(crate) struct RuleEvaluation<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) compiled: &'a CompiledMission,
    pub(crate) user: &'a User,
    pub(crate) at: DateTime<Utc>,
    pub(crate) zone: Zone,
    pub(crate) task: TaskContext,
    pub(crate) event: Option<&'a ActivityEvent>,
    pub(crate) evidence: Option<&'a Evidence>,
    /// What the mission offers for what is judged.
    pub(crate) offer: &'a BaseReward,
    days_away: Option<u32>,
    completions: Map<String, Value>,
    friends: Option<&'a Friends>,
}

impl<'a> RuleEvaluation<'a> {
    /// About a task that is there.
    pub(crate) fn of_task(
        cx: &DecisionContext<'a>,
        compiled: &'a CompiledMission,
        user: &'a User,
        task: &'a Task,
        participation: &Participation,
        at: DateTime<Utc>,
    ) -> Result<Self, Interrupt> {
        let definition = &compiled.mission.definition;
        let rule = definition.streak.as_ref();
        let stages = u32::try_from(definition.stage.len()).unwrap_or(u32::MAX);
        let facts = TaskContext {
            progress: task.progress.current(),
            target: task.progress.target(),
            completions: participation.period(task.period).completions,
            started_at: Some(task.started_at),
            stage: if task.progress.is_complete() {
                stages
            } else {
                task.stages
            },
            streak: rule.map_or(0, |rule| task.tally.runs(rule).1),
        };
        Ok(RuleEvaluation {
            task: facts,
            evidence: task.evidence.as_ref(),
            days_away: Some(task.days_away),
            ..Self::new(cx, compiled, user, at)?
        })
    }

    /// About a task that is yet to be started.
    pub(crate) fn of_start(
        cx: &DecisionContext<'a>,
        compiled: &'a CompiledMission,
        user: &'a User,
        participation: &Participation,
        period: Period,
        at: DateTime<Utc>,
    ) -> Result<Self, Interrupt> {
        let facts = TaskContext {
            target: compiled.mission.definition.target,
            completions: participation.period(period).completions,
            ..TaskContext::default()
        };
        Ok(RuleEvaluation {
            task: facts,
            ..Self::new(cx, compiled, user, at)?
        })
    }

    fn new(
        cx: &DecisionContext<'a>,
        compiled: &'a CompiledMission,
        user: &'a User,
        at: DateTime<Utc>,
    ) -> Result<Self, Interrupt> {
        let catalog = cx.catalog();
        let zone = user.zone_at(at, catalog.check_in.default_zone());
        let mut completions = Map::new();
        for code in compiled.completions_read() {
            let known = match *code == compiled.mission.definition.code {
                true => Some(compiled.mission.id),
                false => catalog.live_id_of(code),
            };
            let of_mission = match known {
                Some(id) => cx.participation((user.id, id))?,
                None => None,
            };
            let count = of_mission.map_or(0, |known| known.completions);
            completions.insert(code.to_string(), count.into());
        }
        Ok(RuleEvaluation {
            catalog,
            compiled,
            user,
            at,
            zone,
            task: TaskContext::default(),
            event: None,
            evidence: None,
            offer: compiled.mission.definition.completion_reward(),
            days_away: user.days_away_at(at),
            completions,
            friends: cx.context.signals.friends.as_ref(),
        })
    }

    /// What the rules read.
    pub(crate) fn context(&self) -> RuleContext<'_> {
        RuleContext {
            now: self.at,
            zone: self.zone,
            user: UserContext {
                days_away: self.days_away,
                ..self.user.rule_context(&self.catalog.levels)
            },
            mission: Some(&self.compiled.mission),
            task: self.task,
            event: self.event,
            evidence: self.evidence,
            streak: self.user.streak_at(self.at, &self.catalog.check_in),
            last_check_in: self.user.last_check_in_at(self.at),
            offer: self.offer,
            completions: &self.completions,
            friends: match self.friends {
                Some(Friends::Known(friends)) => Some(friends),
                Some(Friends::Unknown) | None => None,
            },
            risk: None,
        }
    }

    fn ask<T>(
        &self,
        hook: Hook,
        evaluate: impl FnOnce(&dyn Script, &RuleContext<'_>) -> Result<Option<T>, RuleFailure>,
    ) -> Result<Option<T>, Rejection> {
        self.know_friends()?;
        let answer = match &self.compiled.script {
            None => Ok(None),
            Some(Ok(script)) => evaluate(script.as_ref(), &self.context()),
            Some(Err(error)) => Err(RuleFailure::of_compiling(hook, error)),
        };
        answer.map_err(|failure| {
            Rejection::RuleFailed(Box::new(MissionRuleFailure::new(&self.compiled.mission, failure)))
        })
    }

    /// A rule that reads friends waits until they are known.
    fn know_friends(&self) -> Result<(), Rejection> {
        match self.friends {
            Some(Friends::Unknown) if self.compiled.reads_friends() => Err(Rejection::FriendsUnknown),
            _ => Ok(()),
        }
    }

    /// Whether the user may start or progress. Rules on the event are left out where there is none.
    pub(crate) fn eligible(&self) -> Result<(), Rejection> {
        self.know_friends()?;
        let context = self.context();
        let judged = self
            .compiled
            .mission
            .definition
            .rules
            .iter()
            .filter(|rule| self.event.is_some() || !rule.reads_event());
        for rule in judged {
            if !rule.holds(&context) {
                return Err(Rejection::NotEligible(rule.to_string()));
            }
        }
        match self.eligible_by_script()? {
            Some(false) => Err(script_says_no()),
            Some(true) | None => Ok(()),
        }
    }

    /// What the script says; `None` where it says nothing.
    pub(crate) fn eligible_by_script(&self) -> Result<Option<bool>, Rejection> {
        self.ask(Hook::Eligible, |script, context| script.eligible(context))
    }

    /// How much the event adds.
    pub(crate) fn progress(&self) -> Result<u64, Rejection> {
        Ok(self
            .ask(Hook::Progress, |script, context| script.progress(context))?
            .unwrap_or(1))
    }

    /// What the script says of the evidence; `None` where it says nothing.
    pub(crate) fn verify(&self) -> Result<Option<EvidenceVerdict>, Rejection> {
        self.ask(Hook::Verify, |script, context| script.verify(context))
    }

    /// What the script says of the reward.
    pub(crate) fn reward(&self) -> Result<RewardPatch, Rejection> {
        Ok(self
            .ask(Hook::Reward, |script, context| script.reward(context))?
            .unwrap_or_default())
    }
}

/// What a script's no refuses with.
pub(super) fn script_says_no() -> Rejection {
    Rejection::NotEligible("the mission's script says no".to_owned())
}
