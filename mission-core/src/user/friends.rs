//! What rules can read of a user's friends.

use serde::{Deserialize, Serialize};

/// A user's friends as of the moment when a command came, as far as rules can read them.
///
/// ```
/// use mission_core::{UserId, engine::{CheckIn, FriendFacts}};
/// let [anna, bert] = [1, 2].map(|id| UserId(uuid::Uuid::from_u128(id)));
/// let facts = FriendFacts::of(&[bert], &CheckIn { user: anna }.into());
/// assert_eq!((facts.count, facts.named.len()), (1, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendFacts {
    /// How many there are: `user.friends`.
    pub count: u32,
    /// Those whom the event's data names, as it writes them: `event.friends`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
}
