//! What was granted and taken back, counted as it is committed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use mission_core::{
    engine::Command,
    event::IntegrationEvent,
    fraud::{CheckMode, RiskOutcome},
    ports::store::{Change, CommitOutcome},
    serde_name,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::telemetry::fraud_decision;

/// Exact totals of granted points behind counters, which show them rounded down.
#[derive(Debug, Default)]
pub(super) struct GrantedPoints {
    granted: Mutex<BTreeMap<(String, String), Decimal>>,
    revoked: Mutex<BTreeMap<String, Decimal>>,
}

impl GrantedPoints {
    /// Counts what the changes that were committed tell of.
    pub(super) fn count(&self, changes: &[Change], outcomes: &[CommitOutcome]) {
        for (change, outcome) in changes.iter().zip(outcomes) {
            if *outcome != CommitOutcome::Committed {
                continue;
            }
            for event in change.journal.iter().flat_map(|entry| &entry.events) {
                self.count_event(&event.event);
            }
            count_checks(change);
        }
    }

    fn count_event(&self, event: &IntegrationEvent) {
        match event {
            IntegrationEvent::RewardClaimed(claimed) => {
                let (kind, currency) = (serde_name(claimed.reward_type), claimed.currency.clone());
                metrics::counter!("mission_rewards_granted_total", "type" => kind.clone()).increment(1);
                let sum = add(
                    &self.granted,
                    (kind.clone(), currency.clone()),
                    claimed.total_points,
                );
                metrics::counter!("mission_points_granted_total", "type" => kind, "currency" => currency)
                    .absolute(sum);
            }
            IntegrationEvent::RewardRevoked(revoked) => {
                let currency = revoked.currency.clone();
                metrics::counter!("mission_rewards_revoked_total").increment(1);
                let sum = add(&self.revoked, currency.clone(), revoked.total_points);
                metrics::counter!("mission_points_revoked_total", "currency" => currency).absolute(sum);
            }
            _ => {}
        }
    }
}

/// The whole part of a sum after something was added.
fn add<K: Ord>(sums: &Mutex<BTreeMap<K, Decimal>>, key: K, points: Decimal) -> u64 {
    let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
    let sum = sums.entry(key).or_default();
    *sum = sum.checked_add(points).unwrap_or(*sum);
    sum.floor().to_u64().unwrap_or(u64::MAX)
}

/// Counts what the checks against fraud let through or flagged; what they refused changes nothing, and is counted where
/// it is answered.
fn count_checks(change: &Change) {
    for entry in change.journal.iter().filter(|entry| entry.answer.is_ok()) {
        let command = &entry.request.command;
        if let (Some(check), true) = (&entry.request.signals.device_check, checks_devices(command)) {
            let outcome = if check.reasons.is_empty() {
                "passed"
            } else {
                "flagged"
            };
            fraud_decision("device", outcome, mode_name(check.mode));
        }
        if let Some(check) = &entry.request.signals.risk_check {
            let outcome = match (check.outcome, &check.failure) {
                (_, Some(_)) => "failed",
                (RiskOutcome::Passed, None) => "passed",
                (RiskOutcome::Flagged, None) => "flagged",
                // Where it only observes: what it refuses is no command that was carried out.
                (RiskOutcome::Refused, None) => "refused",
            };
            fraud_decision("risk", outcome, mode_name(check.mode));
            if let Some(failure) = &check.failure {
                tracing::warn!(failure, "the pack's script of risk failed");
            }
        }
        if let Command::SubmitEvidence(shown) = command
            && let Some(Some(task)) = change.write_set.writes.task.get(&(shown.user, shown.task))
        {
            let accepted = task.verification.as_ref().is_some_and(|judged| judged.is_valid);
            fraud_decision("evidence", if accepted { "passed" } else { "flagged" }, "on");
        }
    }
}

fn mode_name(mode: CheckMode) -> &'static str {
    match mode {
        CheckMode::On => "on",
        CheckMode::Observe | CheckMode::Off => "observe",
    }
}

/// Whether a device can send a command to a reviewer.
fn checks_devices(command: &Command) -> bool {
    matches!(
        command,
        Command::CheckIn(_) | Command::CompleteTask(_) | Command::ClaimTask(_) | Command::ClaimReward(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_before_they_are_rounded() {
        let sums = Mutex::default();
        let tenths = (0..25).map(|_| add(&sums, "x", Decimal::new(1, 1)));
        assert_eq!(tenths.collect::<Vec<_>>()[8..11], [0, 1, 1]);
        assert_eq!(add(&sums, "x", Decimal::new(5, 1)), 3);
        assert_eq!(add(&sums, "y", Decimal::ONE), 1);
        assert_eq!(
            add(&sums, "y", Decimal::MAX),
            1,
            "what a sum cannot hold is left out"
        );
        assert_eq!(add(&sums, "z", Decimal::MAX), u64::MAX);
    }
}
