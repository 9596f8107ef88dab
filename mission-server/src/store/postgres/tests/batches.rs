//! Batches on PostgreSQL.

use super::scratch;

include!("../../tests/batches.rs");
