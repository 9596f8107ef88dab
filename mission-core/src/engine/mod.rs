//! Commands through one engine: load, decide, commit, answer; in batches.

mod audit;
mod batch;
mod book;
mod builder;
mod command;
mod decision;
mod facts;
mod footprint;
mod friends;
mod handle;
mod rejection;
mod reply;
mod request;
mod slow_lane;
mod writer;

pub use audit::{AuditEntry, AuditSubject};
pub use batch::{Again, Committing, Fault, Loading, Outcome, Step, run, run_blocking, start};
pub use book::{Book, BookBuilder, LoadedMission, PackPolicy, PackRecord, ReferralPolicy, Settings};
pub use builder::EngineBuilder;
pub use command::*;
pub(crate) use decision::Work;
pub use decision::{Context, Decision, Halt, decide};
pub use facts::{Facts, Holder, Keys, Missing, RecordKeys, Records, Table, View};
pub use friends::{FriendFacts, Friends};
pub use handle::{Engine, ExecuteError, Executed, IdempotencyKey, Limits, Ticket};
pub use rejection::{Rejection, Thing};
pub use reply::*;
pub use request::{Fingerprint, OutboundEvent, Receipt, ReceiptKey, Request, Signals};
pub use writer::Writer;
