//! RabbitMQ: events leave for other services through it, and theirs come in. While it is away, everything else goes on,
//! and events wait in the outbox.

mod asyncapi;
mod broker;
mod bus;
mod consumer;
mod dead_letters;
mod failed_delivery;
mod inbound;
mod topology;
mod wallet;

pub use asyncapi::document as asyncapi;
pub use broker::{Broker, BrokerError, BrokerSettings, ConnectionRole};
pub use bus::AmqpBus;
pub use dead_letters::{DeadLetter, DeadLetterAction, DeadLetterSelection, DeadLetters, Settled};
pub use inbound::Inbound;
pub(crate) use inbound::{REFERRAL, referral};
pub use topology::{EVENTS_EXCHANGE, INBOUND, INBOUND_DEAD, INBOUND_QUEUE, WALLET_KEYS};
pub use wallet::WalletQueue;
