//! Rewards: what a task, a check-in day, a milestone or a referral earned, and the one grant of each.

mod amount;
pub(crate) mod decide;
mod state;

pub use amount::{DEFAULT_CURRENCY, RewardAmount};
pub use state::{NotClaimable, Reward, RewardStage, RewardStatus, RewardType};
