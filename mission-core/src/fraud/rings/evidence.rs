//! What gives a ring away.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fraud::DeviceHash;

/// One thing that accounts of a ring share. It names no account: which they are, and who invited whom, is told of the members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RingEvidence {
    /// New accounts came with one device.
    SharedDevice {
        /// Its hash.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        device: DeviceHash,
        /// How many.
        accounts: usize,
        /// When the first of them was made.
        created_from: DateTime<Utc>,
        /// When the last of them was made.
        created_to: DateTime<Utc>,
    },
    /// New accounts came from one address.
    SharedAddress {
        /// Its hash.
        address: String,
        /// How many.
        accounts: usize,
        /// So many of them were active for days and came from nowhere else.
        only_there: usize,
        /// All accounts that ever came from there.
        all_there: usize,
        /// When the first of them was made.
        created_from: DateTime<Utc>,
        /// When the last of them was made.
        created_to: DateTime<Utc>,
    },
    /// Accounts act at the same instants.
    SameTiming {
        /// How many.
        accounts: usize,
        /// How often two of them coincide, on average.
        coincidences: usize,
        /// Of how many that they could have coincided in, on average.
        of: usize,
        /// When two of them coincided first.
        from: DateTime<Utc>,
        /// The instants at which most of them did.
        instants: Vec<CoincidentInstant>,
    },
    /// Each of the accounts was invited by the next, the last by the first.
    ReferralCycle {
        /// How many.
        accounts: usize,
    },
    /// Accounts check in within seconds of their midnight.
    ClockEdge {
        /// How many.
        accounts: usize,
        /// Their check-ins.
        check_ins: usize,
        /// Those at midnight.
        at_midnight: usize,
        /// Within so many seconds of it.
        within_seconds: u32,
    },
    /// Accounts that share something else also share devices among each other.
    FewDevices {
        /// How many accounts share one.
        accounts: usize,
        /// How many devices.
        devices: usize,
    },
    /// The accounts were made within hours of each other.
    CreatedTogether {
        /// How many.
        accounts: usize,
        /// When the first of them was made.
        created_from: DateTime<Utc>,
        /// When the last of them was made.
        created_to: DateTime<Utc>,
    },
    /// The accounts were invited by the same user.
    SameInviter {
        /// How many.
        accounts: usize,
    },
}

/// An instant at which accounts of a ring acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CoincidentInstant {
    /// When the first of them did.
    pub at: DateTime<Utc>,
    /// How many did.
    pub accounts: usize,
}

impl RingEvidence {
    /// The kind, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            RingEvidence::SharedDevice { .. } => "shared_device",
            RingEvidence::SharedAddress { .. } => "shared_address",
            RingEvidence::SameTiming { .. } => "same_timing",
            RingEvidence::ReferralCycle { .. } => "referral_cycle",
            RingEvidence::ClockEdge { .. } => "clock_edge",
            RingEvidence::FewDevices { .. } => "few_devices",
            RingEvidence::CreatedTogether { .. } => "created_together",
            RingEvidence::SameInviter { .. } => "same_inviter",
        }
    }

    /// When the first of it happened, where it says so.
    #[must_use]
    pub fn since(&self) -> Option<DateTime<Utc>> {
        match self {
            RingEvidence::SharedDevice { created_from, .. }
            | RingEvidence::SharedAddress { created_from, .. }
            | RingEvidence::CreatedTogether { created_from, .. } => Some(*created_from),
            RingEvidence::SameTiming { from, .. } => Some(*from),
            RingEvidence::ReferralCycle { .. }
            | RingEvidence::ClockEdge { .. }
            | RingEvidence::FewDevices { .. }
            | RingEvidence::SameInviter { .. } => None,
        }
    }
}
