//! What a start would be judged by, every condition of it and not the first that fails alone.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    RuleEvaluation, Task, TaskStatus, period_at,
    rules::script_says_no,
    start_conditions::{StartCondition, each_start_condition},
    with_current_mission,
};
use crate::{
    MissionId, UserId,
    decision::{CompiledMission, DecisionContext, Interrupt, Rejection},
    mission::{MissionCode, MissionStatus},
    ports::rules::{Hook, ScriptCompiler, rfc3339},
    task::{
        Availability, Condition, ConditionKind, Explanation, OpenTask, Participation, ScriptFailure, ToDo,
    },
    user::User,
};

/// A condition, and the refusal where it does not hold.
struct Judged {
    condition: Condition,
    refusal: Option<Rejection>,
    /// The missions whose completion would help.
    open: Vec<MissionCode>,
}

impl Judged {
    fn new(
        kind: ConditionKind,
        condition: impl Into<String>,
        seen: Value,
        refusal: Option<Rejection>,
    ) -> Self {
        Judged {
            condition: Condition {
                kind,
                condition: condition.into(),
                holds: Some(refusal.is_none()),
                seen,
                failure: None,
                lines: Vec::new(),
            },
            refusal,
            open: Vec::new(),
        }
    }
}

/// Explains whether a user can start a mission now, or go on with it.
pub(crate) fn explain(
    cx: &mut DecisionContext<'_>,
    user: UserId,
    mission: MissionId,
    tracer: &dyn ScriptCompiler,
) -> Result<Explanation, Interrupt> {
    let compiled = cx.compiled_mission(mission)?;
    let user = cx.actor(user)?.user;
    let now = cx.now();
    let participation = cx.participation((user.id, mission))?.unwrap_or_default();
    let open = open_task(cx, &user, compiled, &participation)?;
    let mut judged = vec![status(compiled), window(compiled, now)];
    let to_do = match &open {
        Some((task, current)) => {
            let evaluation = RuleEvaluation::of_task(cx, current, &user, task, &participation, now)?;
            judged.extend(rules(&evaluation, tracer));
            left_to_do(task, current)
        }
        None => {
            each_start_condition(cx, &user, compiled, now, |condition| {
                judged.push(start_condition(&condition));
                Ok(())
            })?;
            let period = period_at(cx, &user, compiled, now);
            let evaluation = RuleEvaluation::of_start(cx, compiled, &user, &participation, period, now)?;
            judged.extend(rules(&evaluation, tracer));
            Vec::new()
        }
    };
    let decided_by = judged.iter().position(|judged| judged.refusal.is_some());
    let refusal = decided_by.and_then(|at| judged.get(at)?.refusal.clone());
    judged.extend(budget(cx, compiled)?);
    Ok(Explanation {
        mission_id: mission,
        mission: compiled.mission.definition.code.clone(),
        availability: match (&refusal, &open) {
            (Some(_), _) => Availability::Unavailable,
            (None, Some(_)) => Availability::InProgress,
            (None, None) => Availability::Available,
        },
        to_do: match &refusal {
            Some(refusal) => way_out(compiled, &judged, refusal, now),
            None if open.is_some() => to_do,
            None => vec![ToDo::Start],
        },
        refusal: refusal.map(|refusal| refusal.code().into()),
        decided_by,
        conditions: judged.into_iter().map(|judged| judged.condition).collect(),
        task: open.map(|(task, _)| OpenTask {
            id: task.id,
            status: task.status,
            started_at: task.started_at,
        }),
    })
}

/// The task of this period that is open, and the mission as it has it.
fn open_task<'a>(
    cx: &mut DecisionContext<'a>,
    user: &User,
    compiled: &CompiledMission,
    participation: &Participation,
) -> Result<Option<(Task, &'a CompiledMission)>, Interrupt> {
    let state = participation.period(period_at(cx, user, compiled, cx.now()));
    let Some(id) = state.open_task else {
        return Ok(None);
    };
    match cx.task((user.id, id))?.filter(|task| task.status.is_open()) {
        Some(task) => Ok(Some(with_current_mission(cx, user, task)?)),
        None => Ok(None),
    }
}

fn status(compiled: &CompiledMission) -> Judged {
    let status = compiled.mission.status;
    Judged::new(
        ConditionKind::Status,
        "the mission is active",
        json!(status),
        (status != MissionStatus::Active).then_some(Rejection::MissionNotActive),
    )
}

fn window(compiled: &CompiledMission, now: DateTime<Utc>) -> Judged {
    let definition = &compiled.mission.definition;
    let condition = match (definition.starts_at, definition.ends_at) {
        (None, None) => "it has no start and no end".to_owned(),
        (Some(start), None) => format!("it begins at {}", rfc3339(start)),
        (None, Some(end)) => format!("it ends at {}", rfc3339(end)),
        (Some(start), Some(end)) => format!("it can be done from {} to {}", rfc3339(start), rfc3339(end)),
    };
    Judged::new(
        ConditionKind::Window,
        condition,
        json!(rfc3339(now)),
        (!definition.window().contains(now)).then_some(Rejection::MissionNotActive),
    )
}

