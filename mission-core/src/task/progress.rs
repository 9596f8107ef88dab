//! How far a task has come: clamped to its target, never going down.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Progress towards a target.
///
/// ```
/// use mission_core::task::Progress;
/// let now = "2026-01-05T10:00:00Z".parse()?;
/// let progress = Progress::new(3, now).advanced_by(2, now).raised_to(1, now);
/// assert_eq!((progress.current(), progress.is_complete()), (2, false));
/// assert_eq!(progress.advanced_by(9, now).current(), 3);
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    current: u64,
    target: u64,
    last_updated: DateTime<Utc>,
}

impl Progress {
    /// No progress yet.
    #[must_use]
    pub fn new(target: u64, at: DateTime<Utc>) -> Self {
        Progress {
            current: 0,
            target,
            last_updated: at,
        }
    }

    /// How far.
    #[must_use]
    pub fn current(&self) -> u64 {
        self.current
    }

    /// How far it is to go.
    #[must_use]
    pub fn target(&self) -> u64 {
        self.target
    }

    /// When it last moved.
    #[must_use]
    pub fn last_updated(&self) -> DateTime<Utc> {
        self.last_updated
    }

    /// Whether the target is reached.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.current >= self.target
    }

    /// `min(100, current * 100 / target)`; 0 where the target is 0. Two digits after the point.
    #[must_use]
    pub fn percent_complete(&self) -> Decimal {
        if self.target == 0 {
            return Decimal::ZERO;
        }
        let percent = Decimal::from(self.current) * Decimal::ONE_HUNDRED / Decimal::from(self.target);
        percent.min(Decimal::ONE_HUNDRED).round_dp(2).normalize()
    }

    /// Towards another target.
    #[must_use]
    pub fn towards(self, target: u64) -> Self {
        Progress {
            current: self.current.min(target),
            target,
            ..self
        }
    }

    /// With so much more, as of an instant: a late event leaves the time of the last move as it is.
    #[must_use]
    pub fn advanced_by(self, amount: u64, at: DateTime<Utc>) -> Self {
        self.raised_to(self.current.saturating_add(amount), at)
    }

    /// No further than this: what was counted is taken back.
    #[must_use]
    pub(crate) fn lowered_to(self, value: u64, at: DateTime<Utc>) -> Self {
        Progress {
            current: value.min(self.current),
            last_updated: self.last_updated.max(at),
            ..self
        }
    }

    /// At least so far: what is below the present progress changes nothing.
    #[must_use]
    pub fn raised_to(self, value: u64, at: DateTime<Utc>) -> Self {
        let current = value.min(self.target).max(self.current);
        if current == self.current {
            self
        } else {
            Progress {
                current,
                last_updated: self.last_updated.max(at),
                ..self
            }
        }
    }
}
