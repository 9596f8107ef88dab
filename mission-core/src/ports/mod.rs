//! What the core needs from outside: a store, rule scripts, a clock, ids, a bus.

pub mod bus;
pub mod clock;
pub mod queries;
pub mod rate_limit;
pub mod rules;
pub mod store;
