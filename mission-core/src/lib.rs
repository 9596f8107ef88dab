#![doc = include_str!("../README.md")]

// Layers, lowest first; nothing imports from one above its own (`tests/it/layers.rs` holds that):
//
// 1. values of the aggregates (`check_in`, `event`, `fraud`, `mission`, `reward`, `task`, `user`), and the ports that know
//    nothing else;
// 2. `decision`: what a decision sees and returns;
// 3. `decide` of each aggregate: the decisions;
// 4. `ports::{store, queries, bus}`, `system`: what runs decisions needs;
// 5. `engine`: runs decisions;
// 6. `memory`, `testing`, `development`: what surrounds the engine.

pub mod check_in;
pub mod decision;
pub mod development;
pub mod engine;
pub mod event;
pub mod fraud;
mod id;
pub mod memory;
pub mod mission;
pub mod points;
pub mod ports;
pub mod reward;
mod serde_name;
#[cfg(feature = "system")]
pub mod system;
pub mod task;
#[cfg(feature = "testing")]
pub mod testing;
pub mod user;

pub use id::{
    CheckInDayId, CommandId, EventId, FileId, FraudRingId, MissionId, PackId, ReviewId, RewardId, TaskId,
    UserId,
};
pub use points::{AmountError, Percent, Points, PointsScale};
pub use serde_name::serde_name;
