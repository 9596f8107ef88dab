//! What a hook's value means, whoever evaluated it.

use mission_core::{
    fraud::{RiskAssessment, RiskScore},
    ports::rules::{EvidenceVerdict, Hook, RewardPatch, RuleFailure},
};
use rhai::{Array, Dynamic, ImmutableString, Map};
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
pub(crate) trait HookValue {
    /// What the entries of a map are.
    type Entry: HookValue;

    fn truth(&self) -> Option<bool>;
    fn number(&self) -> Option<Decimal>;
    fn text(&self) -> Option<String>;
    /// The items of a list of texts.
    fn texts(&self) -> Option<Vec<String>>;
    /// Shows the entries of a map until one is refused; `None` for what is no map.
    fn visit_entries(
        &mut self,
        visit: impl FnMut(&str, &Self::Entry) -> Result<(), RuleFailure>,
    ) -> Option<Result<(), RuleFailure>>;
    /// Whether it is `()`.
    fn is_nothing(&self) -> bool;
    /// The value as an error message shows it.
    fn shown(&self) -> String;
}

/// What a hook can say.
pub(crate) trait HookAnswer: Sized {
    const HOOK: Hook;

    /// # Errors
    /// When the value is none that the hook can give.
    fn of(value: &mut impl HookValue) -> Result<Self, RuleFailure>;
}

/// `eligible` gives true or false.
impl HookAnswer for bool {
    const HOOK: Hook = Hook::Eligible;

    fn of(value: &mut impl HookValue) -> Result<Self, RuleFailure> {
        let wrong = || format!("it must give true or false, and gave {}", value.shown());
        value.truth().ok_or_else(|| hook_failure(Self::HOOK, wrong()))
    }
}

/// `progress` gives a whole number from 0.
impl HookAnswer for u64 {
    const HOOK: Hook = Hook::Progress;

    fn of(value: &mut impl HookValue) -> Result<Self, RuleFailure> {
        let wrong = || format!("it must give a whole number from 0, and gave {}", value.shown());
        let number = value.number().filter(Decimal::is_integer);
        let whole = number.and_then(|number| number.to_u64());
        whole.ok_or_else(|| hook_failure(Self::HOOK, wrong()))
    }
}

/// `verify` gives true, false, a reason, or `#{review: "why"}`.
impl HookAnswer for EvidenceVerdict {
    const HOOK: Hook = Hook::Verify;

