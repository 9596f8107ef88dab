//! The crate's public face, tried from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod coverage;
mod finding_pages;
mod hooks;
mod hostile;
mod language;
mod limits;
mod lint;
mod risk;
mod sources;
mod trace;
