//! Who is friends with whom, as activity events tell it: `friendship.created` and `friendship.ended` with
//! `data.friendId`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::ActivityEvent;
use crate::UserId;

/// A friendship as last reported by an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Friendship {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Whether they are friends since then, or no longer.
    pub are_friends: bool,
}

impl Friendship {
    /// Puts what was told beside what was known: of two things about the same pair the later one holds, of two at the
    /// same instant the one that was told last.
    pub fn merge_latest(
        known: &mut BTreeMap<(UserId, UserId), Friendship>,
        friendship: &BTreeMap<(UserId, UserId), Friendship>,
    ) {
        for (pair, reported) in friendship {
            let known = known.entry(*pair).or_insert(*reported);
            if reported.at >= known.at {
                *known = *reported;
            }
        }
    }
}

/// A friendship that an activity event created or ended.
pub(super) struct FriendshipEvent {
    friend: UserId,
    reported: Friendship,
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
                reported: Friendship {
                    at: event.time,
                    are_friends,
                },
            }),
        })
    }

    /// The pairs of which it is told: friends are so both ways.
    pub(super) fn pairs(&self, user: UserId) -> [((UserId, UserId), Friendship); 2] {
        [
            ((user, self.friend), self.reported),
            ((self.friend, user), self.reported),
        ]
    }
}
