//! Redis, where one is configured: rate limits that all servers share, and a cache in front of the database.
//!
//! Nothing rests on it. While it is away, reads go to the database and rate limits are each server's own.

mod link;
mod marks;
mod rate_limit;
mod shelf;

pub use link::{Away, Link, LinkError};
pub use marks::Marks;
pub use rate_limit::SharedRateLimiter;
pub use shelf::{Cached, Reading, Shelf};
