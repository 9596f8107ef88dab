//! Commands through one engine: load, decide, commit, answer; in batches.
//!
//! What callers need to speak to it is exported here as well: commands, replies and rejections of [`crate::decision`].

mod batch;
mod builder;
mod decide;
mod explain;
mod handle;
mod read_set;
mod slow_lane;
mod writer;

pub use batch::{
    AwaitingCommit, AwaitingLoad, BatchStep, CommandError, CommandOutcome, RetryReason, run, run_blocking,
    start,
};
pub use builder::EngineBuilder;
pub use decide::decide;
pub use explain::{ExplainError, explain, explain_stored};
pub use handle::{Engine, ExecuteError, Executed, IdempotencyKey, Limits, PendingCommand};
pub use writer::Writer;

pub use crate::{decision::*, user::FriendFacts};
