//! What tests of engines and stores share (feature `testing`).

pub mod contract;
mod fixtures;
pub mod model;
mod moderation;
mod world;

pub use fixtures::{CountingIds, FixedClock, active, at, date, definition, mission_id, points, user, zone};
pub use moderation::RuleModeration;
pub use world::EngineFixture;
