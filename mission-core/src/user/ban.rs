//! Users whom an operator has banned: rules see a tag, which stays whatever others say of the user.

use chrono::{DateTime, Utc};

use super::User;

/// The tag of a banned user.
const BANNED: &str = "banned";

impl User {
    /// Bans the user, once.
    pub(crate) fn ban(&mut self, now: DateTime<Utc>) {
        self.banned_at.get_or_insert(now);
        self.keep_banned();
    }

    /// Lifts the ban, and takes its tag away.
    pub(crate) fn lift_ban(&mut self) {
        if self.banned_at.take().is_some() {
            self.description.tags.retain(|tag| tag != BANNED);
        }
    }

    /// Gives a banned user the tag that others, who do not know of the ban, have left out.
    pub(super) fn keep_banned(&mut self) {
        let tags = &mut self.description.tags;
        if self.banned_at.is_some() && !tags.iter().any(|tag| tag == BANNED) {
            tags.push(BANNED.to_owned());
        }
    }
}
