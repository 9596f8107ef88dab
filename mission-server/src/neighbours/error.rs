//! What can become of a call.

use std::{error::Error, time::Duration};

use super::RefusedAddress;

/// A call that came to nothing. Shows no address beyond its host, no token and nothing of a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It was answered with a status that is no success.
    #[error("it answered with {status}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// There was no whole answer in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// There was no connection.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The connection ended before the answer did.
    #[error("the connection was cut: {0}")]
    Cut(String),
    /// The answer has more bytes than are read.
    #[error("its answer has more than {0} bytes")]
    TooLarge(usize),
    /// The answer is not what was agreed on.
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
    /// The address may not be called.
    #[error(transparent)]
    Refused(#[from] RefusedAddress),
    /// What was to be sent cannot be read.
    #[error("what was to be sent cannot be read: {0}")]
    File(String),
    /// It is not asked for a while, because it failed several times in a row.
    #[error("it failed several times in a row and is not asked for a while")]
    Open,
    /// Too many calls to it run already.
    #[error("too many calls to it are running")]
    Busy,
}

impl CallError {
    /// The label of metrics.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            CallError::Status { status, .. } if *status >= 500 => "failed",
            CallError::Status { .. } => "refused",
            CallError::TimedOut => "timed_out",
            CallError::Unreachable(_) => "unreachable",
            CallError::Cut(_) => "cut",
            CallError::TooLarge(_) => "too_large",
            CallError::Unreadable(_) => "unreadable",
            CallError::Refused(_) => "forbidden",
            CallError::File(_) => "unsent",
            CallError::Open => "open",
            CallError::Busy => "busy",
        }
    }

    /// Whether the service is in trouble, rather than the request.
    pub(super) fn is_of_the_service(&self) -> bool {
        match self {
            CallError::Status { status, .. } => *status >= 500 || *status == 429 || *status == 408,
            CallError::Open | CallError::Busy | CallError::File(_) | CallError::Refused(_) => false,
            _ => true,
        }
    }

    /// Whether the same call may succeed a moment later.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            CallError::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            CallError::TimedOut | CallError::Unreachable(_) | CallError::Cut(_) => true,
            _ => false,
        }
    }

    /// When the service wants to be asked again, where it said so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            CallError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if let Some(refused) = cause::<RefusedAddress>(&error) {
            return refused.clone().into();
        }
        if error.is_timeout() {
            CallError::TimedOut
        } else if error.is_connect() {
            CallError::Unreachable(deepest(&error))
        } else {
            CallError::Cut(deepest(&error))
        }
    }
}

/// An error and its causes.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The first cause of a kind.
fn cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// What was wrong first, which says the most.
pub(crate) fn deepest(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}
