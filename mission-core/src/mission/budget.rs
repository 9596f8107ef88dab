//! What a mission may cost over all users.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Points;

/// A mission's limits over all users; taken when a reward is earned, given back when it expires or is rejected
/// or revoked, and never overspent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// At most so many points, bonus included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_points: Option<Points>,
    /// At most so many rewards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_grants: Option<u32>,
}

/// The used part of a budget; also a difference (a reservation, or with negative numbers a release).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetUse {
    /// Points.
    #[serde(with = "crate::points::exact")]
    pub points: Decimal,
    /// Rewards.
    pub grants: i64,
}

impl BudgetUse {
    /// One reward of so many points.
    #[must_use]
    pub fn one(points: Decimal) -> Self {
        BudgetUse { points, grants: 1 }
    }

    /// The sum of two uses.
    #[must_use]
    pub fn plus(self, other: BudgetUse) -> Self {
        BudgetUse {
            points: self.points + other.points,
            grants: self.grants + other.grants,
        }
    }

    /// The same use, given back.
    #[must_use]
    pub fn negated(self) -> Self {
        BudgetUse {
            points: -self.points,
            grants: -self.grants,
        }
    }
}

impl Budget {
    /// Whether a use stays inside.
    ///
    /// ```
    /// use mission_core::mission::{Budget, BudgetUse};
    /// use rust_decimal::Decimal;
    /// let budget = Budget { max_grants: Some(1), max_points: None };
    /// assert!(budget.allows(BudgetUse::one(Decimal::TEN)));
    /// assert!(!budget.allows(BudgetUse { points: Decimal::TEN, grants: 2 }));
    /// ```
    #[must_use]
    pub fn allows(&self, used: BudgetUse) -> bool {
        self.max_points.is_none_or(|max| used.points <= max.get())
            && self.max_grants.is_none_or(|max| used.grants <= i64::from(max))
    }
}
