//! What a user's recorded commands earn, decided again by the engine, against what is stored.

use std::collections::BTreeMap;

use mission_core::{
    RewardId, UserId,
    engine::{Decision, Rejection, Request},
    fraud::CheckMode,
    ports::store::StoreError,
    reward::Reward,
    serde_name,
};
use uuid::Uuid;

use super::{
    catalogs::Catalogs,
    decide_again::{DecidedRecords, has_budgets, request},
    records::{StoredCommand, UserRecords},
    report::{Deviation, DeviationKind, Findings, RecordedCommand, Unchecked},
};

/// Decides a user's commands again, and compares every reward.
pub(super) fn recount(
    user: UserId,
    records: &UserRecords,
    catalogs: &Catalogs,
    findings: &mut Findings<'_>,
) -> Result<(), StoreError> {
    if let Some(why) = not_recounted(records) {
        findings.report.leave_out(why, records.rewards.len() as u64);
        return Ok(());
    }
    let mut decided = DecidedRecords::default();
    let mut earned_by: BTreeMap<RewardId, Option<RecordedCommand>> = BTreeMap::new();
    for command in records.commands.iter().filter(|command| !command.is_refused) {
        let Some(seed) = command.seed else { continue };
        let Some(request) = request(command)? else {
            continue;
        };
        let of_command = |deviation: Deviation| Deviation {
            user: Some(user),
            command: command.named(),
            ..deviation
        };
        match decide_as_then(&mut decided, command, (&request, seed), records, catalogs) {
            Ok(Ok(decision)) => {
                for (_, reward) in decision.write_set.writes.reward.keys() {
                    earned_by.entry(*reward).or_insert_with(|| command.named());
                }
                decided.apply(decision.write_set);
            }
            Ok(Err(why)) => findings.add(of_command(Deviation::new(
                DeviationKind::RecountRefused,
                "carried out, as recorded",
                format_args!("refused: {why}"),
            ))),
            Err(why) => findings.add(of_command(Deviation::new(
                DeviationKind::RecountRefused,
                "carried out, as recorded",
                why,
            ))),
        }
    }
    compare(user, records, &decided, &earned_by, catalogs, findings);
    Ok(())
}

/// Why a user's commands cannot be decided again, if they cannot.
fn not_recounted(records: &UserRecords) -> Option<Unchecked> {
    let user = records.user.as_ref()?;
    if user.erased_at.is_some() {
        return Some(Unchecked::ErasedUsers);
    }
    let mut carried_out = records.commands.iter().filter(|command| !command.is_refused);
    let first_seen = user.first_seen_at.timestamp_micros();
    if carried_out
        .clone()
        .next()
        .is_none_or(|first| first.at > first_seen)
    {
        return Some(Unchecked::RewardsBeforeRecount);
    }
    carried_out
        .any(|command| command.seed.is_none())
        .then_some(Unchecked::RewardsWithoutId)
}

/// Decides a command on the catalog of its time. Around a change of the catalog another server may still have decided on
/// the one before, and a budget may have been used up: then what agrees with the stored rewards is what happened.
fn decide_as_then(
    decided: &mut DecidedRecords,
    command: &StoredCommand,
    (request, seed): (&Request, Uuid),
    records: &UserRecords,
    catalogs: &Catalogs,
) -> Result<Result<Decision, Rejection>, &'static str> {
    let mode = match &request.signals.device_check {
        None => CheckMode::Off,
        // Nothing was found against it, whatever the operator had set then.
        Some(check) if check.reasons.is_empty() => CheckMode::Observe,
        Some(check) => check.mode,
    };
    let mut first = None;
    for catalog in catalogs.for_command(command, mode) {
        for without_budget in [false, true] {
            if without_budget && !has_budgets(&catalog) {
                continue;
            }
            let answer = decided.decide(request, seed, &catalog, without_budget)?;
            if let Ok(decision) = &answer
                && agrees(decision, records)
            {
                return Ok(answer);
            }
            first.get_or_insert(answer);
        }
    }
    first.ok_or("there is no catalog of its time")
}

/// Whether every reward that a decision writes is stored with that amount.
fn agrees(decision: &Decision, records: &UserRecords) -> bool {
    let written = decision.write_set.writes.reward.iter();
    written
        .filter_map(|((_, id), reward)| Some((id, reward.as_ref()?)))
        .all(|(id, reward)| {
            records
                .rewards
                .get(id)
                .is_some_and(|stored| worth(&stored.record) == worth(reward))
        })
}

/// What a reward is worth, in words; two rewards are worth the same if the words are the same.
fn worth(reward: &Reward) -> String {
    let amount = &reward.amount;
    let mut worth = format!(
        "{} and a bonus of {} {}",
        amount.points, amount.bonus_points, amount.currency
    );
    if reward.experience_points > 0 {
        worth.push_str(&format!(", {} experience", reward.experience_points));
    }
    if !reward.mining_boost_percent.is_zero() {
        worth.push_str(&format!(", {} % boost", reward.mining_boost_percent));
    }
    if let Some(badge) = &reward.badge_id {
        worth.push_str(&format!(", badge {badge}"));
    }
    worth
}

fn compare(
    user: UserId,
    records: &UserRecords,
    decided: &DecidedRecords,
    earned_by: &BTreeMap<RewardId, Option<RecordedCommand>>,
    catalogs: &Catalogs,
    findings: &mut Findings<'_>,
) {
    let again = |id: &RewardId| {
        decided
            .loaded
            .records
            .reward
            .get(&(user, *id))
            .and_then(Option::as_ref)
    };
    let in_words = |reward: &Reward| format!("{}, {}", worth(reward), serde_name(reward.status));
    for (id, stored) in &records.rewards {
        let record = &stored.record;
        if !catalogs.knows(record.mission_id) {
            findings.report.leave_out(Unchecked::RewardsOfUnknownVersion, 1);
            continue;
        }
        findings.report.recounted += 1;
        let (kind, expected) = match again(id) {
            Some(reward) if in_words(reward) == in_words(record) => continue,
            Some(reward) => (DeviationKind::RecountAmount, in_words(reward)),
            None => (DeviationKind::RecountUnearned, "no reward".to_owned()),
        };
        findings.add(Deviation {
            user: Some(user),
            mission: record.mission_id,
            reward: Some(*id),
            command: earned_by.get(id).cloned().flatten(),
            ..Deviation::new(kind, expected, in_words(record))
        });
    }
    let rewards = decided.loaded.records.reward.values().flatten();
    for reward in rewards.filter(|reward| !records.rewards.contains_key(&reward.id)) {
        if catalogs.knows(reward.mission_id) {
            findings.add(Deviation {
                user: Some(user),
                mission: reward.mission_id,
                reward: Some(reward.id),
                command: earned_by.get(&reward.id).cloned().flatten(),
                ..Deviation::new(DeviationKind::RecountMissing, in_words(reward), "no such reward")
            });
        }
    }
}
