//! What a task remembers of the events that moved it, where a count of them is not enough.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::mission::{FieldValue, StreakRule};

/// What a task remembers of the events that moved it. Empty where they are only added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The different values that were counted (`count = "distinct:…"`).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub distinct: BTreeSet<String>,
    /// The numbers of the periods in which something counted (`[streak]`), rising.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub periods: BTreeSet<i32>,
    /// How much was counted under each value of a trigger's `key`, less what was taken back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_key: BTreeMap<String, u64>,
}

/// A text of more bytes is remembered by its digest.
const LONGEST_TEXT: usize = 64;

impl Tally {
    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Tally::default()
    }

    /// The value of a field as it is remembered; `None` for a list or an object, which nothing is told apart by.
    #[must_use]
    pub fn key_of(field: &FieldValue<'_>) -> Option<String> {
        let text = match field {
            FieldValue::Bool(yes) => yes.to_string(),
            FieldValue::Number(number) => number.normalize().to_string(),
            FieldValue::Text(text) => text.trim().to_owned(),
            FieldValue::Texts(_) | FieldValue::List(_) | FieldValue::Object(_) => return None,
        };
        if text.is_empty() {
            return None;
        }
        Some(if text.len() <= LONGEST_TEXT {
            text
        } else {
            uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes()).to_string()
        })
    }

    /// The longest streak so far, and the one that the last period is in.
    #[must_use]
    pub fn runs(&self, rule: &StreakRule) -> (u32, u32) {
        rule.runs(self.periods.iter().copied())
    }
}
