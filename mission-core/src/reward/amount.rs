//! How much a reward is worth.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Points;

/// The currency of points.
pub const DEFAULT_CURRENCY: &str = "POINTS";

/// Points and bonus points in one currency, each rounded once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardAmount {
    /// The points proper.
    pub points: Points,
    /// What comes on top.
    pub bonus_points: Points,
    /// Always [`DEFAULT_CURRENCY`] today.
    pub currency: String,
}

impl RewardAmount {
    /// An amount in the default currency.
    #[must_use]
    pub fn new(points: Points, bonus_points: Points) -> Self {
        RewardAmount {
            points,
            bonus_points,
            currency: DEFAULT_CURRENCY.to_owned(),
        }
    }

    /// The exact sum of both parts.
    #[must_use]
    pub fn total(&self) -> Decimal {
        self.points.get() + self.bonus_points.get()
    }
}
