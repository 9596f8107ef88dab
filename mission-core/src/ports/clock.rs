//! Time and ids, the two things that a command gets once, before it is decided.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The domain's time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// Fresh ids.
pub trait Ids: Send + Sync {
    /// An id that was never given before; version 7 in production.
    fn next(&self) -> Uuid;
}
