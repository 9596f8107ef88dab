//! The feed, on PostgreSQL.

use super::test_store;

include!("../../tests/feed.rs");
