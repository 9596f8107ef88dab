//! RabbitMQ: events leave for other services through it. While it is away, everything else goes on, and events wait in
//! the outbox.

mod broker;
mod bus;
mod topology;

pub use broker::{Broker, BrokerError, BrokerSettings};
pub use bus::AmqpBus;
pub use topology::{EVENTS_EXCHANGE, WALLET_KEYS};
