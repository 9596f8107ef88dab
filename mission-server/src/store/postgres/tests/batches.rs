//! Batches on PostgreSQL.

use super::test_store;

include!("../../tests/batches.rs");
