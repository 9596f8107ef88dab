//! The way from the outbox to the bus: whatever was committed leaves at least once, each root's events in order.

mod bus;
mod fan_out;
mod relay;

use mission_core::{
    engine::OutboundEvent,
    event::CloudEvent,
    ports::bus::{OutboxEvent, PublishError},
};

pub use bus::{InProcessBus, Subscriber};
pub use fan_out::FanOut;
pub use relay::{Relay, RelayOptions};

/// The CloudEvents `source` of what a server tells.
#[cfg(feature = "server")]
pub(crate) const SOURCE: &str = "/mission-server";

/// The envelope in which an event leaves, told by a CloudEvents `source`.
pub(crate) fn envelope(outgoing: &OutboxEvent, source: &str) -> Result<CloudEvent, PublishError> {
    let OutboundEvent { id, event } = &outgoing.event;
    event
        .to_cloud_event(*id, source, outgoing.correlation_id.as_deref())
        .map_err(|error| PublishError::Refused {
            id: *id,
            reason: error.to_string(),
        })
}
