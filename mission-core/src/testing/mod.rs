//! What tests of engines and stores share (feature `testing`).

pub mod contract;
mod engine_fixture;
mod fixtures;
pub mod model;
mod moderation;
pub mod simulation;

pub use engine_fixture::EngineFixture;
pub use fixtures::{CountingIds, FixedClock, active, at, date, definition, mission_id, points, user, zone};
pub use moderation::RuleModeration;
