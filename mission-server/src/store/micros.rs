//! Points as whole millionths: exact, and summed by the database.

use mission_core::{mission::BudgetUse, ports::store::StoreError, reward::RewardAmount};
use rust_decimal::{Decimal, prelude::ToPrimitive};

/// All of an amount.
pub(crate) fn total_micros(amount: &RewardAmount) -> i64 {
    // Each part is a thousand million at most.
    amount.points.millionths() + amount.bonus_points.millionths()
}

/// A sum, which unlike an amount may be negative or large.
pub(crate) fn decimal_micros(sum: Decimal) -> Option<i64> {
    let micros = sum.checked_mul(Decimal::from(1_000_000))?;
    if micros.fract().is_zero() {
        micros.to_i64()
    } else {
        None
    }
}

/// The points of a budget's use.
pub(crate) fn budget_micros(used: BudgetUse) -> Result<i64, StoreError> {
    decimal_micros(used.points)
        .ok_or_else(|| StoreError::Refused(format!("{} points are beyond what a budget counts", used.points)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_or_refused() {
        assert_eq!(decimal_micros(Decimal::new(-12_500_001, 6)), Some(-12_500_001));
        assert_eq!(decimal_micros(Decimal::new(1, 7)), None);
        assert_eq!(decimal_micros(Decimal::MAX), None);
    }
}
