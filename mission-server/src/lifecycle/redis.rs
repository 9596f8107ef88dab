//! Redis, as far as the settings name one.

use std::sync::Arc;

use mission_core::ports::rate_limit::RateLimiter;

use super::jobs::Jobs;
use crate::{
    config::Settings,
    http::LocalRateLimiter,
    redis::{Link, LinkError, Marks, SharedRateLimiter},
};

/// The connection, and the marks that are laid over it.
pub(super) struct Redis {
    pub(super) link: Arc<Link>,
    marks: Arc<Marks>,
}

impl Redis {
    /// The Redis of the settings; its marks are laid as long as the jobs run.
    pub(super) fn of(settings: &Settings, jobs: &Jobs) -> Result<Option<Self>, LinkError> {
        if settings.redis.is_empty() {
            return Ok(None);
        }
        let link = Arc::new(Link::new(&settings.redis)?);
        let marks = Arc::new(Marks::default());
        let (laying, over, stop) = (Arc::clone(&marks), Arc::clone(&link), jobs.stopping());
        jobs.run(async move { laying.keep_laying(&over, &stop).await });
        Ok(Some(Redis { link, marks }))
    }

    /// What the cache keeps its values in.
    pub(super) fn far(&self) -> (Arc<Link>, Arc<Marks>) {
        (Arc::clone(&self.link), Arc::clone(&self.marks))
    }

    /// A limiter that all servers share, which falls back to one of this server.
    pub(super) fn limiter(&self, settings: &Settings, alone: Arc<LocalRateLimiter>) -> Arc<dyn RateLimiter> {
        let fraud = &settings.fraud;
        Arc::new(SharedRateLimiter::new(
            Arc::clone(&self.link),
            fraud.rate_limit_per_user,
            fraud.rate_limit_per_address,
            alone,
        ))
    }
}
