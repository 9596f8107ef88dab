//! What a decision sees and returns: commands and their context, the snapshot of records that it reads, and its outcome
//! (a reply with writes and events, a rejection, or the records that it still needs).
//!
//! The decisions themselves are in the `decide` modules of the aggregates; [`crate::engine`] runs them.

mod audit;
mod catalog;
mod change;
mod command;
mod context;
mod event_index;
mod friends;
mod rejection;
mod reply;
mod request;
mod shadow;
mod snapshot;

pub use audit::{AuditEntry, AuditSubject};
pub(crate) use catalog::CompiledRisk;
pub use catalog::{
    Catalog, CatalogBuilder, CatalogRecords, CompiledMission, PackPolicy, PackRecord, ReferralPolicy,
    Settings,
};
pub use change::{BudgetReservation, Change, Claim, JournalEntry, Picture, Root, Version, WriteSet};
pub use command::*;
pub(crate) use context::{Actor, DecisionContext, RaisedEvent};
pub use context::{CommandContext, Decision, Interrupt};
pub use friends::Friends;
pub use rejection::{Rejection, ResourceKind};
pub use reply::*;
pub use request::{Fingerprint, OutboundEvent, Receipt, ReceiptKey, Request, Signals};
pub use snapshot::{
    ClaimHolder, LoadedRecords, MissingRecords, ReadSet, RecordKeys, RecordTable, Records, Snapshot,
};
