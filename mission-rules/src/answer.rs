//! What a hook's value means, whoever evaluated it.

use mission_core::ports::rules::{EvidenceVerdict, Hook, RewardPatch, RuleFailure};
use rhai::{Dynamic, ImmutableString, Map};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    compiled::Value,
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

/// What the meaning of a value is read from.
pub(crate) trait HookValue: Sized {
    fn truth(&self) -> Option<bool>;
    fn number(&self) -> Option<Decimal>;
    fn text(&self) -> Option<String>;
    /// Whether a map has a key that is none of these, and which; `None` for what is no map.
    fn unknown_key(&self, known: &[&str]) -> Option<Option<String>>;
    /// What a map has under a key; `None` where that is nothing.
    fn entry(&self, key: &str) -> Option<Self>;
    /// The value as an error message shows it.
    fn shown(&self) -> String;
}

/// What a hook can say.
pub(crate) trait HookAnswer: Sized {
    const HOOK: Hook;

    /// # Errors
    /// When the value is none that the hook can give.
    fn of(value: &impl HookValue) -> Result<Self, RuleFailure>;
}

/// `eligible` gives true or false.
impl HookAnswer for bool {
    const HOOK: Hook = Hook::Eligible;

    fn of(value: &impl HookValue) -> Result<Self, RuleFailure> {
        let wrong = || format!("it must give true or false, and gave {}", value.shown());
        value.truth().ok_or_else(|| hook_failure(Self::HOOK, wrong()))
    }
}

/// `progress` gives a whole number from 0.
impl HookAnswer for u64 {
    const HOOK: Hook = Hook::Progress;

    fn of(value: &impl HookValue) -> Result<Self, RuleFailure> {
        let wrong = || format!("it must give a whole number from 0, and gave {}", value.shown());
        let number = value.number().filter(Decimal::is_integer);
        let whole = number.and_then(|number| number.to_u64());
        whole.ok_or_else(|| hook_failure(Self::HOOK, wrong()))
    }
}

/// `verify` gives true, false, a reason, or `#{review: "why"}`.
impl HookAnswer for EvidenceVerdict {
    const HOOK: Hook = Hook::Verify;

