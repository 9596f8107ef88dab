//! One file a command.

#[cfg(feature = "database")]
pub(crate) mod audit;
#[cfg(feature = "database")]
pub(crate) mod backup;
pub(crate) mod broker;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod export_log;
pub(crate) mod fmt;
pub(crate) mod lsp;
pub(crate) mod new;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod replay;
pub(crate) mod rollback;
pub(crate) mod schema;
pub(crate) mod shadow;
pub(crate) mod test;
pub(crate) mod token;
