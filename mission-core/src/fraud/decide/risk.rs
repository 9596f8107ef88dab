//! How risky is what a user does? A pack's script scores it, and its thresholds say what follows.

use chrono::Duration;
use serde_json::Map;

use crate::{
    decision::{Actor, CompiledRisk, DecisionContext, Interrupt, MissingRecords, Rejection},
    fraud::{
        AddressHash, CheckMode, ReviewReason, RiskAssessment, RiskCheck, RiskOutcome, RiskSignals,
        UserAction, is_trusted,
    },
    mission::{BaseReward, Mission},
    ports::rules::{Hook, RuleContext, RuleFailure, TaskContext, UserContext},
    user::User,
};

/// Judges what a user does: notes the action, refuses it, or adds a reason to the flags that send it to a reviewer.
pub(crate) fn judge(
    cx: &mut DecisionContext<'_>,
    actor: &mut Actor,
    action: UserAction,
    mission: Option<&Mission>,
) -> Result<(), Interrupt> {
    let check = match (&cx.context.signals.risk_check, cx.catalog().risk()) {
        // It was judged when the command was carried out, by what was known of others then.
        (Some(check), _) => {
            actor.user.recent_actions.note(cx.now());
            check.clone()
        }
        (None, Some(risk)) => {
            actor.user.recent_actions.note(cx.now());
            check(cx, risk, &actor.user, action, mission)?
        }
        (None, None) => return Ok(()),
    };
    cx.risk_check = Some(check.clone());
    if check.mode != CheckMode::On {
        return Ok(());
    }
    match (check.outcome, check.assessment) {
        (RiskOutcome::Passed, _) => {}
        (RiskOutcome::Refused, assessment) => {
            return Err(Rejection::RiskRefused(assessment.unwrap_or_default()).into());
        }
        (RiskOutcome::Flagged, Some(assessment)) => actor.flags.push(ReviewReason::Risk(assessment)),
        (RiskOutcome::Flagged, None) => {
            let why = check.failure.unwrap_or_default();
            actor.flags.push(ReviewReason::RiskUnknown(why));
        }
    }
    Ok(())
}

fn check(
    cx: &DecisionContext<'_>,
    risk: &CompiledRisk,
    user: &User,
    action: UserAction,
    mission: Option<&Mission>,
) -> Result<RiskCheck, MissingRecords> {
    let signals = signals(cx, user, action)?;
    Ok(match assess(cx, risk, user, mission, &signals) {
        Ok(assessment) => RiskCheck {
            mode: risk.policy.mode,
            outcome: risk.policy.outcome(assessment.score),
            assessment: Some(assessment),
            failure: None,
        },
        // What earns waits, since nobody knows; the rest goes on, since nothing could wait.
        Err(failure) => RiskCheck {
            mode: risk.policy.mode,
            outcome: RiskOutcome::Flagged,
            assessment: None,
            failure: Some(failure.to_string()),
        },
    })
}

fn signals(cx: &DecisionContext<'_>, user: &User, action: UserAction) -> Result<RiskSignals, MissingRecords> {
    let (now, signals) = (cx.now(), &cx.context.signals);
    let device = signals.device.as_ref();
    let address = signals.address.as_ref().map(AddressHash::as_device);
    let others = |seen: Option<_>| seen.map_or(Ok(0), |seen| cx.other_users(user.id, seen));
    let age = now - user.registered_at.unwrap_or(user.first_seen_at);
    Ok(RiskSignals {
        action,
        account_age_hours: u64::try_from(age.num_hours()).unwrap_or(0),
        actions_last_minute: user.recent_actions.within(Duration::minutes(1), now),
        actions_last_hour: user.recent_actions.within(Duration::hours(1), now),
        identical_intervals: user.recent_actions.identical_intervals(),
        is_new_device: device.is_some_and(|device| !is_trusted(device, &user.devices)),
        device_users: others(device)?,
        address_users: others(address)?,
    })
}

fn assess(
    cx: &DecisionContext<'_>,
    risk: &CompiledRisk,
    user: &User,
    mission: Option<&Mission>,
    signals: &RiskSignals,
) -> Result<RiskAssessment, RuleFailure> {
    let script = risk.script.as_ref();
    let script = script.map_err(|error| RuleFailure::of_compiling(Hook::Risk, error))?;
    let (catalog, now) = (cx.catalog(), cx.now());
    let (nothing, no_reward) = (Map::new(), BaseReward::default());
    let context = RuleContext {
        now,
        zone: user.zone_at(now, catalog.check_in.default_zone()),
        user: UserContext {
            days_away: user.days_away_at(now),
            ..user.rule_context(&catalog.levels)
        },
        mission,
        task: TaskContext::default(),
        event: None,
        evidence: None,
        streak: user.streak_at(now, &catalog.check_in),
        last_check_in: user.last_check_in_at(now),
        offer: mission.map_or(&no_reward, |mission| mission.definition.completion_reward()),
        completions: &nothing,
        friends: None,
        risk: Some(signals),
    };
    // A script without the hook says nothing against anybody.
    Ok(script.risk(&context)?.unwrap_or_default())
}
