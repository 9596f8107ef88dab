//! The mission engine over HTTP, with its SQL stores, outbox and embedded wallet as a library.
//!
//! Who embeds the engine takes what they need: `default-features = false` with `sqlite` or `postgres` has [`store`],
//! [`outbox`] and [`wallet`], and no HTTP, Redis, RabbitMQ or OpenAPI; those come with the feature `server`.

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("there is no store: enable the feature `sqlite` or `postgres`");

pub mod audit;
mod back_off;
pub mod outbox;
pub mod store;
pub mod wallet;

#[cfg(feature = "server")]
pub mod amqp;
#[cfg(feature = "server")]
pub mod auth;
#[cfg(feature = "server")]
pub mod cache;
#[cfg(feature = "server")]
mod cloud_event;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod feed;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod lifecycle;
#[cfg(feature = "server")]
mod local_cache;
#[cfg(feature = "server")]
pub mod moderation;
#[cfg(feature = "server")]
pub mod neighbours;
#[cfg(feature = "server")]
pub mod redis;
#[cfg(feature = "server")]
mod review_timeouts;
#[cfg(feature = "server")]
pub mod rings;
#[cfg(feature = "server")]
pub mod rule_health;
#[cfg(feature = "server")]
pub mod telemetry;
#[cfg(feature = "server")]
pub mod uploads;
#[cfg(feature = "server")]
pub mod webhooks;
#[cfg(feature = "server")]
mod write_times;

#[cfg(test)]
#[path = "../tests/support/services.rs"]
mod services;