    fn of(value: &mut impl HookValue) -> Result<Self, RuleFailure> {
        match value.truth() {
            Some(true) => return Ok(EvidenceVerdict::Valid),
            Some(false) => return Ok(EvidenceVerdict::Invalid(DEFAULT_REASON.to_owned())),
            None => {}
        }
        if let Some(reason) = value.text() {
            return Ok(EvidenceVerdict::Invalid(reason_of(&reason)));
        }
        let mut why = None;
        let read = value.visit_entries(|key, value| {
            if key != "review" {
                return refuse(
                    Self::HOOK,
                    format!("the map that it gives has an unknown key `{key}`; only `review` is known"),
                );
            }
            why = value.text();
            Ok(())
        });
        match (read, why) {
            (None, _) => refuse(
                Self::HOOK,
                format!(
                    "it must give true, false, a reason or #{{review: \"why\"}}, and gave {}",
                    value.shown()
                ),
            ),
            (Some(Err(failure)), _) => Err(failure),
            (Some(Ok(())), Some(why)) => Ok(EvidenceVerdict::Review(reason_of(&why))),
            (Some(Ok(())), None) => refuse(Self::HOOK, "`review` must be a text that says why"),
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

    fn of(value: &mut impl HookValue) -> Result<Self, RuleFailure> {
        let mut patch = RewardPatch::default();
        let read = value.visit_entries(|key, value| {
            if value.is_nothing() && REWARD_FIELDS.contains(&key) {
                return Ok(());
            }
            match key {
                "points" => patch.points = Some(amount(key, value)?),
                "bonus_points" => patch.bonus_points = Some(amount(key, value)?),
                "experience_points" => patch.experience_points = Some(count(key, value)?),
                "mining_boost_percent" => patch.mining_boost_percent = Some(amount(key, value)?),
                "badge_id" => patch.badge_id = Some(text(key, value)?),
                "expires_after_days" => patch.expires_after_days = Some(count(key, value)?),
                _ => {
                    return refuse(
                        Self::HOOK,
                        format!(
                            "the map that it gives has an unknown key `{key}`; {}",
                            unknown_reward_field(key)
                        ),
                    );
                }
            }
            Ok(())
        });
        match read {
            Some(read) => read.map(|()| patch),
            None => refuse(
                Self::HOOK,
                format!(
                    "it must give a map such as #{{points: 5}}, and gave {}",
                    value.shown()
                ),
            ),
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

/// The fields that `risk` can set.
pub(crate) const RISK_FIELDS: [&str; 2] = ["score", "reasons"];

/// The most reasons that are kept.
const MOST_REASONS: usize = 10;

/// Whether a number is a score of risk.
pub(crate) fn is_risk_score(number: Decimal) -> bool {
    risk_score(number).is_some()
}

fn risk_score(number: Decimal) -> Option<RiskScore> {
    let whole = Some(number).filter(Decimal::is_integer)?;
    whole.to_u8()?.try_into().ok()
}

/// `risk` gives a score from 0 to 100, or a map of it and the reasons for it.
impl HookAnswer for RiskAssessment {
    const HOOK: Hook = Hook::Risk;

    fn of(value: &mut impl HookValue) -> Result<Self, RuleFailure> {
        if value.number().is_some() {
            return Ok(RiskAssessment {
                score: score(value)?,
                reasons: Vec::new(),
            });
        }
        let (mut found, mut reasons) = (None, Vec::new());
        let read = value.visit_entries(|key, value| {
            match key {
                "score" => found = Some(score(value)?),
                "reasons" => {
                    let texts = value.texts().ok_or_else(|| {
                        let message = format!("`reasons` must be a list of texts, and is {}", value.shown());
                        hook_failure(Self::HOOK, message)
                    })?;
                    let kept = texts.iter().take(MOST_REASONS);
                    reasons = kept
                        .map(|text| text.trim().chars().take(LONGEST_REASON).collect())
                        .collect();
                }
                _ => {
                    return refuse(
                        Self::HOOK,
                        format!(
                            "the map that it gives has an unknown key `{key}`; it has `score` and `reasons`"
                        ),
                    );
                }
            }
            Ok(())
        });
        match (read, found) {
            (Some(Err(failure)), _) => Err(failure),
            (Some(Ok(())), Some(score)) => Ok(RiskAssessment { score, reasons }),
            (Some(Ok(())), None) => refuse(Self::HOOK, "the map that it gives has no `score`"),
            (None, _) => refuse(
                Self::HOOK,
                format!(
                    "it must give a score from 0 to 100, or #{{score: 70, reasons: [\"why\"]}}, and gave {}",
                    value.shown()
                ),
            ),
        }
    }
}

fn score(value: &impl HookValue) -> Result<RiskScore, RuleFailure> {
    let wrong = || {
        format!(
            "a score must be a whole number from 0 to 100, and is {}",
            value.shown()
        )
    };
    let score = value.number().and_then(risk_score);
    score.ok_or_else(|| hook_failure(Hook::Risk, wrong()))
}

fn refuse<T>(hook: Hook, message: impl Into<String>) -> Result<T, RuleFailure> {
    Err(hook_failure(hook, message))
}

fn wrong<T>(key: &str, wanted: &str, value: &impl HookValue) -> Result<T, RuleFailure> {
    let message = format!("`{key}` must be {wanted}, and is {}", value.shown());
    refuse(Hook::Reward, message)
}

fn amount(key: &str, value: &impl HookValue) -> Result<Decimal, RuleFailure> {
    match value.number() {
        Some(number) if !number.is_sign_negative() || number.is_zero() => Ok(number),
        _ => wrong(key, "a number from 0", value),
    }
}

fn count(key: &str, value: &impl HookValue) -> Result<u32, RuleFailure> {
    let number = value.number().filter(Decimal::is_integer);
    match number.and_then(|number| number.to_u32()) {
        Some(count) => Ok(count),
        None => wrong(key, "a whole number from 0", value),
    }
}

fn text(key: &str, value: &impl HookValue) -> Result<String, RuleFailure> {
    match value.text() {
        Some(text) => Ok(text),
        None => wrong(key, "a text", value),
    }
}

impl HookValue for Dynamic {
    type Entry = Dynamic;

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

    fn texts(&self) -> Option<Vec<String>> {
        let items = self.read_lock::<Array>()?;
        items.iter().map(HookValue::text).collect()
    }

    fn visit_entries(
        &mut self,
        mut visit: impl FnMut(&str, &Self) -> Result<(), RuleFailure>,
    ) -> Option<Result<(), RuleFailure>> {
        let map = self.read_lock::<Map>()?;
        Some(map.iter().try_for_each(|(key, value)| visit(key, value)))
    }

    fn is_nothing(&self) -> bool {
        self.is_unit()
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
    type Entry = Self;

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

    fn texts(&self) -> Option<Vec<String>> {
        self.items()?.map(|item| item.text()).collect()
    }

    fn visit_entries(
        &mut self,
        mut visit: impl FnMut(&str, &Self) -> Result<(), RuleFailure>,
    ) -> Option<Result<(), RuleFailure>> {
        match self {
            Value::Map(entries) => Some(entries.iter().try_for_each(|(key, value)| visit(key, value))),
            Value::Object(fields) => Some(
                fields
                    .iter()
                    .try_for_each(|(key, value)| visit(key, &Value::json(value))),
            ),
            _ => None,
        }
    }

    fn is_nothing(&self) -> bool {
        self.is_unit()
    }

    fn shown(&self) -> String {
        self.to_dynamic().shown()
    }
}
