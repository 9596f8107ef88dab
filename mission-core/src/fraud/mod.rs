//! Fraud kept out: a pure verdict over signals. Rate limits are kept by whoever has the counters; see
//! [`crate::ports::rate_limit`].

pub(crate) mod decide;
mod device;
mod policy;
mod review;
pub mod rings;
mod risk;

pub use device::{AddressHash, DeviceHash, KnownAddress, KnownDevice, device_reasons};
pub(crate) use device::{is_trusted, other_users};
pub use policy::{CheckMode, DeviceCheck, FraudPolicy};
pub use review::{
    Review, ReviewAssignment, ReviewDecision, ReviewKind, ReviewReason, ReviewStatus, ReviewSubject,
    ReviewTimeout, Verdict,
};
pub use risk::{
    NoRiskScore, RecentActions, RiskAssessment, RiskCheck, RiskOutcome, RiskPolicy, RiskScore, RiskSignals,
    UserAction,
};
