//! The life of a server: start, background jobs, stop.
//!
//! [`run`] listens, reaches the database, applies the pack, serves, and on the first signal drains: it accepts nothing
//! more, finishes what runs, lets waiting events leave, and ends. A second signal aborts.

mod archive;
mod broker;
mod check;
mod clock;
mod engine_host;
mod expiry_job;
mod file_limit;
mod files;
mod gauges;
mod greeting;
mod health_checks;
mod jobs;
mod listener;
mod outbox_worker;
mod pack;
mod queue_stats;
mod redis;
mod request_body;
mod retention;
mod start;
mod startup;
mod stop;
mod storage;
mod swappable_service;
mod tls;
mod wallet;
mod write_timeout;

pub use self::{
    check::check,
    clock::TestClock,
    engine_host::{EngineHost, StartError},
    expiry_job::{ExpiryCounts, ExpiryError, ExpiryJob},
    pack::{PackError, apply as apply_pack},
    start::run,
    storage::{OpenError, Storage},
    tls::InvalidCertificate,
    wallet::run_wallet,
};
