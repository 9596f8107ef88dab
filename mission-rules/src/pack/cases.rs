//! Runs a pack's cases on the very engine that a server runs.

mod compare;
mod hook_trace;
mod pack_case;
mod risk;

use std::{borrow::Cow, collections::BTreeSet, ops::Range};

use chrono::{DateTime, Utc};
use mission_core::{
    UserId,
    engine::{Rejection, Reply, Settings},
    event::{EventResult, InnerEvent},
    mission::{Definition, MissionCode, Requirement},
    ports::rules::ScriptCompiler,
    reward::{Reward, RewardStatus},
    serde_name,
    user::UserUpdate,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Case, CheckInCase, Finding, Located, Pack,
    simulation::{CaseStep, Simulation, StepError},
};
use crate::{FailedRules, FindingCode, diagnostic::Diagnostic};
use compare::{ActualOutcome, Comparison, compare_check_in, compare_task};
pub use hook_trace::HookTrace;
pub use pack_case::PackCase;

/// The outcome of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseOutcome {
    /// The file that it stands in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// The bytes of its name in the file.
    pub span: Range<usize>,
    /// What came out otherwise than expected; nothing where the case passed.
    pub mismatches: Vec<Mismatch>,
    /// What was refused on the way, each with its code and reason, repetitions left out: it often tells why something
    /// else came out.
    pub refusals: Vec<String>,
    /// The rules that failed on the way.
    pub failures: FailedRules,
    /// How the hooks of a case that failed were evaluated last; empty until [`Pack::trace_case`] was asked. Of a property
    /// the evaluation on its counterexample.
    pub hooks: Vec<HookTrace>,
    /// What a property was tried on; nothing for a case.
    pub contexts: Option<TriedContexts>,
}

/// The contexts that a property was tried on.
#[derive(Clone, Debug, PartialEq)]
pub struct TriedContexts {
    /// Which contexts were drawn.
    pub seed: u64,
    /// How many, up to the first on which the property did not hold.
    pub runs: u32,
    /// The simplest context that was found on which it does not hold, as `mission eval --context` takes it.
    pub counterexample: Option<Value>,
}

/// One difference between the expected and the actual outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What was looked at, such as `points` or `check-in 3: streak`.
    pub what: String,
    /// What the case expects.
    pub expected: String,
    /// What came out.
    pub found: String,
    /// The bytes of the expectation in the file.
    pub span: Range<usize>,
}

impl CaseOutcome {
    /// That of something which has not run yet.
    pub(super) fn new(file: &str, name: &Located<String>) -> Self {
        CaseOutcome {
            file: file.to_owned(),
            name: name.value.clone(),
            span: name.span.clone(),
            mismatches: Vec::new(),
            refusals: Vec::new(),
            failures: FailedRules::default(),
            hooks: Vec::new(),
            contexts: None,
        }
    }

    /// Whether everything came out as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }

    /// Each mismatch as a finding at its expectation, to be shown as those of the check are.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        self.mismatches.iter().map(|mismatch| {
            let Mismatch {
                what,
                expected,
                found,
                span,
            } = mismatch;
            let message = format!("{}: {what} should be {expected}, but is {found}", self.name);
            let mut diagnostic = Diagnostic::new(FindingCode::CaseFailed, message).at(span.clone());
            if !self.refusals.is_empty() {
                diagnostic =
                    diagnostic.with_help(format!("on the way was refused: {}", self.refusals.join("; ")));
            }
            Finding::new(self.file.as_str(), diagnostic)
        })
    }
}

impl Pack {
    fn run_mission_case(&self, case: &Case, compiler: &dyn ScriptCompiler) -> CaseOutcome {
        let code = &case.mission.value;
        let missions = as_live(self.around(code), code);
        let mut run = Run {
            simulation: Simulation::new(
                missions.iter().map(Cow::as_ref),
                &self.policy,
                self.caps.clone(),
                Settings::default(),
                compiler,
            ),
            user: case.user.id.unwrap_or_else(|| user_of(&case.name.value)),
            outcome: CaseOutcome::new(&case.file, &case.name),
            refused: None,
        };
        if let Err(error) = run.play(case) {
            run.outcome.mismatches.push(Mismatch {
                what: "the run".to_owned(),
                expected: "possible".to_owned(),
                found: error,
                span: case.expect.span_of(""),
            });
        }
        run.outcome
    }

