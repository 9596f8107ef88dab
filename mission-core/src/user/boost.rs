//! What the mining service speeds up by.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::User;
use crate::{Percent, RewardId, reward::Reward};

/// A mining boost that a claimed reward gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Boost {
    /// The reward that gave it.
    pub reward_id: RewardId,
    /// By how much.
    pub percent: Percent,
    /// From when: the claim.
    pub since: DateTime<Utc>,
    /// Until when; for good without it.
    pub until: Option<DateTime<Utc>>,
}

impl Boost {
    /// Whether it has not ended by an instant.
    #[must_use]
    pub fn is_active_at(&self, at: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| at < until)
    }
}

impl User {
    /// The boosts that have not ended by an instant, the latest last. The mining service adds them up as it likes.
    pub fn boosts_at(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Boost> {
        self.boosts.iter().filter(move |boost| boost.is_active_at(at))
    }

    /// Takes the boost of a reward that was granted at an instant, for some days or for good.
    pub(crate) fn boost(&mut self, reward: &Reward, at: DateTime<Utc>, days: Option<u32>) {
        self.boosts.retain(|boost| boost.is_active_at(at));
        if reward.mining_boost_percent == Percent::ZERO {
            return;
        }
        self.boosts.push(Boost {
            reward_id: reward.id,
            percent: reward.mining_boost_percent,
            since: at,
            until: days.and_then(|days| at.checked_add_signed(Duration::days(i64::from(days)))),
        });
    }
}
