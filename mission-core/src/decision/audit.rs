//! The audit: what operators have changed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::UserId;

/// One administrative command that took effect: who, when, what, before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// The entry's id, in order of time.
    pub id: Uuid,
    /// When the command counted.
    pub at: DateTime<Utc>,
    /// Whose command it was; `None` where nobody asked, as for the pack that a server loads at its start.
    pub actor: Option<UserId>,
    /// The command, such as `UpdateMission`.
    pub action: String,
    /// What kind of thing was changed.
    pub subject_kind: AuditSubject,
    /// Its id; of a pack, its name.
    pub subject: String,
    /// The user whose it is, if it is one's.
    pub user_id: Option<UserId>,
    /// How it was; nothing where it was new, or the user was erased since.
    pub before: Option<Value>,
    /// How it is since; nothing where the user was erased since.
    pub after: Option<Value>,
    /// The id that follows the request through logs and events.
    pub correlation_id: Option<String>,
}

/// The kind of thing that an administrative command changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditSubject {
    /// A mission.
    Mission,
    /// A pack.
    Pack,
    /// A user.
    User,
    /// A reward.
    Reward,
    /// A review.
    Review,
    /// A webhook.
    Webhook,
    /// A ring of accounts.
    Ring,
}
