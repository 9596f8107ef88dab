//! The server as its callers meet it: a real process, spoken to over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod amqp;
mod authoring;
mod authorization;
mod backup;
mod bad_input;
mod check_in;
mod documents;
mod erasure;
mod events;
mod explanations;
mod fraud;
mod idempotency;
mod lookups;
mod main_job;
mod me;
mod metrics;
mod moderation;
mod neighbours;
mod once;
mod openapi;
mod operators;
mod overload;
mod own_postgres;
mod own_redis;
mod pages;
mod personal_data;
mod postgres;
mod process;
mod proxy;
mod redis;
mod reporting;
mod review_queue;
mod rings;
mod risk;
mod server_log;
#[path = "../support/services.rs"]
mod services;
mod shadows;
mod stream;
mod support;
mod tasks;
mod tls;
mod tokens;
mod traces;
mod trouble;
mod uploads;
mod webhooks;
