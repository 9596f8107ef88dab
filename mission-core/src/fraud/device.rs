//! Devices: which ones a user came with, and who else did.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{FraudPolicy, ReviewReason};
use crate::UserId;

/// A device as the engine remembers it: a hash of what the client named, which leads back to nobody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceHash(String);

impl DeviceHash {
    /// The hash of an `X-Device-Id`.
    #[must_use]
    pub fn of(device_id: &str) -> DeviceHash {
        let hash = Sha256::new()
            .chain_update(b"device\0")
            .chain_update(device_id.as_bytes())
            .finalize();
        DeviceHash(HEXLOWER.encode(&hash[..16]))
    }

    /// Thirty-two hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A hash that was kept as text.
    #[must_use]
    pub fn from_stored(text: String) -> DeviceHash {
        DeviceHash(text)
    }
}

/// A device that a user came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDevice {
    /// Which.
    pub device: DeviceHash,
    /// The first one, or approved by a reviewer.
    pub trusted: bool,
    /// When it came first.
    pub first_seen_at: DateTime<Utc>,
    /// When it came last, within a day.
    pub last_seen_at: DateTime<Utc>,
}

/// Why a device flags, if it does: it is new to the user, or others use it.
///
/// `known` are the user's devices before this request; `users` is who came with this device, and when last.
#[must_use]
pub fn device_reasons(
    user: UserId,
    device: &DeviceHash,
    known: &[KnownDevice],
    users: &BTreeMap<UserId, DateTime<Utc>>,
    policy: &FraudPolicy,
    now: DateTime<Utc>,
) -> Vec<ReviewReason> {
    let mut reasons = Vec::new();
    let trusted = known.is_empty() || known.iter().any(|d| d.device == *device && d.trusted);
    if !trusted {
        reasons.push(ReviewReason::NewDevice);
    }
    let others = users
        .iter()
        .filter(|(other, seen)| **other != user && now - **seen <= policy.shared_device_window);
    if others.count() >= policy.shared_device_users {
        reasons.push(ReviewReason::SharedDevice);
    }
    reasons
}
