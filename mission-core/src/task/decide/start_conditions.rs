//! What stands in the way of a start besides rules.

use chrono::{DateTime, Utc};

use super::{Participation, period_at};
use crate::{
    TaskId,
    decision::{CompiledMission, DecisionContext, Interrupt, Rejection},
    mission::{Frequency, MissionCode, Period, Requirement, RequirementWindow},
    user::User,
};

/// One condition of a start, with what it saw.
pub(super) enum StartCondition<'a> {
    /// No task of the mission is open in this period.
    OpenTask(Option<TaskId>),
    /// The user has completions left in this period.
    Completions { cap: u32, so_far: u32 },
    /// The pause after the last completion is over; else why not.
    Cooldown {
        seconds: u32,
        last: Option<DateTime<Utc>>,
        refusal: Option<Rejection>,
    },
    /// Other missions were completed before.
    Requires {
        requirement: &'a Requirement,
        /// Those of its missions that were not.
        open: Vec<&'a MissionCode>,
    },
}

impl StartCondition<'_> {
    /// What a start is refused with, where the condition does not hold.
    pub(super) fn refusal(&self) -> Option<Rejection> {
        match self {
            StartCondition::OpenTask(open) => open.map(|_| Rejection::TaskAlreadyOpen),
            StartCondition::Completions { cap, so_far } => {
                (so_far >= cap).then_some(Rejection::MaxCompletionsReached)
            }
            StartCondition::Cooldown { refusal, .. } => refusal.clone(),
            StartCondition::Requires { requirement, open } => {
                let completed = requirement.codes().count() - open.len();
                let lacks = (completed as u64) < u64::from(requirement.count());
                lacks.then(|| Rejection::NotEligible(demand(requirement, completed)))
            }
        }
    }
}

/// Shows each condition in the order in which they are judged. Nothing is read for one before it is its turn.
pub(super) fn each_start_condition(
    cx: &DecisionContext<'_>,
    user: &User,
    compiled: &CompiledMission,
    at: DateTime<Utc>,
    mut see: impl FnMut(StartCondition<'_>) -> Result<(), Interrupt>,
) -> Result<(), Interrupt> {
    let definition = &compiled.mission.definition;
    let participation = cx
        .participation((user.id, compiled.mission.id))?
        .unwrap_or_default();
    let state = participation.period(period_at(cx, user, compiled, at));
    see(StartCondition::OpenTask(state.open_task))?;
    if let Some(cap) = definition.completion_cap() {
        let so_far = state.completions;
        see(StartCondition::Completions { cap, so_far })?;
    }
    if definition.cooldown_seconds > 0 {
        see(StartCondition::Cooldown {
            seconds: definition.cooldown_seconds,
            last: participation.last_completed_at,
            refusal: no_cooldown(compiled, &participation, at).err(),
        })?;
    }
    let zone = user.zone_at(at, cx.catalog().check_in.default_zone());
    for requirement in &definition.requires {
        let window = match requirement.within() {
            RequirementWindow::Ever => Period::Ever,
            RequirementWindow::Period => definition.frequency.period_of(zone.date(at)),
            RequirementWindow::Day => Frequency::Daily.period_of(zone.date(at)),
            RequirementWindow::Week => Frequency::Weekly.period_of(zone.date(at)),
            RequirementWindow::Month => Frequency::Monthly.period_of(zone.date(at)),
        };
        let mut open = Vec::new();
        for code in requirement.codes() {
            let done = match cx.catalog().live_id_of(code) {
                Some(id) => cx
                    .participation((user.id, id))?
                    .is_some_and(|known| known.has_completed_in(window, zone)),
                None => false,
            };
            if !done {
                open.push(code);
            }
        }
        see(StartCondition::Requires { requirement, open })?;
    }
    Ok(())
}

fn demand(requirement: &Requirement, completed: usize) -> String {
    match requirement {
        Requirement::Mission(code) => format!("the mission `{code}` must be completed before"),
        Requirement::AnyOf(_) => format!("{requirement}: {completed} so far"),
    }
}

/// Checks all that stands in the way of a start besides rules: an open task, the cap, the cooldown, and missions
/// to be completed before.
pub(crate) fn may_start(
    cx: &DecisionContext<'_>,
    user: &User,
    compiled: &CompiledMission,
    at: DateTime<Utc>,
) -> Result<(), Interrupt> {
    each_start_condition(cx, user, compiled, at, |condition| match condition.refusal() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    })
}

/// Checks that no cooldown stands against a start.
pub(crate) fn no_cooldown(
    compiled: &CompiledMission,
    participation: &Participation,
    at: DateTime<Utc>,
) -> Result<(), Rejection> {
    let seconds = compiled.mission.definition.cooldown_seconds;
    let Some(until) = participation.cooldown_until(seconds, at) else {
        return Ok(());
    };
    let millis = u64::try_from((until - at).num_milliseconds()).unwrap_or_default();
    Err(Rejection::Cooldown {
        until,
        retry_after_seconds: millis.div_ceil(1000).max(1),
    })
}
