//! What an identity service, or an operator, says of a user.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::User;
use crate::{check_in::Zone, event::ActivityEvent};

/// An update of a user's attributes; absent fields stay as they are. The body of PUT attributes, and the data of a `user.updated`
/// event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Attributes))]
#[serde(deny_unknown_fields)]
pub struct UserUpdate {
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub level: Option<u32>,
    /// ISO 3166 country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Z]{2}$"))]
    pub country: Option<String>,
    /// All tags, at most 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub tags: Option<Vec<String>>,
    /// All other attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Map<String, Value>>,
    /// The zone that is asked for; it holds once the current day has ended in the old and the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "Asia/Ho_Chi_Minh"))]
    pub zone: Option<Zone>,
}

impl UserUpdate {
    /// The type of the activity event that says so.
    pub const EVENT: &'static str = "user.updated";

    /// What an event says of its user, where it is such a one.
    ///
    /// # Errors
    /// What is wrong with its data, the field first.
    pub fn of(event: &ActivityEvent) -> Option<Result<Self, String>> {
        if event.event_type != Self::EVENT {
            return None;
        }
        let read = serde_json::from_value::<UserUpdate>(Value::Object(event.data.clone()));
        Some(read.map_err(|error| error.to_string()).and_then(|update| {
            match update.validation_errors().first() {
                Some((field, message)) => Err(format!("`{field}` {message}")),
                None => Ok(update),
            }
        }))
    }

    /// What could never be said of a user: fields and what they must be.
    #[must_use]
    pub fn validation_errors(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        if self.level == Some(0) {
            faults.push(("level", "must be 1 or more"));
        }
        let is_code = |text: &String| text.len() == 2 && text.bytes().all(|c| c.is_ascii_uppercase());
        if self.country.as_ref().is_some_and(|country| !is_code(country)) {
            faults.push((
                "country",
                "must be an ISO 3166 code of two capital letters, such as `VN`",
            ));
        }
        let is_tag = |tag: &String| (1..=255).contains(&tag.chars().count());
        let are_tags = |tags: &Vec<String>| tags.len() <= 100 && tags.iter().all(is_tag);
        if !self.tags.as_ref().is_none_or(are_tags) {
            faults.push(("tags", "must be at most 100 texts of 1 to 255 characters"));
        }
        faults
    }

    /// The user as it says. The wish for a zone is not among it.
    pub(crate) fn describe(self, user: &mut User) {
        let description = &mut user.description;
        description.level = self.level.or(description.level);
        description.country = self.country.or(description.country.take());
        if let Some(tags) = self.tags {
            description.tags = tags;
        }
        if let Some(attributes) = self.attributes {
            description.attributes = attributes;
        }
        user.keep_banned();
    }
}
