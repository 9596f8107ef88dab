//! Rate limits: the first and cheapest check against fraud.

use std::time::Duration;

use async_trait::async_trait;

/// The key under which requests are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RateKey {
    /// A user's requests.
    User(crate::UserId),
    /// Requests from one address.
    Address(std::net::IpAddr),
}

/// Counts requests and says when there are too many.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one request.
    ///
    /// # Errors
    /// How long to wait, where it is one too many.
    async fn check(&self, key: &RateKey) -> Result<(), Duration>;
}
