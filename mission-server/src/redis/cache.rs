//! A two-level cache of one kind of value: local, in this process, and remote, in Redis, in front of the database.
//!
//! A write is seen by the next read on this server at once, and on others within a second: local values live half a
//! second, and a write replaces the remote one with a tombstone. A value that was read before a write is never put back:
//! locally it carries the time of its reading; remotely the tombstone outlives any reading that began before it.

use std::{hash::Hash, sync::Arc, time::Duration};

use redis::Script;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{Invalidations, RedisConnection};
pub use crate::local_cache::CachedValue;
use crate::{local_cache::LocalCache, write_times::WriteTimes};

/// How long a tombstone keeps out values that were read before it.
pub(super) const MARK_LIFE: Duration = Duration::from_secs(3);
/// A reading that took longer is not cached: the tombstone of a later write may have expired.
const READING_TIME: Duration = Duration::from_secs(2);
/// The tombstone; no value looks like it.
pub(super) const MARK: &str = "-";

/// A kind of value that can be cached.
pub trait Cacheable: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type of its key.
    type Key: Copy + Eq + Hash + Send + Sync + 'static;

    /// The key in Redis.
    fn name(key: Self::Key) -> String;

    /// How long it may live in Redis, from now.
    fn time_to_live(&self) -> Duration;
}

/// A two-level cache of one kind of value.
pub struct RedisCache<V: Cacheable> {
    local: LocalCache<V::Key, V>,
    written: WriteTimes,
    remote: Option<RemoteCache>,
}

struct RemoteCache {
    connection: Arc<RedisConnection>,
    invalidations: Arc<Invalidations>,
    fill: Script,
}

impl<V: Cacheable> RedisCache<V> {
    /// A cache of `capacity` local values, and of as many remote ones as Redis holds, where there is one.
    #[must_use]
    pub fn new(capacity: u64, remote: Option<(Arc<RedisConnection>, Arc<Invalidations>)>) -> Self {
        RedisCache {
            local: LocalCache::new(capacity),
            written: WriteTimes::default(),
            remote: remote.map(|(connection, invalidations)| RemoteCache {
                connection,
                invalidations,
                fill: Script::new(include_str!("fill.lua")),
            }),
        }
    }

    /// The value: local, from Redis, or read now. Concurrent callers share one reading.
    ///
    /// # Errors
    /// When it had to be read and could not be.
    pub async fn get<E, F>(
        &self,
        key: V::Key,
        read: impl Fn() -> F + Send + Sync,
    ) -> Result<Arc<CachedValue<V>>, E>
    where
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<V, E>> + Send,
    {
        let last_write = || self.written.last(key);
        self.local.get(key, last_write, || self.read(key, &read)).await
    }

    async fn read<E, F>(
        &self,
        key: V::Key,
        read: &(impl Fn() -> F + Send + Sync),
    ) -> Result<Arc<CachedValue<V>>, E>
    where
        F: Future<Output = Result<V, E>> + Send,
    {
        let began = Instant::now();
        // What this server wrote a moment ago may not have its tombstone yet.
        let settled = |written: Instant| written.elapsed() > MARK_LIFE;
        let remote = self.remote.as_ref().filter(|remote| {
            remote.invalidations.are_current() && self.written.last(key).is_none_or(settled)
        });
        if let Some(remote) = remote
            && let Some(value) = remote.get(key).await
        {
            return Ok(CachedValue::new(began, value));
        }
        let value = read().await?;
        if let Some(remote) = remote
            && began.elapsed() < READING_TIME
        {
            remote.put(key, &value).await;
        }
        Ok(CachedValue::new(began, value))
    }

    /// Invalidates a value after a write that it depends on.
    pub fn invalidate(&self, key: V::Key) {
        self.written.note(key);
        if let Some(remote) = &self.remote {
            remote.invalidations.push(V::name(key));
        }
    }
}

impl RemoteCache {
    async fn get<V: Cacheable>(&self, key: V::Key) -> Option<V> {
        let mut command = redis::cmd("GET");
        command.arg(V::name(key));
        let found: Option<String> = self.connection.send(&command).await.ok()?;
        // What another version of the server has put there may look otherwise.
        let value = found
            .filter(|text| text != MARK)
            .and_then(|text| serde_json::from_str(&text).ok());
        let result = if value.is_some() { "hit" } else { "miss" };
        metrics::counter!("mission_cache_reads_total", "result" => result).increment(1);
        value
    }

    async fn put<V: Cacheable>(&self, key: V::Key, value: &V) {
        let life = u64::try_from(value.time_to_live().as_millis()).unwrap_or(u64::MAX);
        let Ok(text) = serde_json::to_string(value) else {
            return;
        };
        if life == 0 {
            return;
        }
        let mut call = self.fill.prepare_invoke();
        call.key(V::name(key)).arg(MARK).arg(text).arg(life);
        // Where it fails, the next reader reads the database too.
        let _ = self.connection.run::<u8>(&call).await;
    }
}
