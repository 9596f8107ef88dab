//! The feed, on SQLite.

use super::{TestStore, test_store as make};

async fn test_store() -> Option<TestStore> {
    Some(make().await)
}

include!("../../tests/feed.rs");