/// A condition of a start besides rules.
fn start_condition(condition: &StartCondition<'_>) -> Judged {
    let (kind, words, seen) = match condition {
        StartCondition::OpenTask(open) => (
            ConditionKind::OpenTask,
            "no task of it is open in this period".to_owned(),
            json!(open),
        ),
        StartCondition::Completions { cap, so_far } => {
            let words = match cap {
                1 => "it was not yet completed in this period".to_owned(),
                cap => format!("it was completed fewer than {cap} times in this period"),
            };
            (ConditionKind::Completions, words, json!(so_far))
        }
        StartCondition::Cooldown { seconds, last, .. } => (
            ConditionKind::Cooldown,
            format!("{seconds} seconds since the last completion"),
            json!(last.map(rfc3339)),
        ),
        StartCondition::Requires { requirement, open } => (
            ConditionKind::Requires,
            requirement.to_string(),
            json!(requirement.codes().count() - open.len()),
        ),
    };
    let mut judged = Judged::new(kind, words, seen, condition.refusal());
    if let StartCondition::Requires { open, .. } = condition {
        judged.open = open.iter().map(|&code| code.clone()).collect();
    }
    judged
}

/// The mission's rules, then its script.
fn rules(evaluation: &RuleEvaluation<'_>, tracer: &dyn ScriptCompiler) -> Vec<Judged> {
    let context = evaluation.context();
    let definition = &evaluation.compiled.mission.definition;
    let mut judged: Vec<Judged> = definition
        .rules
        .iter()
        .map(|rule| {
            let words = rule.to_string();
            let seen = context.field(&rule.rule_type);
            let holds = rule.holds(&context);
            let refusal = (!holds && !rule.reads_event()).then(|| Rejection::NotEligible(words.clone()));
            let mut judged = Judged::new(
                ConditionKind::Rule,
                words,
                seen.map_or(Value::Null, Value::from),
                refusal,
            );
            if rule.reads_event() {
                judged.condition.holds = None;
            }
            judged
        })
        .collect();
    let Some(source) = definition.script.as_deref() else {
        return judged;
    };
    let answer = evaluation.eligible_by_script();
    let seen = match &answer {
        Ok(Some(yes)) => json!(yes),
        _ => Value::Null,
    };
    let refusal = match answer {
        // The script has no such hook.
        Ok(None) => return judged,
        Ok(Some(true)) => None,
        Ok(Some(false)) => Some(script_says_no()),
        Err(refusal) => Some(refusal),
    };
    let mut script = Judged::new(
        ConditionKind::Script,
        "the script's `eligible` says yes",
        seen,
        refusal,
    );
    if let Some(Rejection::RuleFailed(failure)) = &script.refusal {
        script.condition.failure = Some(ScriptFailure {
            kind: failure.kind,
            line: failure.line,
            message: failure.message.clone(),
        });
    }
    script.condition.lines = tracer.trace(source, Hook::Eligible, &context);
    judged.push(script);
    judged
}

fn budget(cx: &DecisionContext<'_>, compiled: &CompiledMission) -> Result<Option<Judged>, Interrupt> {
    let Some(budget) = &compiled.mission.definition.budget else {
        return Ok(None);
    };
    let used = cx.budget_use(compiled.mission.id)?;
    let is_left = budget.max_grants.is_none_or(|most| used.grants < i64::from(most))
        && budget.max_points.is_none_or(|most| used.points < most.get());
    let mut judged = Judged::new(
        ConditionKind::Budget,
        "there is budget left for a reward",
        json!(used),
        None,
    );
    judged.condition.holds = Some(is_left);
    Ok(Some(judged))
}

/// What a task that is open still needs.
fn left_to_do(task: &Task, compiled: &CompiledMission) -> Vec<ToDo> {
    if task.status == TaskStatus::PendingReview {
        return vec![ToDo::AwaitReview];
    }
    let definition = &compiled.mission.definition;
    let mut left = Vec::new();
    if !task.progress.is_complete() {
        left.push(ToDo::Progress {
            current: task.progress.current(),
            target: task.progress.target(),
            remaining: task.progress.target() - task.progress.current(),
            event: definition
                .trigger
                .iter()
                .next()
                .map(|trigger| trigger.event.clone()),
        });
    }
    if let Some(wanted) = &definition.evidence
        && !task
            .verification
            .as_ref()
            .is_some_and(|verification| verification.is_valid)
    {
        left.push(ToDo::Evidence {
            evidence_type: wanted.evidence_type,
        });
    }
    if !definition.completes_itself() {
        left.push(ToDo::Complete);
    }
    left
}

/// What can be done about a refusal.
fn way_out(
    compiled: &CompiledMission,
    judged: &[Judged],
    refusal: &Rejection,
    now: DateTime<Utc>,
) -> Vec<ToDo> {
    let definition = &compiled.mission.definition;
    match refusal {
        Rejection::Cooldown { until, .. } => vec![ToDo::WaitUntil { at: *until }],
        Rejection::MissionNotActive => match definition.starts_at.filter(|start| *start > now) {
            Some(at) if compiled.mission.status == MissionStatus::Active => vec![ToDo::WaitUntil { at }],
            _ => Vec::new(),
        },
        Rejection::NotEligible(_) => {
            let refused = judged.iter().filter(|judged| judged.refusal.is_some());
            refused
                .flat_map(|judged| &judged.open)
                .map(|code| ToDo::CompleteMission { code: code.clone() })
                .collect()
        }
        _ => Vec::new(),
    }
}
