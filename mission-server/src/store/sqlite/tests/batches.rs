//! Batches on SQLite.

use super::{Scratch, scratch as make};

async fn scratch() -> Option<Scratch> {
    Some(make().await)
}

include!("../../tests/batches.rs");
