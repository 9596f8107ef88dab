//! Events: what users did elsewhere, and what other services are told.

mod activity;
pub(crate) mod decide;
mod envelope;
mod friendship;
mod inner;
mod outbound;

pub use activity::{ActivityEvent, EventOutcome, EventResult, LateWindow};
pub use envelope::{CloudEvent, InvalidEvent};
pub use friendship::Friendship;
pub use inner::InnerEvent;
pub use outbound::{
    CheckInCompleted, IntegrationEvent, IntegrationEventType, MissionCompleted, RewardClaimed, RewardRevoked,
    TaskProgressed, TaskStarted, UserErased,
};
