//! Draft, active, paused, archived, and the three moves between them.

use serde::{Deserialize, Serialize};

/// The status of a mission. Only an active one can be started, progressed or completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MissionStatus {
    /// Written, never shown to users.
    #[default]
    Draft,
    /// Open to users inside its window.
    Active,
    /// Closed for now.
    Paused,
    /// Closed for good.
    Archived,
}

/// A status transition that an operator requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StatusTransition {
    /// From draft or paused to active.
    Activate,
    /// From active to paused.
    Pause,
    /// From paused to archived.
    Archive,
}

/// The transition is not allowed from the current status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mission that is {from} cannot be moved by `{asked}`")]
pub struct InvalidTransition {
    /// The status now.
    pub from: MissionStatus,
    /// What was asked.
    pub asked: StatusTransition,
}

impl MissionStatus {
    /// The status after a move.
    ///
    /// ```
    /// use mission_core::mission::{MissionStatus, StatusTransition};
    /// assert_eq!(MissionStatus::Draft.after(StatusTransition::Activate), Ok(MissionStatus::Active));
    /// assert!(MissionStatus::Archived.after(StatusTransition::Activate).is_err());
    /// ```
    ///
    /// # Errors
    /// When `draft -> active <-> paused -> archived` has no such step.
    pub fn after(self, asked: StatusTransition) -> Result<MissionStatus, InvalidTransition> {
        match (self, asked) {
            (MissionStatus::Draft | MissionStatus::Paused, StatusTransition::Activate) => {
                Ok(MissionStatus::Active)
            }
            (MissionStatus::Active, StatusTransition::Pause) => Ok(MissionStatus::Paused),
            (MissionStatus::Paused, StatusTransition::Archive) => Ok(MissionStatus::Archived),
            (from, asked) => Err(InvalidTransition { from, asked }),
        }
    }
}

impl std::fmt::Display for MissionStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            MissionStatus::Draft => "draft",
            MissionStatus::Active => "active",
            MissionStatus::Paused => "paused",
            MissionStatus::Archived => "archived",
        })
    }
}

impl std::fmt::Display for StatusTransition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StatusTransition::Activate => "activate",
            StatusTransition::Pause => "pause",
            StatusTransition::Archive => "archive",
        })
    }
}
