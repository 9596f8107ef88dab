//! The wallet: books each grant and each revocation once, whatever the broker delivers.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::Mutation;
use crate::{RewardId, UserId, event::IntegrationEvent};

/// Which way points move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BookingKind {
    Grant,
    Revocation,
}

/// One movement of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Booking {
    pub(super) grant: RewardId,
    pub(super) kind: BookingKind,
    pub(super) user: UserId,
    /// What it adds to the account.
    pub(super) amount: Decimal,
}

impl Booking {
    /// What an event asks for, where it moves points.
    pub(super) fn of(event: &IntegrationEvent) -> Option<Booking> {
        match event {
            IntegrationEvent::RewardClaimed(claimed) => Some(Booking {
                grant: claimed.reward_id,
                kind: BookingKind::Grant,
                user: claimed.user_id,
                amount: claimed.total_points,
            }),
            IntegrationEvent::RewardRevoked(revoked) => Some(Booking {
                grant: revoked.reward_id,
                kind: BookingKind::Revocation,
                user: revoked.user_id,
                amount: -revoked.total_points,
            }),
            _ => None,
        }
    }
}

/// The wallet's own database.
#[derive(Default)]
pub(super) struct Wallet {
    booked: BTreeSet<(RewardId, BookingKind)>,
    balances: BTreeMap<UserId, Decimal>,
    forgetful: bool,
}

impl Wallet {
    pub(super) fn new(mutation: Option<Mutation>) -> Self {
        Wallet {
            forgetful: mutation == Some(Mutation::NoOutboxDedupe),
            ..Wallet::default()
        }
    }

    /// Books, and says whether that was new.
    pub(super) fn book(&mut self, booking: Booking) -> bool {
        let is_new = self.booked.insert((booking.grant, booking.kind)) || self.forgetful;
        if is_new {
            *self.balances.entry(booking.user).or_default() += booking.amount;
        }
        is_new
    }

    pub(super) fn balance(&self, user: UserId) -> Decimal {
        self.balances.get(&user).copied().unwrap_or_default()
    }
}
