//! The HTTP service: one endpoint group a file, each operation beside its OpenAPI description.

mod admission;
mod body;
mod caller;
mod command;
mod console;
pub(crate) mod correlation;
mod docs;
mod erased_user_guard;
mod examples;
mod idempotency;
mod locale;
mod ops;
mod page;
mod page_headers;
mod pages;
mod problem;
mod query;
mod rate_limit;
mod rendered;
mod router;
mod state;
mod v1;
mod view;

pub(crate) use body::{NO_NUL, pointer, validate_text, with_nul};
pub use docs::document;
pub(crate) use ops::health_router;
pub use problem::{FieldError, Problem};
pub use rate_limit::{LocalRateLimiter, Quota, RateLimits};
pub use router::router;
pub use state::{
    AppState, HttpSettings, InboundReport, OutboxReport, Parts, Probe, ProbeReport, QueuesReport, SetClock,
};
