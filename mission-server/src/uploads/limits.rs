//! What uploads may be and take.

use std::time::Duration;

use super::MediaType;

/// What a file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes at most.
    pub max_bytes: u64,
    /// The types that are taken.
    pub types: Vec<MediaType>,
    /// Width times height of an image at most.
    pub max_pixels: u64,
    /// How long an image may take to decode.
    pub decode_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_bytes: 20 << 20,
            types: MediaType::ALL.to_vec(),
            max_pixels: 50_000_000,
            decode_time: Duration::from_secs(5),
        }
    }
}

/// What a form has around a file of the greatest size: boundaries and headers.
const FORM_BYTES: u64 = 16 << 10;

impl Limits {
    /// Bytes of a whole request body at most, for the route's own `DefaultBodyLimit`.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        usize::try_from(self.max_bytes.saturating_add(FORM_BYTES)).unwrap_or(usize::MAX)
    }
}