    fn of(value: &impl HookValue) -> Result<Self, RuleFailure> {
        match value.truth() {
            Some(true) => return Ok(EvidenceVerdict::Valid),
            Some(false) => return Ok(EvidenceVerdict::Invalid(DEFAULT_REASON.to_owned())),
            None => {}
        }
        if let Some(reason) = value.text() {
            return Ok(EvidenceVerdict::Invalid(reason_of(&reason)));
        }
        let refuse = |message: String| Err(hook_failure(Hook::Verify, message));
        match value.unknown_key(&["review"]) {
            None => refuse(format!(
                "it must give true, false, a reason or #{{review: \"why\"}}, and gave {}",
                value.shown()
            )),
            Some(Some(key)) => refuse(format!(
                "the map that it gives has an unknown key `{key}`; only `review` is known"
            )),
            Some(None) => match value.entry("review").and_then(|why| why.text()) {
                Some(why) => Ok(EvidenceVerdict::Review(reason_of(&why))),
                None => refuse("`review` must be a text that says why".to_owned()),
            },
        }
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
impl HookAnswer for RewardPatch {
    const HOOK: Hook = Hook::Reward;

    fn of(value: &impl HookValue) -> Result<Self, RuleFailure> {
        let refuse = |message: String| Err(hook_failure(Hook::Reward, message));
        match value.unknown_key(&REWARD_FIELDS) {
            None => refuse(format!(
                "it must give a map such as #{{points: 5}}, and gave {}",
                value.shown()
            )),
            Some(Some(key)) => refuse(format!(
                "the map that it gives has an unknown key `{key}`; {}",
                unknown_reward_field(&key)
            )),
            Some(None) => Ok(RewardPatch {
                points: amount(value, "points")?,
                bonus_points: amount(value, "bonus_points")?,
                experience_points: count(value, "experience_points")?,
                mining_boost_percent: amount(value, "mining_boost_percent")?,
                badge_id: text(value, "badge_id")?,
                expires_after_days: count(value, "expires_after_days")?,
            }),
        }
    }
}

/// The way out of a field that no reward has.
pub(crate) fn unknown_reward_field(name: &str) -> String {
    match closest(name, REWARD_FIELDS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("a reward has {}", REWARD_FIELDS.join(", ")),
    }
}

fn wrong<T>(key: &str, wanted: &str, value: &impl HookValue) -> Result<T, RuleFailure> {
    Err(hook_failure(
        Hook::Reward,
        format!("`{key}` must be {wanted}, and is {}", value.shown()),
    ))
}

fn amount(map: &impl HookValue, key: &str) -> Result<Option<Decimal>, RuleFailure> {
    let Some(value) = map.entry(key) else {
        return Ok(None);
    };
    match value.number() {
        Some(number) if !number.is_sign_negative() || number.is_zero() => Ok(Some(number)),
        _ => wrong(key, "a number from 0", &value),
    }
}

fn count(map: &impl HookValue, key: &str) -> Result<Option<u32>, RuleFailure> {
    let Some(value) = map.entry(key) else {
        return Ok(None);
    };
    let number = value.number().filter(Decimal::is_integer);
    match number.and_then(|number| number.to_u32()) {
        Some(count) => Ok(Some(count)),
        None => wrong(key, "a whole number from 0", &value),
    }
}

fn text(map: &impl HookValue, key: &str) -> Result<Option<String>, RuleFailure> {
    let Some(value) = map.entry(key) else {
        return Ok(None);
    };
    match value.text() {
        Some(text) => Ok(Some(text)),
        None => wrong(key, "a text", &value),
    }
}

impl HookValue for Dynamic {
    fn truth(&self) -> Option<bool> {
        self.as_bool().ok()
    }

    fn number(&self) -> Option<Decimal> {
        self.as_int()
            .map(Decimal::from)
            .or_else(|_| self.as_decimal())
            .ok()
    }

    fn text(&self) -> Option<String> {
        self.read_lock::<ImmutableString>().map(|text| text.to_string())
    }

    fn unknown_key(&self, known: &[&str]) -> Option<Option<String>> {
        let map = self.read_lock::<Map>()?;
        Some(
            map.keys()
                .find(|key| !known.contains(&key.as_str()))
                .map(ToString::to_string),
        )
    }

    fn entry(&self, key: &str) -> Option<Self> {
        let map = self.read_lock::<Map>()?;
        map.get(key).filter(|value| !value.is_unit()).cloned()
    }

    fn shown(&self) -> String {
        let plain = plain_type(self.type_name());
        if self.is_unit() || self.is_array() || self.is_map() {
            return plain;
        }
        let text: String = self.to_string().chars().take(40).collect();
        format!("{plain}, `{text}`")
    }
}

impl HookValue for Value<'_> {
    fn truth(&self) -> Option<bool> {
        self.as_bool()
    }

    fn number(&self) -> Option<Decimal> {
        Value::number(*self)
    }

    fn text(&self) -> Option<String> {
        match self {
            Value::Text(text) => Some((*text).to_owned()),
            _ => None,
        }
    }

    fn unknown_key(&self, known: &[&str]) -> Option<Option<String>> {
        match self {
            Value::Map(entries) => {
                let mut keys = entries.iter().map(|(key, _)| *key);
                Some(keys.find(|key| !known.contains(key)).map(str::to_owned))
            }
            other => other.to_dynamic().unknown_key(known),
        }
    }

    fn entry(&self, key: &str) -> Option<Self> {
        Some(self.property(key)).filter(|value| !value.is_unit())
    }

    fn shown(&self) -> String {
        self.to_dynamic().shown()
    }
}
