//! Commands through one engine: load, decide, commit, answer; in batches.

mod audit;
mod batch;
mod builder;
mod catalog;
mod command;
mod decision;
mod friends;
mod handle;
mod read_set;
mod rejection;
mod reply;
mod request;
mod slow_lane;
mod snapshot;
mod writer;

pub use audit::{AuditEntry, AuditSubject};
pub use batch::{
    AwaitingCommit, AwaitingLoad, BatchStep, CommandError, CommandOutcome, RetryReason, run, run_blocking,
    start,
};
pub use builder::EngineBuilder;
pub use catalog::{
    Catalog, CatalogBuilder, CompiledMission, PackPolicy, PackRecord, ReferralPolicy, Settings,
};
pub use command::*;
pub(crate) use decision::DecisionContext;
pub use decision::{CommandContext, Decision, Interrupt, decide};
pub use friends::{FriendFacts, Friends};
pub use handle::{Engine, ExecuteError, Executed, IdempotencyKey, Limits, PendingCommand};
pub use rejection::{Rejection, ResourceKind};
pub use reply::*;
pub use request::{Fingerprint, OutboundEvent, Receipt, ReceiptKey, Request, Signals};
pub use snapshot::{
    ClaimHolder, LoadedRecords, MissingRecords, ReadSet, RecordKeys, RecordTable, Records, Snapshot,
};
pub use writer::Writer;
