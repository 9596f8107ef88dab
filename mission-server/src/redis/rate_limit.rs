//! Rate limits that all servers share.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mission_core::ports::rate_limit::{RateKey, RateLimiter};
use redis::Script;

use super::RedisConnection;
use crate::http::{LocalRateLimiter, Quota};

/// Counts in Redis; while it is away, each server counts by itself.
pub struct SharedRateLimiter {
    connection: Arc<RedisConnection>,
    script: Script,
    per_user: Option<Quota>,
    per_address: Option<Quota>,
    alone: Arc<LocalRateLimiter>,
}

impl SharedRateLimiter {
    /// Limits a user and an address; `None` = no limit. `alone` counts while Redis is away, by the same quotas.
    #[must_use]
    pub fn new(
        connection: Arc<RedisConnection>,
        per_user: Option<Quota>,
        per_address: Option<Quota>,
        alone: Arc<LocalRateLimiter>,
    ) -> Self {
        SharedRateLimiter {
            connection,
            script: Script::new(include_str!("rate_limit.lua")),
            per_user,
            per_address,
            alone,
        }
    }
}

#[async_trait]
impl RateLimiter for SharedRateLimiter {
    async fn check(&self, key: &RateKey) -> Result<(), Duration> {
        let (name, quota) = match key {
            RateKey::User(user) => (format!("rate:user:{user}"), self.per_user),
            RateKey::Address(address) => (format!("rate:address:{address}"), self.per_address),
        };
        let Some(quota) = quota else { return Ok(()) };
        let interval = quota.period.as_micros() / u128::from(quota.burst.get());
        let mut call = self.script.prepare_invoke();
        call.key(name)
            .arg(u64::try_from(interval).unwrap_or(u64::MAX))
            .arg(quota.burst.get());
        match self.connection.run::<u64>(&call).await {
            Ok(0) => Ok(()),
            Ok(wait) => Err(Duration::from_micros(wait)),
            Err(_) => {
                metrics::counter!("mission_rate_limit_fallbacks_total").increment(1);
                self.alone.check(key).await
            }
        }
    }
}