    fn run_check_in_case(&self, case: &CheckInCase, compiler: &dyn ScriptCompiler) -> CaseOutcome {
        let mut simulation = Simulation::new(
            std::iter::empty(),
            &self.policy,
            Vec::new(),
            Settings::default(),
            compiler,
        );
        let user = user_of(&case.name.value);
        let mut outcome = CaseOutcome::new(&case.file, &case.name);
        for (n, (at, expect)) in case.at.iter().zip(&case.expect).enumerate() {
            // The zone is asked for once; asking again changes nothing.
            let reply = simulation.step(user, at.value, CaseStep::CheckIn { zone: case.zone });
            let mut comparison = Comparison {
                prefix: format!("check-in {}: ", n + 1),
                place: &|field| expect.span_of(field),
                mismatches: &mut outcome.mismatches,
            };
            compare_check_in(&mut comparison, &expect.value, reply);
        }
        outcome
    }

    /// A mission and all that can change what becomes of it: what it requires or reads, directly or not. Where one of
    /// them counts what others do, or a cap holds over them, that is the whole pack.
    fn around(&self, code: &MissionCode) -> Vec<&Definition> {
        let all = || self.missions.iter().map(|mission| &mission.definition);
        let (mut wanted, mut open) = (BTreeSet::new(), vec![code.as_str()]);
        while let Some(code) = open.pop() {
            if !wanted.insert(code) {
                continue;
            }
            let Some(definition) = all().find(|definition| definition.code.as_str() == code) else {
                continue;
            };
            let hears = |inner: InnerEvent| definition.trigger.on(inner.event_type()).is_some();
            let is_scripted = definition
                .script
                .as_ref()
                .is_some_and(|script| script.contains("completions"));
            let is_capped = self.caps.iter().any(|cap| cap.concerns(&definition.category));
            if InnerEvent::ALL.into_iter().any(hears) || is_scripted || is_capped {
                return all().collect();
            }
            open.extend(
                definition
                    .requires
                    .iter()
                    .flat_map(Requirement::codes)
                    .map(MissionCode::as_str),
            );
            let rules = definition.rules.iter();
            open.extend(rules.filter_map(|rule| rule.rule_type.strip_prefix("completions.")));
        }
        all()
            .filter(|definition| wanted.contains(definition.code.as_str()))
            .collect()
    }
}

/// Missions among which one is live: a shadow mission is tried as what it is to become, in the place of the one that it is
/// compared with.
fn as_live<'d>(missions: Vec<&'d Definition>, code: &MissionCode) -> Vec<Cow<'d, Definition>> {
    let is_tried = |definition: &Definition| definition.shadow && definition.code == *code;
    let tried = missions.iter().find(|definition| is_tried(definition));
    let replaced = tried.and_then(|tried| tried.shadow_of.clone());
    let missions = missions.into_iter();
    let others = missions.filter(|definition| Some(&definition.code) != replaced.as_ref());
    let placed = others.map(|definition| match is_tried(definition) {
        true => Cow::Owned(Definition {
            shadow: false,
            shadow_of: None,
            ..definition.clone()
        }),
        false => Cow::Borrowed(definition),
    });
    placed.collect()
}

/// A user of the case's own, the same in every run.
fn user_of(name: &str) -> UserId {
    UserId(Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("case:{name}").as_bytes(),
    ))
}

struct Run {
    simulation: Simulation,
    user: UserId,
    outcome: CaseOutcome,
    /// The last refusal: its code and its reason.
    refused: Option<(String, String)>,
}

impl Run {
    fn play(&mut self, case: &Case) -> Result<(), String> {
        let begin = case.events.first().map_or(DateTime::UNIX_EPOCH, |event| event.at);
        self.describe(case, begin)?;
        for event in &case.events {
            let name = event.event_type.value.as_str();
            let mut step = CaseStep::parse(name, event.data.clone(), Some(&case.mission.value))
                .map_err(|invalid| invalid.to_string())?;
            if let CaseStep::Activity { id, time, .. } = &mut step {
                (*id, *time) = (event.id.clone(), event.time);
            }
            let reply = self.simulation.step(self.user, event.at, step);
            self.note_refusal(case, reply)?;
        }
        let end = case.events.last().map_or(DateTime::UNIX_EPOCH, |event| event.at);
        self.compare(case, end)
    }

