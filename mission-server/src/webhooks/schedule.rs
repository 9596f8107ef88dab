//! When a delivery that was not taken is tried again.

use std::time::Duration;

use mission_core::EventId;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The waits between tries, in seconds: three days in all, as Standard Webhooks recommend.
pub const RETRY_DELAYS: [u64; 10] = [
    5,
    MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    18 * HOUR,
    24 * HOUR,
];

/// How long to wait after so many tries; `None` where it was tried often enough. Up to a tenth is added, by the event, so
/// that what failed together is not tried together.
///
/// ```
/// use mission_core::EventId;
/// use mission_server::webhooks::{RETRY_DELAYS, retry_after};
/// let event = EventId(uuid::Uuid::nil());
/// assert_eq!(retry_after(1, event).map(|wait| wait.as_secs()), Some(5));
/// assert_eq!(retry_after(RETRY_DELAYS.len() as u32 + 1, event), None);
/// ```
#[must_use]
pub fn retry_after(attempts: u32, event: EventId) -> Option<Duration> {
    let nth = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let seconds = *RETRY_DELAYS.get(nth)?;
    let part = u64::from(event.0.as_bytes()[15]);
    Some(Duration::from_millis(seconds * 1000 + seconds * 100 * part / 255))
}
