//! Users in groups: by what a log says of them.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use mission_core::user::{Description, User};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// What a log says of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct UserProfile {
    /// When the user first did something.
    pub first_seen_at: DateTime<Utc>,
    /// As `user.updated` said last.
    pub description: Description,
}

impl UserProfile {
    pub(super) fn of(user: &User) -> Self {
        UserProfile {
            first_seen_at: user.first_seen_at,
            description: user.description.clone(),
        }
    }
}

/// A field of users that puts them into groups.
///
/// ```
/// use mission_rules::run::SegmentField;
/// assert_eq!("attributes.plan".parse(), Ok(SegmentField::Attribute("plan".to_owned())));
/// let error = "levl".parse::<SegmentField>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`levl` is no field of users: write level, country, tags, days_known or attributes.NAME"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SegmentField {
    /// The level that `user.updated` said.
    Level,
    /// The country that it said.
    Country,
    /// Each tag that it said: a user with two tags is in two groups.
    Tags,
    /// How long before the log's end the user first did something.
    DaysKnown,
    /// An attribute that it said; of a list each item.
    Attribute(String),
}

/// No field of users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no field of users: write level, country, tags, days_known or attributes.NAME")]
pub struct InvalidSegment(pub String);

impl FromStr for SegmentField {
    type Err = InvalidSegment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "level" => Ok(SegmentField::Level),
            "country" => Ok(SegmentField::Country),
            "tags" => Ok(SegmentField::Tags),
            "days_known" => Ok(SegmentField::DaysKnown),
            _ => match text.strip_prefix("attributes.") {
                Some(name) if !name.is_empty() => Ok(SegmentField::Attribute(name.to_owned())),
                _ => Err(InvalidSegment(text.to_owned())),
            },
        }
    }
}

impl fmt::Display for SegmentField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SegmentField::Level => f.write_str("level"),
            SegmentField::Country => f.write_str("country"),
            SegmentField::Tags => f.write_str("tags"),
            SegmentField::DaysKnown => f.write_str("days_known"),
            SegmentField::Attribute(name) => write!(f, "attributes.{name}"),
        }
    }
}

impl Serialize for SegmentField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What the users of one group have in common; in the order in which people read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SegmentValue {
    /// A number.
    Number(u32),
    /// At least so many days, and less than so many, if there is an end.
    Days(u32, Option<u32>),
    /// A text.
    Text(String),
    /// The log does not say.
    Unknown,
}

impl fmt::Display for SegmentValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SegmentValue::Number(number) => number.fmt(f),
            SegmentValue::Days(from, Some(to)) => write!(f, "{from}-{}", to - 1),
            SegmentValue::Days(from, None) => write!(f, "{from}+"),
            SegmentValue::Text(text) => f.write_str(text),
            SegmentValue::Unknown => f.write_str("(unknown)"),
        }
    }
}

impl Serialize for SegmentValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where the groups of `days_known` begin.
const DAYS: [u32; 5] = [0, 7, 30, 90, 365];

impl SegmentField {
    /// The groups of a user at the end of a log; one at least.
    pub(super) fn values(
        &self,
        profile: Option<&UserProfile>,
        end: Option<DateTime<Utc>>,
    ) -> Vec<SegmentValue> {
        let mut values = profile.map_or_else(Vec::new, |profile| self.told(profile, end));
        values.sort();
        values.dedup();
        if values.is_empty() {
            values.push(SegmentValue::Unknown);
        }
        values
    }

    fn told(&self, profile: &UserProfile, end: Option<DateTime<Utc>>) -> Vec<SegmentValue> {
        let text = |text: &String| SegmentValue::Text(text.clone());
        let about = &profile.description;
        match self {
            SegmentField::Level => about.level.into_iter().map(SegmentValue::Number).collect(),
            SegmentField::Country => about.country.iter().map(text).collect(),
            SegmentField::Tags => about.tags.iter().map(text).collect(),
            SegmentField::DaysKnown => {
                let days = end.map(|end| (end - profile.first_seen_at).num_days());
                let days = days.map(|days| u32::try_from(days).unwrap_or_default());
                days.into_iter().map(days_group).collect()
            }
            SegmentField::Attribute(name) => match about.attributes.get(name) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(items)) => items.iter().map(plain).collect(),
                Some(value) => vec![plain(value)],
            },
        }
    }
}

fn days_group(days: u32) -> SegmentValue {
    let next = DAYS.partition_point(|begin| *begin <= days);
    let begin = next.checked_sub(1).and_then(|place| DAYS.get(place));
    SegmentValue::Days(begin.copied().unwrap_or_default(), DAYS.get(next).copied())
}

fn plain(value: &Value) -> SegmentValue {
    match value {
        Value::String(text) => SegmentValue::Text(text.clone()),
        other => match other.as_u64().and_then(|number| u32::try_from(number).ok()) {
            Some(number) => SegmentValue::Number(number),
            None => SegmentValue::Text(other.to_string()),
        },
    }
}
