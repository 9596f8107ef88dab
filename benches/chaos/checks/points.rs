//! Every grant and every revocation is in the wallet once, and all sums agree.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use mission_core::event::IntegrationEvent;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::Check;
use crate::{
    Result,
    client::{Call, Client},
    facts::Facts,
    load_state::State,
};

/// What millionths are of.
const MICROS: i64 = 1_000_000;

/// All about points.
pub(super) fn all(state: &State, facts: &Facts) -> Vec<Check> {
    vec![
        booked(facts),
        granted(facts),
        balances(facts),
        forgotten(state, facts),
    ]
}

fn micros(points: Decimal) -> Option<i64> {
    let micros = points.checked_mul(Decimal::from(MICROS))?;
    i64::try_from(micros).ok()
}

/// What the journal says of points.
struct Movement {
    /// The reward, and which way it goes.
    key: (Uuid, &'static str),
    /// What it adds, in millionths.
    micros: Option<i64>,
    /// Whose it is.
    user: Uuid,
}

fn movements(facts: &Facts) -> impl Iterator<Item = Movement> {
    let events = facts.journal.iter().flat_map(|entry| &entry.events);
    events.filter_map(|event| match &event.event {
        IntegrationEvent::RewardClaimed(grant) => Some(Movement {
            key: (grant.reward_id.0, "grant"),
            micros: micros(grant.total_points),
            user: grant.user_id.0,
        }),
        IntegrationEvent::RewardRevoked(back) => Some(Movement {
            key: (back.reward_id.0, "revocation"),
            micros: micros(-back.total_points),
            user: back.user_id.0,
        }),
        _ => None,
    })
}

/// The wallet has what the journal tells, once, and nothing else.
fn booked(facts: &Facts) -> Check {
    let mut failures = Vec::new();
    let mut told: BTreeMap<(Uuid, &str), Option<i64>> = BTreeMap::new();
    for Movement { key, micros, .. } in movements(facts) {
        if told.insert(key, micros).is_some() {
            failures.push(format!("{key:?} was told twice, under different ids"));
        }
    }
    let mut booked: BTreeMap<(Uuid, &str), i64> = BTreeMap::new();
    for booking in &facts.bookings {
        let key = (booking.grant, booking.kind.as_str());
        if booked.insert(key, booking.micros).is_some() {
            failures.push(format!("{key:?} was booked twice"));
        }
    }
    for (key, micros) in &told {
        let found = booked.get(key).copied();
        if found.is_none() || found != *micros {
            failures.push(format!("{key:?} of {micros:?} millionths: {found:?} were booked"));
        }
    }
    let unknown = booked.keys().filter(|key| !told.contains_key(*key));
    failures.extend(unknown.map(|key| format!("{key:?} was booked, and nobody told of it")));
    Check::new(
        format!("{} grants and revocations are in the wallet once", told.len()),
        failures,
    )
}

/// The rewards that users have are those that were told of.
fn granted(facts: &Facts) -> Check {
    let granted = facts.rewards.iter().filter(|reward| reward.granted);
    let granted: BTreeSet<Uuid> = granted.map(|reward| reward.id).collect();
    let told = movements(facts);
    let told = told.filter(|told| told.key.1 == "grant" && !facts.erased.contains(&told.user));
    let told: BTreeSet<Uuid> = told.map(|told| told.key.0).collect();
    let mut failures: Vec<String> = granted
        .difference(&told)
        .map(|id| format!("nobody was told of reward {id}"))
        .collect();
    failures.extend(
        told.difference(&granted)
            .map(|id| format!("reward {id} was told of, and is not there")),
    );
    Check::new(
        format!("{} granted rewards were told of", granted.len()),
        failures,
    )
}

/// The sum of the rewards of each user that were claimed and not revoked.
fn points(facts: &Facts) -> BTreeMap<Uuid, i64> {
    let mut sums = BTreeMap::new();
    for reward in facts.rewards.iter().filter(|reward| reward.status == "claimed") {
        *sums.entry(reward.user).or_default() += reward.micros;
    }
    sums
}

fn balances(facts: &Facts) -> Check {
    let points = points(facts);
    let mut balances: BTreeMap<Uuid, i64> = BTreeMap::new();
    for booking in &facts.bookings {
        if let Some(user) = booking.user {
            *balances.entry(user).or_default() += booking.micros;
        }
    }
    let differ = facts.users.iter().filter_map(|user| {
        let (points, balance) = (points.get(user), balances.get(user));
        let (points, balance) = (
            points.copied().unwrap_or_default(),
            balance.copied().unwrap_or_default(),
        );
        (points != balance).then(|| format!("{user} has {points} millionths, the wallet {balance}"))
    });
    Check::new(
        format!("the balances of {} users agree", facts.users.len()),
        differ.collect(),
    )
}

/// No account in the wallet leads back to an erased user.
fn forgotten(state: &State, facts: &Facts) -> Check {
    let booked = facts.bookings.iter().filter_map(|booking| {
        let user = booking.user.filter(|user| state.erased.contains(user))?;
        Some(format!(
            "{user} was erased, and still has {} in the wallet",
            booking.grant
        ))
    });
    Check::new("the wallet has forgotten whom it should", booked.collect())
}

/// The servers tell each user the same sum as the databases, their embedded wallet's too.
pub(crate) async fn told_alike(
    state: &State,
    facts: &Facts,
    client: &Client,
    random: &mut Rng,
) -> Result<Check> {
    let points = points(facts);
    let mut failures = Vec::new();
    for user in &state.steady {
        let me = client
            .ask(random, Call::by(*user, Method::GET, "me", None))
            .await?;
        let told = |field: &str| -> Option<i64> { micros(number(&me.body[field])?) };
        let expected = points.get(user).copied().unwrap_or_default();
        let (points, wallet) = (told("points"), told("wallet_points"));
        if points != Some(expected) || wallet != Some(expected) {
            failures.push(format!(
                "{user} is told {points:?} and {wallet:?}, and has {expected}"
            ));
        }
    }
    Ok(Check::new(
        format!("{} users are told what they have", state.steady.len()),
        failures,
    ))
}

fn number(value: &Value) -> Option<Decimal> {
    value.to_string().trim_matches('"').parse().ok()
}
