//! What a hook's value means.

use mission_core::ports::rules::{EvidenceVerdict, Hook, RewardPatch, RuleFailure};
use rhai::{Dynamic, ImmutableString, Map};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    failure::{hook_failure, plain_type},
    suggest::closest,
};

/// The reason where a script gives none.
const DEFAULT_REASON: &str = "the mission's rules do not accept this evidence";

/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 500;

/// The fields that `reward` can set.
pub(crate) const REWARD_FIELDS: [&str; 6] = [
    "points",
    "bonus_points",
    "experience_points",
    "mining_boost_percent",
    "badge_id",
    "expires_after_days",
];

/// `eligible` gives true or false.
pub(crate) fn eligible(value: &Dynamic) -> Result<bool, RuleFailure> {
    value.as_bool().map_err(|_| {
        hook_failure(
            Hook::Eligible,
            format!("it must give true or false, and gave {}", shown(value)),
        )
    })
}

/// `progress` gives a whole number from 0.
pub(crate) fn progress(value: &Dynamic) -> Result<u64, RuleFailure> {
    number(value)
        .filter(Decimal::is_integer)
        .and_then(|number| number.to_u64())
        .ok_or_else(|| {
            hook_failure(
                Hook::Progress,
                format!("it must give a whole number from 0, and gave {}", shown(value)),
            )
        })
}

/// `verify` gives true, false, a reason, or `#{review: "why"}`.
pub(crate) fn verify(value: &Dynamic) -> Result<EvidenceVerdict, RuleFailure> {
    if let Ok(good) = value.as_bool() {
        return Ok(if good {
            EvidenceVerdict::Valid
        } else {
            EvidenceVerdict::Invalid(DEFAULT_REASON.to_owned())
        });
    }
    if let Some(reason) = value.read_lock::<ImmutableString>() {
        return Ok(EvidenceVerdict::Invalid(reason_of(&reason)));
    }
    let refuse = |message: String| Err(hook_failure(Hook::Verify, message));
    let Some(map) = value.read_lock::<Map>() else {
        return refuse(format!(
            "it must give true, false, a reason or #{{review: \"why\"}}, and gave {}",
            shown(value)
        ));
    };
    if let Some(key) = map.keys().find(|key| key.as_str() != "review") {
        return refuse(format!(
            "the map that it gives has an unknown key `{key}`; only `review` is known"
        ));
    }
    match map.get("review").and_then(Dynamic::read_lock::<ImmutableString>) {
        Some(why) => Ok(EvidenceVerdict::Review(reason_of(&why))),
        None => refuse("`review` must be a text that says why".to_owned()),
    }
}

fn reason_of(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        DEFAULT_REASON.to_owned()
    } else {
        text.chars().take(LONGEST_REASON).collect()
    }
}

/// `reward` gives a map with any of the reward's fields. A field that is `()` is as if it were not there.
pub(crate) fn reward(value: &Dynamic) -> Result<RewardPatch, RuleFailure> {
    let refuse = |message: String| Err(hook_failure(Hook::Reward, message));
    let Some(map) = value.read_lock::<Map>() else {
        return refuse(format!(
            "it must give a map such as #{{points: 5}}, and gave {}",
            shown(value)
        ));
    };
    for key in map.keys() {
        if !REWARD_FIELDS.contains(&key.as_str()) {
            let known = unknown_reward_field(key);
            return refuse(format!(
                "the map that it gives has an unknown key `{key}`; {known}"
            ));
        }
    }
    Ok(RewardPatch {
        points: amount(&map, "points")?,
        bonus_points: amount(&map, "bonus_points")?,
        experience_points: count(&map, "experience_points")?,
        mining_boost_percent: amount(&map, "mining_boost_percent")?,
        badge_id: text(&map, "badge_id")?,
        expires_after_days: count(&map, "expires_after_days")?,
    })
}

/// The way out of a field that no reward has.
pub(crate) fn unknown_reward_field(name: &str) -> String {
    match closest(name, REWARD_FIELDS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("a reward has {}", REWARD_FIELDS.join(", ")),
    }
}

fn present<'m>(map: &'m Map, key: &str) -> Option<&'m Dynamic> {
    map.get(key).filter(|value| !value.is_unit())
}

fn wrong<T>(key: &str, wanted: &str, value: &Dynamic) -> Result<T, RuleFailure> {
    Err(hook_failure(
        Hook::Reward,
        format!("`{key}` must be {wanted}, and is {}", shown(value)),
    ))
}

fn amount(map: &Map, key: &str) -> Result<Option<Decimal>, RuleFailure> {
    let Some(value) = present(map, key) else {
        return Ok(None);
    };
    match number(value) {
        Some(number) if !number.is_sign_negative() || number.is_zero() => Ok(Some(number)),
        _ => wrong(key, "a number from 0", value),
    }
}

fn count(map: &Map, key: &str) -> Result<Option<u32>, RuleFailure> {
    let Some(value) = present(map, key) else {
        return Ok(None);
    };
    match number(value)
        .filter(Decimal::is_integer)
        .and_then(|number| number.to_u32())
    {
        Some(count) => Ok(Some(count)),
        None => wrong(key, "a whole number from 0", value),
    }
}

fn text(map: &Map, key: &str) -> Result<Option<String>, RuleFailure> {
    let Some(value) = present(map, key) else {
        return Ok(None);
    };
    match value.read_lock::<ImmutableString>() {
        Some(text) => Ok(Some(text.to_string())),
        None => wrong(key, "a text", value),
    }
}

fn number(value: &Dynamic) -> Option<Decimal> {
    value
        .as_int()
        .map(Decimal::from)
        .or_else(|_| value.as_decimal())
        .ok()
}

/// A value as an error message shows it.
fn shown(value: &Dynamic) -> String {
    let plain = plain_type(value.type_name());
    if value.is_unit() || value.is_array() || value.is_map() {
        return plain;
    }
    let text: String = value.to_string().chars().take(40).collect();
    format!("{plain}, `{text}`")
}
