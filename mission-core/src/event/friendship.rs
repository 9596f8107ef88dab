//! Who is friends with whom, as activity events tell it: `friendship.created` and `friendship.ended` with
//! `data.friendId`.

use serde_json::Value;

use super::ActivityEvent;
use crate::{UserId, ports::store::Friendship};

/// A friendship that an activity event created or ended.
pub(super) struct FriendshipEvent {
    friend: UserId,
    told: Friendship,
}

impl FriendshipEvent {
    /// What an event says, where it is such a one.
    ///
    /// # Errors
    /// What is wrong with its data.
    pub(super) fn of(event: &ActivityEvent) -> Option<Result<Self, String>> {
        let are_friends = match event.event_type.as_str() {
            "friendship.created" => true,
            "friendship.ended" => false,
            _ => return None,
        };
        let friend = event
            .data
            .get("friendId")
            .and_then(Value::as_str)
            .and_then(|id| id.parse().ok());
        Some(match friend.map(UserId) {
            None => Err("`friendId` must be the id of a user".to_owned()),
            Some(friend) if friend == event.user_id => Err("`friendId` must be another user".to_owned()),
            Some(friend) => Ok(FriendshipEvent {
                friend,
                told: Friendship {
                    at: event.time,
                    are_friends,
                },
            }),
        })
    }

    /// The pairs of which it is told: friends are so both ways.
    pub(super) fn pairs(&self, user: UserId) -> [((UserId, UserId), Friendship); 2] {
        [((user, self.friend), self.told), ((self.friend, user), self.told)]
    }
}
