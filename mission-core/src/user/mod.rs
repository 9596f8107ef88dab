//! What the engine keeps of a user: the root under which tasks, rewards and check-ins lie.

mod ban;
mod boost;
mod caps;
pub(crate) mod decide;
mod friends;
mod invite;
mod profile;
mod update;

pub use boost::Boost;
pub(crate) use caps::CapLimit;
pub use caps::{CappedPoints, PointsCap};
pub use friends::FriendFacts;
pub use invite::InviteCode;
pub use profile::{Description, InviteUse, LevelTable, User};
pub use update::UserUpdate;
