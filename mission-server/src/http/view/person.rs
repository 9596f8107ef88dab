//! Who a user is, as others see them.

use std::collections::BTreeMap;

use mission_core::{UserId, ports::iam::Person};
use serde::Serialize;
use utoipa::ToSchema;

/// A user's name and picture, left out where nobody knows them or their service is away.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::http) struct PersonView {
    /// The name that others see.
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    /// The address of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
}

impl PersonView {
    /// One of some people.
    pub(in crate::http) fn of(user: UserId, people: &BTreeMap<UserId, Person>) -> Self {
        people
            .get(&user)
            .cloned()
            .map(PersonView::from)
            .unwrap_or_default()
    }
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        PersonView {
            display_name: person.display_name,
            avatar_url: person.avatar_url,
        }
    }
}
