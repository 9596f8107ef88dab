//! A pack's engine in memory, without a server: what a recorded log would have earned.
//!
//! Every command is decided by [`mission_core::engine::decide`], the same function that a server decides by, on the
//! same catalog; only the store is another one. It keeps each user's records where decide can read them in place, for
//! nobody else reads or writes them. Users are parted over threads where they cannot meet, and each user's commands are
//! decided one at a time, in the log's order.
//!
//! ```
//! use mission_rules::{Scripts, pack::{Pack, PackFiles, template}, run::{Options, Replay}};
//!
//! let (pack, _) = Pack::load(&PackFiles::from_map(template::files("demo")));
//! let mut replay = Replay::new(&pack.ok_or("a pack")?, &Scripts::default(), Options::default());
//! let user = "0190163d-8694-739b-aea5-966c26f8ad91";
//! for day in ["2026-01-05", "2026-01-06"] {
//!     replay.line(&format!(r#"{{"type":"checkin","subject":"{user}","time":"{day}T10:00:00Z"}}"#))?;
//! }
//! let report = replay.finish()?;
//! assert_eq!(
//!     report.to_json(),
//!     format!(r#"{{"users":{{"{user}":{{"points":20,"check_ins":2,"streak":2,"longest_streak":2,"missions":{{}}}}}},"#)
//!         + r#""totals":{"points":20,"grants":2}}"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalog;
mod comparison;
mod earnings;
mod expiry_queue;
mod log;
mod partition;
mod replay;
mod replay_state;
mod report;
mod routing;
mod segment;
mod shadow;
mod shared;
#[cfg(test)]
mod tests;

pub use catalog::catalog;
pub use comparison::{
    Change, Comparison, EarningsChange, GroupChange, MOST_AFFECTED, SegmentChange, UserChange,
};
pub use earnings::{Earned, Earnings};
pub use log::{InvalidLogLine, LineError, LogEntry, LogReader, ReadLines};
pub use replay::{ExplainError, Options, Period, Replay, ReplayError};
pub use replay_state::EngineError;
pub use report::{LineCounts, Report, Totals, UserTotals};
pub use segment::{InvalidSegment, SegmentField, SegmentValue, UserProfile};
pub use shadow::ShadowTotals;
