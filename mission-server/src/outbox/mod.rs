//! The way from the outbox to the bus: whatever was committed leaves at least once, each root's events in order.

mod bus;
mod relay;

pub use bus::{InProcessBus, Subscriber};
pub use relay::{Relay, RelayOptions};
