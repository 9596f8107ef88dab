//! Whether evidence was found good, by whom and when.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::UserId;

/// The verdict on a task's evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verification {
    /// Whether it is good.
    pub is_valid: bool,
    /// Why not, or why somebody is to look.
    pub failure_reason: Option<String>,
    /// How it was judged.
    pub method: VerificationMethod,
    /// The person who judged it, if one did.
    pub verified_by: Option<UserId>,
    /// When.
    pub verified_at: DateTime<Utc>,
}

/// The method by which evidence was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationMethod {
    /// By the checks of its type.
    Automatic,
    /// By the mission's script.
    Rule,
    /// By a reviewer.
    Manual,
    /// By the moderation service.
    Moderation,
}
