//! How long to wait before something is tried again.

use std::time::Duration;

/// The wait after so many failures in a row, from 1: doubled each time up to the longest, and jittered, so that many
/// servers do not come back at once.
pub(crate) fn after(failures: u32, first: Duration, longest: Duration) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
    jittered(first.saturating_mul(doubled).min(longest))
}

/// A wait that is up to a half shorter.
pub(crate) fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
}
