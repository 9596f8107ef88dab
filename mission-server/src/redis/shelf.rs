//! A cache of one kind of value: near, in this process, and far, in Redis, before it is read from the database.
//!
//! What was written is seen by the next read on this server at once, and on others within a second: values stay near
//! for half of one, and a write lays a mark over the far ones. Nobody puts back what was read before a write: near,
//! each value knows when its reading began; far, the mark stands in the way for as long as such a reading may take.

use std::{hash::Hash, ops::Deref, sync::Arc, time::Duration};

use moka::{future, sync};
use redis::Script;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{Link, Marks};

/// How long a value stays near.
const NEAR_LIFE: Duration = Duration::from_millis(500);
/// How long a write is remembered; no reading takes longer.
const WRITE_MEMORY: Duration = Duration::from_secs(60);
/// How long a mark stands in the way of values that were read before it.
pub(super) const MARK_LIFE: Duration = Duration::from_secs(3);
/// A reading that took longer is not put back: the mark of a write since may be gone.
const READING_TIME: Duration = Duration::from_secs(2);
/// The mark; no value looks like it.
pub(super) const MARK: &str = "-";

/// A kind of value that is cached.
pub trait Cached: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it is kept by.
    type Key: Copy + Eq + Hash + Send + Sync + 'static;

    /// The key in Redis.
    fn name(key: Self::Key) -> String;

    /// How long it may live in Redis, from now.
    fn life(&self) -> Duration;
}

/// Cached values of one kind.
pub struct Shelf<V: Cached> {
    near: future::Cache<V::Key, Arc<Reading<V>>>,
    written: sync::Cache<V::Key, Instant>,
    far: Option<Far>,
}

/// A value, and when its reading began.
pub struct Reading<V> {
    began: Instant,
    value: V,
}

impl<V> Deref for Reading<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

struct Far {
    link: Arc<Link>,
    marks: Arc<Marks>,
    fill: Script,
}

impl<V: Cached> Shelf<V> {
    /// A shelf for so many values near, and as many as Redis holds far, where there is one.
    #[must_use]
    pub fn new(capacity: u64, far: Option<(Arc<Link>, Arc<Marks>)>) -> Self {
        let near = future::Cache::builder().max_capacity(capacity);
        let written = sync::Cache::builder().max_capacity(capacity);
        Shelf {
            near: near.time_to_live(NEAR_LIFE).build(),
            written: written.time_to_live(WRITE_MEMORY).build(),
            far: far.map(|(link, marks)| Far {
                link,
                marks,
                fill: Script::new(include_str!("fill.lua")),
            }),
        }
    }

    /// The value, from nearby, from Redis, or read now. Whoever asks while it is being read waits for that reading.
    ///
    /// # Errors
    /// When it had to be read and could not be.
    pub async fn get<E, F>(
        &self,
        key: V::Key,
        read: impl Fn() -> F + Send + Sync,
    ) -> Result<Arc<Reading<V>>, E>
    where
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<V, E>> + Send,
    {
        loop {
            let reading = self.near.try_get_with(key, self.read(key, &read));
            let found = reading.await.map_err(|error| E::clone(&error))?;
            if self.written.get(&key).is_none_or(|written| written < found.began) {
                return Ok(found);
            }
            // It was written while it was being read, or since.
            self.near.invalidate(&key).await;
        }
    }

    async fn read<E, F>(
        &self,
        key: V::Key,
        read: &(impl Fn() -> F + Send + Sync),
    ) -> Result<Arc<Reading<V>>, E>
    where
        F: Future<Output = Result<V, E>> + Send,
    {
        let began = Instant::now();
        // What this server wrote a moment ago may not have its mark yet.
        let settled = |written: Instant| written.elapsed() > MARK_LIFE;
        let far = self
            .far
            .as_ref()
            .filter(|far| far.marks.are_in_time() && self.written.get(&key).is_none_or(settled));
        if let Some(far) = far
            && let Some(value) = far.get(key).await
        {
            return Ok(Arc::new(Reading { began, value }));
        }
        let value = read().await?;
        if let Some(far) = far
            && began.elapsed() < READING_TIME
        {
            far.put(key, &value).await;
        }
        Ok(Arc::new(Reading { began, value }))
    }

    /// Notes that something is written which the value shows.
    pub fn written(&self, key: V::Key) {
        self.written.insert(key, Instant::now());
        if let Some(far) = &self.far {
            far.marks.lay(V::name(key));
        }
    }
}

impl Far {
    async fn get<V: Cached>(&self, key: V::Key) -> Option<V> {
        let mut command = redis::cmd("GET");
        command.arg(V::name(key));
        let found: Option<String> = self.link.send(&command).await.ok()?;
        // What another version of the server has put there may look otherwise.
        let value = found
            .filter(|text| text != MARK)
            .and_then(|text| serde_json::from_str(&text).ok());
        let result = if value.is_some() { "hit" } else { "miss" };
        metrics::counter!("mission_cache_reads_total", "result" => result).increment(1);
        value
    }

    async fn put<V: Cached>(&self, key: V::Key, value: &V) {
        let life = u64::try_from(value.life().as_millis()).unwrap_or(u64::MAX);
        let Ok(text) = serde_json::to_string(value) else {
            return;
        };
        if life == 0 {
            return;
        }
        let mut call = self.fill.prepare_invoke();
        call.key(V::name(key)).arg(MARK).arg(text).arg(life);
        // Where it fails, the next reader reads the database too.
        let _ = self.link.run::<u8>(&call).await;
    }
}
