//! The mission engine over HTTP, with its SQL stores, outbox and embedded wallet as a library.

pub mod amqp;
pub mod auth;
mod back_off;
pub mod cache;
mod cloud_event;
pub mod config;
pub mod http;
pub mod lifecycle;
pub mod moderation;
pub mod neighbours;
pub mod outbox;
pub mod redis;
pub mod rule_health;
pub mod store;
pub mod telemetry;
pub mod uploads;
pub mod wallet;

#[cfg(test)]
#[path = "../tests/support/services.rs"]
mod services;
