//! What is kept for a time, on PostgreSQL.

use super::test_store;

include!("../../tests/retention.rs");
