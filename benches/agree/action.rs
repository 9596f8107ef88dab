//! What a user does.

use chrono::{DateTime, Utc};
use mission_core::check_in::Zone;
use serde_json::{Value, json};
use uuid::Uuid;

/// Something that one user does, or that is done for them.
#[derive(Clone, Debug)]
pub(crate) enum UserAction {
    /// The identity service says that the user lives in another zone.
    Move(Zone),
    /// A check-in.
    CheckIn,
    /// An activity event arrives.
    Event(Activity),
    /// A command on a mission of this code.
    Start(&'static str),
    /// A report of progress.
    Progress(&'static str, u32),
    /// The end of a task.
    Complete(&'static str),
    /// The reward is taken.
    Claim(&'static str),
}

impl UserAction {
    /// Whether the user's own token comes with it, and with the token the wish for a zone.
    pub(crate) fn is_the_users_own(&self) -> bool {
        !matches!(self, UserAction::Move(_) | UserAction::Event(_))
    }
}

/// An activity event.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub(crate) id: String,
    pub(crate) event_type: &'static str,
    /// When it happened, which may be days before it arrives.
    pub(crate) time: DateTime<Utc>,
    pub(crate) seconds: u32,
}

impl Activity {
    /// The CloudEvent of it.
    pub(crate) fn cloud_event(&self, user: Uuid) -> Value {
        json!({
            "specversion": "1.0", "id": self.id, "source": "agree", "type": self.event_type,
            "subject": user, "time": self.time, "data": {"seconds": self.seconds},
        })
    }
}
