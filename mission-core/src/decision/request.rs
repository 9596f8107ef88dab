//! A command on its way: everything that decide may know besides stored records and the catalog.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Command, Friends, Rejection, Reply};
use crate::{
    CommandId, EventId, UserId,
    check_in::Zone,
    event::IntegrationEvent,
    fraud::{AddressHash, DeviceCheck, DeviceHash, RiskCheck},
};

/// One command with all that it rests on. Made once and kept over retries, so that a retry decides the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Where its answer is remembered.
    pub receipt: ReceiptKey,
    /// What the caller's key was first used for; of no meaning where the engine made the key.
    pub fingerprint: Fingerprint,
    /// Whether the caller named the key: then even a refusal is remembered.
    pub keyed: bool,
    /// The moment at which the command counts.
    pub at: DateTime<Utc>,
    /// What else came with it.
    pub signals: Signals,
    /// What is asked.
    pub command: Command,
}

impl Request {
    /// A request whose caller named no key.
    #[must_use]
    pub fn unkeyed(command: impl Into<Command>, id: CommandId, at: DateTime<Utc>, signals: Signals) -> Self {
        Request {
            receipt: ReceiptKey {
                caller: Uuid::nil(),
                command: id,
            },
            fingerprint: Fingerprint::default(),
            keyed: false,
            at,
            signals,
            command: command.into(),
        }
    }
}

/// The key of a receipt: the caller and the caller's idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptKey {
    /// The token's subject, or the service.
    pub caller: Uuid,
    /// The key.
    pub command: CommandId,
}

impl ReceiptKey {
    /// What the ids follow from that the command makes. It leads back to nobody, and may outlive the key.
    #[must_use]
    pub fn seed(&self) -> Uuid {
        Uuid::new_v5(&self.caller, self.command.0.as_bytes())
    }
}

/// A hash over what a key was used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The hash over parts, each of which may be any text.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut short = [0; 16];
        short.copy_from_slice(&hash.finalize()[..16]);
        Fingerprint(short)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        HEXLOWER.encode(&fingerprint.0)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        HEXLOWER
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Fingerprint)
            .ok_or_else(|| format!("`{text}` is no fingerprint"))
    }
}

/// Metadata of a command: device, zone, correlation id, operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signals {
    /// The device that the client named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceHash>,
    /// The zone that the token asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// The id that follows the request through logs and events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The operator who asks, for the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<UserId>,
    /// What rules may read of the user's friends, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub friends: Option<Friends>,
    /// What the check of the device found: written down with a command that was carried out, never asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_check: Option<DeviceCheck>,
    /// What the check of the risk found: written down as that of the device is, and decided by where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_check: Option<RiskCheck>,
    /// The address that the request came from. It is not written down with the command.
    #[serde(skip)]
    pub address: Option<AddressHash>,
}

/// The remembered answer of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// What the key was used for.
    pub fingerprint: Fingerprint,
    /// When the command counted.
    pub at: DateTime<Utc>,
    /// What was answered.
    pub answer: Result<Reply, Rejection>,
}

/// An integration event with its stable id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboundEvent {
    /// The CloudEvent's id, the same at every delivery.
    pub id: EventId,
    /// What is told.
    pub event: IntegrationEvent,
}
