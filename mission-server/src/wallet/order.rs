//! What an event asks of the ledger, read off its envelope.

use chrono::{DateTime, Utc};
use mission_core::{
    RewardId, UserId,
    event::{CloudEvent, IntegrationEventType},
    ports::store::StoreError,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::store::micros::decimal_micros;

/// A command of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerCommand {
    /// Move points.
    Book(Booking),
    /// Forget whose account it was.
    Forget {
        /// Who was erased.
        user: UserId,
        /// When.
        at: DateTime<Utc>,
    },
}

/// One movement of points between the issuer and a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The reward; booked once for each kind.
    pub grant: RewardId,
    /// Which way.
    pub kind: BookingKind,
    /// The user.
    pub user: UserId,
    /// How many points move; never negative.
    pub amount: Decimal,
    /// Their currency.
    pub currency: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Booking {
    /// What it adds to the holder's account, in millionths.
    pub(super) fn signed_micros(&self) -> Result<i64, StoreError> {
        let amount = decimal_micros(self.amount)
            .filter(|amount| *amount >= 0)
            .ok_or_else(|| {
                StoreError::Refused(format!(
                    "{} points of grant {} are no amount that can be booked",
                    self.amount, self.grant
                ))
            })?;
        Ok(match self.kind {
            BookingKind::Grant => amount,
            BookingKind::Revocation => -amount,
        })
    }
}

/// Which way points move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BookingKind {
    /// To the user.
    Grant,
    /// Back to the issuer.
    Revocation,
}

/// An event of a known type that lacks what its documentation promises.
#[derive(Debug, thiserror::Error)]
#[error("event `{id}` of type `{event_type}` cannot be read: {source}")]
pub struct UnreadableEvent {
    id: String,
    event_type: String,
    source: serde_json::Error,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claimed {
    reward_id: RewardId,
    user_id: UserId,
    #[serde(with = "mission_core::points::exact")]
    total_points: Decimal,
    currency: String,
    claimed_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    reward_id: RewardId,
    user_id: UserId,
    #[serde(with = "mission_core::points::exact")]
    total_points: Decimal,
    currency: String,
    revoked_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Erased {
    user_id: UserId,
    erased_at: DateTime<Utc>,
}

impl LedgerCommand {
    /// Whose account it is about.
    #[must_use]
    pub fn user(&self) -> UserId {
        match self {
            LedgerCommand::Book(booking) => booking.user,
            LedgerCommand::Forget { user, .. } => *user,
        }
    }

    /// What an event asks for; `None` where it moves no points.
    ///
    /// # Errors
    /// When the event is of a type that does, and cannot be read.
    pub fn of(event: &CloudEvent) -> Result<Option<LedgerCommand>, UnreadableEvent> {
        Ok(match IntegrationEventType::named(&event.event_type) {
            Some(IntegrationEventType::RewardClaimed) => {
                let data: Claimed = read(event)?;
                Some(LedgerCommand::Book(Booking {
                    grant: data.reward_id,
                    kind: BookingKind::Grant,
                    user: data.user_id,
                    amount: data.total_points,
                    currency: data.currency,
                    at: data.claimed_at,
                }))
            }
            Some(IntegrationEventType::RewardRevoked) => {
                let data: Revoked = read(event)?;
                Some(LedgerCommand::Book(Booking {
                    grant: data.reward_id,
                    kind: BookingKind::Revocation,
                    user: data.user_id,
                    amount: data.total_points,
                    currency: data.currency,
                    at: data.revoked_at,
                }))
            }
            Some(IntegrationEventType::UserErased) => {
                let data: Erased = read(event)?;
                Some(LedgerCommand::Forget {
                    user: data.user_id,
                    at: data.erased_at,
                })
            }
            Some(_) | None => None,
        })
    }
}

fn read<D: DeserializeOwned>(event: &CloudEvent) -> Result<D, UnreadableEvent> {
    // By way of text: decimals keep their digits, as they do for a consumer that reads the wire.
    let data = event.data.as_ref().unwrap_or(&Value::Null).to_string();
    serde_json::from_str(&data).map_err(|source| UnreadableEvent {
        id: event.id.clone(),
        event_type: event.event_type.clone(),
        source,
    })
}
