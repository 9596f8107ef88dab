//! Redis, as far as the settings name one.

use std::sync::Arc;

use mission_core::ports::rate_limit::RateLimiter;

use super::jobs::Jobs;
use crate::{
    config::Settings,
    http::LocalRateLimiter,
    redis::{InvalidRedisUrl, Invalidations, RedisConnection, SharedRateLimiter},
};

/// The connection to Redis, with its pending invalidations.
pub(super) struct RedisTasks {
    pub(super) connection: Arc<RedisConnection>,
    invalidations: Arc<Invalidations>,
}

impl RedisTasks {
    /// The Redis of the settings; its invalidations are sent as long as the jobs run.
    pub(super) fn of(settings: &Settings, jobs: &Jobs) -> Result<Option<Self>, InvalidRedisUrl> {
        if settings.redis.is_empty() {
            return Ok(None);
        }
        let connection = Arc::new(RedisConnection::new(&settings.redis)?);
        let invalidations = Arc::new(Invalidations::default());
        let (laying, over, stop) = (
            Arc::clone(&invalidations),
            Arc::clone(&connection),
            jobs.stopping(),
        );
        jobs.run(async move { laying.run(&over, &stop).await });
        Ok(Some(RedisTasks {
            connection,
            invalidations,
        }))
    }

    /// What the cache keeps its values in.
    pub(super) fn remote_cache(&self) -> (Arc<RedisConnection>, Arc<Invalidations>) {
        (Arc::clone(&self.connection), Arc::clone(&self.invalidations))
    }

    /// A limiter that all servers share, which falls back to one of this server.
    pub(super) fn limiter(&self, settings: &Settings, alone: Arc<LocalRateLimiter>) -> Arc<dyn RateLimiter> {
        let fraud = &settings.fraud;
        Arc::new(SharedRateLimiter::new(
            Arc::clone(&self.connection),
            fraud.rate_limit_per_user,
            fraud.rate_limit_per_address,
            alone,
        ))
    }
}
