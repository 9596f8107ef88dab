#![doc = include_str!("../README.md")]

pub mod check_in;
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
#[cfg(feature = "system")]
pub mod system;
pub mod task;
#[cfg(feature = "testing")]
pub mod testing;
pub mod user;

pub use id::{
    CheckInDayId, CommandId, EventId, FileId, MissionId, PackId, ReviewId, RewardId, TaskId, UserId,
};
pub use points::{AmountError, Percent, Points, PointsScale};
