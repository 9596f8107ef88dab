//! The machine's time and ids (feature `system`): what a service runs on, and no test.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::ports::clock::{Clock, Ids};

/// The machine's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the machine's time comes in"
    )]
    fn now(&self) -> DateTime<Utc> {
        SystemTime::now().into()
    }
}

/// Ids of version 7: sorted by the time at which they were made.
#[derive(Clone, Copy, Debug, Default)]
pub struct V7Ids;

impl Ids for V7Ids {
    #[expect(clippy::disallowed_methods, reason = "this is where fresh ids come in")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise() {
        let ids: Vec<Uuid> = (0..1000).map(|_| V7Ids.next()).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.get_version_num() == 7));
    }
}
