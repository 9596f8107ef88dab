//! Refused tokens: each is counted, and logged as long as there are not too many.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::AuthError;

/// Lines of one span of time at most: an attack must not fill the disk with its own log.
const LINES: u32 = 20;
/// The span.
const SPAN: Duration = Duration::from_secs(10);

/// Rate-limits the log lines about refused tokens.
#[derive(Debug, Default)]
pub(super) struct RefusalLog(Mutex<LoggedRefusal>);

#[derive(Debug, Default)]
struct LoggedRefusal {
    since: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl RefusalLog {
    /// Counts a refusal and logs it. The texts of errors never repeat anything of the token.
    pub(super) fn note(&self, error: &AuthError) {
        let reason = error.reason();
        metrics::counter!("mission_tokens_refused_total", "reason" => reason).increment(1);
        let Some(suppressed) = self.may_log(Instant::now()) else {
            return;
        };
        if *error == AuthError::Missing {
            tracing::info!(reason, suppressed, "a request came without a token");
        } else {
            tracing::warn!(reason, suppressed, detail = %error, "a token was refused");
        }
    }

    /// How many went suppressed since the last line, where another line may be written.
    fn may_log(&self, now: Instant) -> Option<u64> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.since.is_none_or(|since| now - since >= SPAN) {
            log.since = Some(now);
            log.lines = 0;
        }
        if log.lines >= LINES {
            log.suppressed += 1;
            return None;
        }
        log.lines += 1;
        Some(std::mem::take(&mut log.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_told_and_the_rest_is_summed_up() {
        let refusals = RefusalLog::default();
        let now = Instant::now();
        let log: Vec<_> = (0..25).map(|_| refusals.may_log(now)).collect();
        assert_eq!(log.iter().filter(|log| log.is_some()).count(), 20);
        assert_eq!(refusals.may_log(now + SPAN), Some(5));
        assert_eq!(refusals.may_log(now + SPAN), Some(0));
    }
}
