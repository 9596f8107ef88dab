//! Redis, where one is configured: rate limits that all servers share, and a cache in front of the database.
//!
//! Nothing rests on it. While it is away, reads go to the database and rate limits are each server's own.

mod cache;
mod connection;
mod invalidations;
mod rate_limit;

pub use cache::{Cacheable, CachedValue, RedisCache};
pub use connection::{InvalidRedisUrl, RedisConnection, RedisUnavailable};
pub use invalidations::Invalidations;
pub use rate_limit::SharedRateLimiter;
