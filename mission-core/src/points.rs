//! Points and percents: decimals with bounds, never binary floats.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a number is not an amount of points or a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Amounts are never negative.
    #[error("must not be negative")]
    Negative,
    /// Beyond [`Points::MAX`].
    #[error("must not exceed 1000000000")]
    TooLarge,
    /// More than six digits after the point.
    #[error("must not have more than 6 digits after the point")]
    TooPrecise,
}

fn checked(value: Decimal) -> Result<Decimal, AmountError> {
    let value = value.normalize();
    if value.is_sign_negative() && !value.is_zero() {
        Err(AmountError::Negative)
    } else if value > Points::MAX.0 {
        Err(AmountError::TooLarge)
    } else if value.scale() > 6 {
        Err(AmountError::TooPrecise)
    } else {
        Ok(value.abs())
    }
}

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = f64, minimum = 0, maximum = 1_000_000_000, example = json!(12.5)))]
        pub struct $name(Decimal);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Guards the bounds.
            ///
            /// # Errors
            /// When the value is negative, above a thousand million, or finer than six digits.
            pub fn new(value: Decimal) -> Result<Self, AmountError> {
                checked(value).map(Self)
            }

            /// The number itself.
            #[must_use]
            pub const fn get(self) -> Decimal {
                self.0
            }

            /// Whether this is nothing.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0.is_zero()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<u32> for $name {
            fn from(value: u32) -> Self {
                Self(Decimal::from(value).min(Points::MAX.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                exact::serialize(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(exact::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

amount! {
    /// An amount of points: from 0 to [`Points::MAX`], with at most six digits after the point.
    ///
    /// ```
    /// use mission_core::Points;
    /// let points: Points = serde_json::from_str("\"12.50\"")?;
    /// assert_eq!(serde_json::to_string(&points)?, "12.5");
    /// assert!(serde_json::from_str::<Points>("-1").is_err());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    Points
}

amount! {
    /// A percentage, 100 being the whole: from 0 to a thousand million, with at most six digits after the point.
    Percent
}

impl Points {
    /// The largest amount that one component of one reward can have.
    pub const MAX: Points = Points(Decimal::from_parts(1_000_000_000, 0, 0, false, 0));

    /// `self * percent / 100`, rounded once.
    ///
    /// # Errors
    /// When the product passes [`Points::MAX`].
    pub fn percent(self, percent: Percent, scale: PointsScale) -> Result<Points, AmountError> {
        let product = self.0.checked_mul(percent.0).ok_or(AmountError::TooLarge)?;
        scale.round(product / Decimal::ONE_HUNDRED)
    }

    /// The exact sum.
    ///
    /// # Errors
    /// When the sum passes [`Points::MAX`].
    pub fn plus(self, other: Points) -> Result<Points, AmountError> {
        Points::new(self.0 + other.0)
    }

    /// The amount in millionths, the unit in which the SQL stores keep it (`INTEGER`, exact).
    #[must_use]
    pub fn millionths(self) -> i64 {
        // The bounds of the type make the conversion total.
        i64::try_from((self.0 * Decimal::from(1_000_000)).trunc().mantissa()).unwrap_or(i64::MAX)
    }

    /// The inverse of [`Points::millionths`]; a negative number counts as nothing.
    #[must_use]
    pub fn from_millionths(micros: i64) -> Points {
        Points::new(total_from_millionths(micros)).unwrap_or(Points::ZERO)
    }
}

/// A sum in millionths as a decimal. Sums, unlike single amounts, may be negative (a revoked balance) or large.
#[must_use]
pub fn total_from_millionths(micros: i64) -> Decimal {
    Decimal::new(micros, 6).normalize()
}

/// The number of digits after the point of an awarded component (`points_scale` of a pack; 0 to 6, default 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct PointsScale(u8);

impl Default for PointsScale {
    fn default() -> Self {
        PointsScale(2)
    }
}

impl TryFrom<u8> for PointsScale {
    type Error = &'static str;
    fn try_from(digits: u8) -> Result<Self, Self::Error> {
        if digits <= 6 {
            Ok(PointsScale(digits))
        } else {
            Err("`points_scale` must be 0 to 6")
        }
    }
}

impl From<PointsScale> for u8 {
    fn from(scale: PointsScale) -> u8 {
        scale.0
    }
}

impl PointsScale {
    /// Rounds one awarded component, midpoint to even.
    ///
    /// ```
    /// use mission_core::PointsScale;
    /// use rust_decimal::Decimal;
    /// let scale = PointsScale::default();
    /// assert_eq!(scale.round(Decimal::new(2_345, 3))?.to_string(), "2.34");
    /// assert_eq!(scale.round(Decimal::new(2_355, 3))?.to_string(), "2.36");
    /// # Ok::<(), mission_core::AmountError>(())
    /// ```
    ///
    /// # Errors
    /// When the value is negative or passes [`Points::MAX`].
    pub fn round(self, value: Decimal) -> Result<Points, AmountError> {
        Points::new(value.round_dp_with_strategy(u32::from(self.0), RoundingStrategy::MidpointNearestEven))
    }

    /// Rounds a percentage in the same way.
    ///
    /// # Errors
    /// When the value is negative or too large.
    pub fn round_percent(self, value: Decimal) -> Result<Percent, AmountError> {
        Percent::new(value.round_dp_with_strategy(u32::from(self.0), RoundingStrategy::MidpointNearestEven))
    }
}

/// Serde for a [`Decimal`] as a JSON number with its exact digits; reads a number or a string.
///
/// For sums and other decimals that are no [`Points`]: `#[serde(with = "mission_core::points::exact")]`.
pub mod exact {
    use rust_decimal::Decimal;
    use serde::{Deserializer, Serializer};

    /// Writes the digits as they are, without trailing zeros.
    ///
    /// # Errors
    /// What the serializer says.
    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        rust_decimal::serde::arbitrary_precision::serialize(&value.normalize(), serializer)
    }

    /// Reads a number or a string.
    ///
    /// # Errors
    /// When it is neither, or has more digits than a decimal holds.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        rust_decimal::serde::arbitrary_precision::deserialize(deserializer)
    }
}
