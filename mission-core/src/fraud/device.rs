//! Devices: which ones a user came with, and who else did.

use std::{collections::BTreeMap, net::IpAddr};

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
        DeviceHash::of_kind("device", device_id)
    }

    /// Two kinds of things that are written alike have different hashes.
    fn of_kind(kind: &str, text: &str) -> DeviceHash {
        let hash = Sha256::new()
            .chain_update(kind)
            .chain_update(b"\0")
            .chain_update(text)
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

/// The address that a request came from, as the engine remembers it: who came from it is remembered as who came with a
/// device is. There are so few addresses that whoever has the hash can find the address: it is personal data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressHash(DeviceHash);

impl AddressHash {
    /// The hash of an address. An IPv4 address that was mapped into IPv6 is the same as itself.
    ///
    /// ```
    /// use mission_core::fraud::{AddressHash, DeviceHash};
    /// let of = |address: &str| address.parse().map(AddressHash::of);
    /// assert_eq!(of("192.0.2.1")?, of("::ffff:192.0.2.1")?);
    /// assert_ne!(of("192.0.2.1")?.as_device(), &DeviceHash::of("192.0.2.1"));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn of(address: IpAddr) -> AddressHash {
        let address = address.to_canonical().to_string();
        AddressHash(DeviceHash::of_kind("address", &address))
    }

    /// As sightings name it.
    #[must_use]
    pub fn as_device(&self) -> &DeviceHash {
        &self.0
    }
}

/// An address that a user came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownAddress {
    /// Which.
    pub address: AddressHash,
    /// When the user came from it first.
    pub first_seen_at: DateTime<Utc>,
    /// When the user came from it last, within a day.
    pub last_seen_at: DateTime<Utc>,
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
    if !is_trusted(device, known) {
        reasons.push(ReviewReason::NewDevice);
    }
    if other_users(user, users, policy, now) >= policy.shared_device_users {
        reasons.push(ReviewReason::SharedDevice);
    }
    reasons
}

/// Whether a device is the first of its user, who has no others yet, or one that is trusted.
pub(crate) fn is_trusted(device: &DeviceHash, known: &[KnownDevice]) -> bool {
    known.is_empty() || known.iter().any(|one| one.device == *device && one.trusted)
}

/// How many others are among those who came with a device, or from an address, within the time that makes it a shared one.
pub(crate) fn other_users(
    user: UserId,
    users: &BTreeMap<UserId, DateTime<Utc>>,
    policy: &FraudPolicy,
    now: DateTime<Utc>,
) -> usize {
    let others = users
        .iter()
        .filter(|(other, seen)| **other != user && now - **seen <= policy.shared_device_window);
    others.count()
}
