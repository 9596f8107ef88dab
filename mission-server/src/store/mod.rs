//! SQL stores for the engine: one folder a database, held to the core's contract suite.

#[cfg(feature = "sqlite")]
pub mod sqlite;