    fn describe(&mut self, case: &Case, at: DateTime<Utc>) -> Result<(), String> {
        let known = case.user.clone();
        if known.registered_at.is_some() || known.experience.is_some() {
            let experience = known.experience.map_or(0, u64::from);
            self.simulation
                .register(self.user, at, known.registered_at, experience)
                .map_err(|error| error.to_string())?;
        }
        let described = known.level.is_some()
            || known.country.is_some()
            || known.tags.is_some()
            || known.attributes.is_some()
            || known.zone.is_some();
        if described {
            let step = CaseStep::Describe(UserUpdate {
                level: known.level,
                country: known.country,
                tags: known.tags,
                attributes: known.attributes,
                zone: known.zone,
            });
            self.simulation
                .step(self.user, at, step)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn note_refusal(&mut self, case: &Case, reply: Result<Reply, StepError>) -> Result<(), String> {
        let refused = match reply {
            Err(StepError::Failed(why)) => return Err(why),
            Err(StepError::Rejected(why)) => {
                if let Rejection::RuleFailed(fault) = &why {
                    self.outcome.failures.note(fault, self.simulation.catalog(), 0);
                }
                Some(code_and_reason(&why))
            }
            Ok(Reply::EventResult(result)) => {
                for fault in &result.failures {
                    self.outcome.failures.note(fault, self.simulation.catalog(), 0);
                }
                self.refusal_of_event(case, &result)?
            }
            Ok(_) => None,
        };
        if let Some((code, reason)) = &refused {
            let shown = if code == reason {
                code.clone()
            } else {
                format!("{code} ({reason})")
            };
            if self.outcome.refusals.last() != Some(&shown) {
                self.outcome.refusals.push(shown);
            }
        }
        self.refused = refused.or(self.refused.take());
        Ok(())
    }

    /// Why an event did not move the case's mission.
    fn refusal_of_event(
        &self,
        case: &Case,
        result: &EventResult,
    ) -> Result<Option<(String, String)>, String> {
        let mission = self
            .simulation
            .mission(&case.mission.value)
            .map_err(|error| error.to_string())?;
        if result.tasks.iter().any(|task| task.mission_id == mission) {
            return Ok(None);
        }
        let failed = result.failures.iter().find(|fault| fault.mission_id == mission);
        Ok(match (failed, &result.reason) {
            (Some(fault), _) => Some(("rule_failed".to_owned(), fault.to_string())),
            (None, Some(reason)) => Some((reason.clone(), reason.clone())),
            (None, None) => None,
        })
    }

    fn compare(&mut self, case: &Case, end: DateTime<Utc>) -> Result<(), String> {
        let mission = self
            .simulation
            .mission(&case.mission.value)
            .map_err(|error| error.to_string())?;
        let export = self
            .simulation
            .export(self.user)
            .map_err(|error| error.to_string())?;
        let latest = self
            .simulation
            .tasks(self.user, mission)
            .last()
            .map(|task| task.id);
        let task = export.tasks.iter().find(|task| Some(task.id) == latest);
        let rewards: Vec<&Reward> = export
            .rewards
            .iter()
            .filter(|reward| reward.mission_id == Some(mission))
            .filter(|reward| counts(reward.status_at(end)))
            .collect();
        let catalog = self.simulation.catalog();
        let status = task.and_then(|task| {
            let listed = catalog.mission(mission)?;
            let zone = export
                .user
                .as_ref()?
                .zone_at(end, catalog.check_in.default_zone());
            Some(task.status_at(end, &listed.mission, zone, catalog.settings.late_window.behind))
        });
        let completions = export.participations.iter().find(|(id, _)| *id == mission);
        let seen = ActualOutcome {
            task,
            status: status.map(serde_name),
            completions: completions.map_or(0, |(_, participation)| u64::from(participation.completions)),
            rewards,
            refused: self.refused.as_ref(),
        };
        let mut comparison = Comparison {
            prefix: String::new(),
            place: &|field| case.expect.span_of(field),
            mismatches: &mut self.outcome.mismatches,
        };
        compare_task(&mut comparison, &case.expect.value, &seen);
        Ok(())
    }
}

/// Whether a reward still stands for points that the user has or can have.
fn counts(status: RewardStatus) -> bool {
    match status {
        RewardStatus::Pending | RewardStatus::Held | RewardStatus::Claimed => true,
        RewardStatus::Expired | RewardStatus::Rejected | RewardStatus::Revoked => false,
    }
}

fn code_and_reason(why: &Rejection) -> (String, String) {
    (why.code().to_owned(), why.to_string())
}
