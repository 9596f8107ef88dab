//! Time and ids, the two things that a command gets once, before it is decided.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The domain's time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }
}

/// Fresh ids.
pub trait Ids: Send + Sync {
    /// An id that was never given before; version 7 in production.
    fn next(&self) -> Uuid;
}

impl<I: Ids + ?Sized> Ids for Arc<I> {
    fn next(&self) -> Uuid {
        (**self).next()
    }
}
