//! The life of a server: start, background jobs, stop.
//!
//! [`run`] listens, reaches the database, applies the pack, serves, and on the first signal drains: it accepts nothing
//! more, finishes what runs, lets waiting events leave, and ends. A second signal aborts.

mod broker;
mod check;
mod clock;
mod core;
mod files;
mod front;
mod gauges;
mod greeting;
mod jobs;
mod pack;
mod probes;
mod queues;
mod redis;
mod relay;
mod request_body;
mod serve;
mod start;
mod starting;
mod stop;
mod storage;
mod sweep;
mod wallet;

pub use self::{
    check::check,
    clock::TestClock,
    core::{Core, StartError},
    pack::{PackError, apply as apply_pack},
    start::run,
    storage::{OpenError, Storage},
    sweep::{SweepError, Sweeper, Swept},
    wallet::run_wallet,
};
