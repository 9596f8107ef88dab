//! What tests of engines and stores share (feature `testing`).

pub mod contract;
mod fixtures;
pub mod model;
mod world;

pub use fixtures::{CountingIds, FixedClock, active, at, date, definition, mission_id, points, user, zone};
pub use world::World;
