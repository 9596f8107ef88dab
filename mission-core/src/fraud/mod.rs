//! Fraud kept out: a pure verdict over signals. Rate limits are kept by whoever has the counters; see
//! [`crate::ports::rate_limit`].

pub(crate) mod decide;
mod device;
mod policy;
mod review;

pub use device::{DeviceHash, KnownDevice, device_reasons};
pub use policy::{CheckMode, DeviceCheck, FraudPolicy};
pub use review::{Review, ReviewDecision, ReviewReason, ReviewStatus, ReviewSubject, Verdict};
