//! A mission's rules asked about one task: declarative ones first, then the script's hooks.

use chrono::{DateTime, Utc};

use super::{Evidence, Participation, Task};
use crate::{
    check_in::Zone,
    engine::{Book, Friends, LoadedMission, Rejection, Work},
    event::ActivityEvent,
    mission::Period,
    ports::rules::{
        EvidenceVerdict, FailureKind, Hook, RewardPatch, RuleContext, RuleFailure, RuleFault, Script,
        TaskFacts,
    },
    user::User,
};

/// What the rules of one mission are asked about.
pub(crate) struct Inquiry<'a> {
    pub(crate) book: &'a Book,
    pub(crate) listed: &'a LoadedMission,
    pub(crate) user: &'a User,
    pub(crate) at: DateTime<Utc>,
    pub(crate) zone: Zone,
    pub(crate) task: TaskFacts,
    pub(crate) event: Option<&'a ActivityEvent>,
    pub(crate) evidence: Option<&'a Evidence>,
    friends: Option<&'a Friends>,
}

impl<'a> Inquiry<'a> {
    /// About a task that is there.
    pub(crate) fn of_task(
        work: &Work<'a>,
        listed: &'a LoadedMission,
        user: &'a User,
        task: &'a Task,
        participation: &Participation,
        at: DateTime<Utc>,
    ) -> Self {
        let facts = TaskFacts {
            progress: task.progress.current(),
            target: task.progress.target(),
            completions: participation.period(task.period).completions,
            started_at: Some(task.started_at),
        };
        Inquiry {
            task: facts,
            evidence: task.evidence.as_ref(),
            ..Self::new(work, listed, user, at)
        }
    }

    /// About a task that is yet to be started.
    pub(crate) fn of_start(
        work: &Work<'a>,
        listed: &'a LoadedMission,
        user: &'a User,
        participation: &Participation,
        period: Period,
        at: DateTime<Utc>,
    ) -> Self {
        let facts = TaskFacts {
            progress: 0,
            target: listed.mission.definition.target,
            completions: participation.period(period).completions,
            started_at: None,
        };
        Inquiry {
            task: facts,
            ..Self::new(work, listed, user, at)
        }
    }

    fn new(work: &Work<'a>, listed: &'a LoadedMission, user: &'a User, at: DateTime<Utc>) -> Self {
        let book = work.book();
        let zone = user.zone_at(at, book.check_in.default_zone());
        Inquiry {
            book,
            listed,
            user,
            at,
            zone,
            task: TaskFacts::default(),
            event: None,
            evidence: None,
            friends: work.context.signals.friends.as_ref(),
        }
    }

    fn context(&self) -> RuleContext<'_> {
        RuleContext {
            now: self.at,
            zone: self.zone,
            user: self.user.facts(&self.book.levels),
            mission: &self.listed.mission,
            task: self.task,
            event: self.event,
            evidence: self.evidence,
            streak: self.user.streak_at(self.at, &self.book.check_in),
            friends: match self.friends {
                Some(Friends::Known(friends)) => Some(friends),
                Some(Friends::Unknown) | None => None,
            },
        }
    }

    fn ask<T>(
        &self,
        hook: Hook,
        evaluate: impl FnOnce(&dyn Script, &RuleContext<'_>) -> Result<Option<T>, RuleFailure>,
    ) -> Result<Option<T>, Rejection> {
        self.know_friends()?;
        let answer = match &self.listed.script {
            None => Ok(None),
            Some(Ok(script)) => evaluate(script.as_ref(), &self.context()),
            Some(Err(error)) => Err(RuleFailure {
                hook,
                kind: FailureKind::Compile,
                line: u32::try_from(error.line).ok(),
                message: error.to_string(),
            }),
        };
        answer
            .map_err(|failure| Rejection::RuleFailed(Box::new(RuleFault::new(&self.listed.mission, failure))))
    }

    /// A rule that reads friends waits until they are known.
    fn know_friends(&self) -> Result<(), Rejection> {
        match self.friends {
            Some(Friends::Unknown) if self.listed.reads_friends() => Err(Rejection::FriendsUnknown),
            _ => Ok(()),
        }
    }

    /// Whether the user may start or progress. Rules on the event are left out where there is none.
    pub(crate) fn eligible(&self) -> Result<(), Rejection> {
        self.know_friends()?;
        let context = self.context();
        let judged = self
            .listed
            .mission
            .definition
            .rules
            .iter()
            .filter(|rule| self.event.is_some() || !rule.reads_event());
        for rule in judged {
            if !rule.holds(&context) {
                let operator = crate::ports::rules::serde_name(rule.operator);
                return Err(Rejection::NotEligible(format!(
                    "{} {operator} {}",
                    rule.rule_type, rule.value
                )));
            }
        }
        match self.ask(Hook::Eligible, |script, context| script.eligible(context))? {
            Some(false) => Err(Rejection::NotEligible("the mission's script says no".to_owned())),
            Some(true) | None => Ok(()),
        }
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
