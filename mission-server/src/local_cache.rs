//! Values that were read a moment ago, in this process.

use std::{hash::Hash, ops::Deref, sync::Arc, time::Duration};

use moka::future::Cache;
use tokio::time::Instant;

/// How long a value lives: what another server writes is seen after that at the latest.
const LIFE: Duration = Duration::from_millis(500);

/// Values by key, for half a second each. A value that was read before a write of this process is not answered to whoever
/// asks after it.
pub(crate) struct LocalCache<K, V> {
    values: Cache<K, Arc<CachedValue<V>>>,
}

/// A value with the instant at which its reading began.
pub struct CachedValue<V> {
    read_at: Instant,
    value: V,
}

impl<V> CachedValue<V> {
    /// A value whose reading began at an instant.
    pub(crate) fn new(read_at: Instant, value: V) -> Arc<Self> {
        Arc::new(CachedValue { read_at, value })
    }
}

impl<V> Deref for CachedValue<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<K, V> LocalCache<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// A cache of so many values at most.
    pub(crate) fn new(capacity: u64) -> Self {
        let values = Cache::builder().max_capacity(capacity).time_to_live(LIFE);
        LocalCache {
            values: values.build(),
        }
    }

    /// The value of a key, read now where there is none since the last write that it depends on. Concurrent callers share
    /// one reading.
    ///
    /// # Errors
    /// When it had to be read and could not be.
    pub(crate) async fn get<E, F>(
        &self,
        key: K,
        last_write: impl Fn() -> Option<Instant>,
        read: impl Fn() -> F,
    ) -> Result<Arc<CachedValue<V>>, E>
    where
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<Arc<CachedValue<V>>, E>>,
    {
        let asked = Instant::now();
        loop {
            let found = self.values.try_get_with(key, read()).await;
            let found = found.map_err(|error| E::clone(&error))?;
            // A reading that began after the call knows all that was written before it, whatever is written meanwhile: what
            // is written all the time is answered too.
            if found.read_at >= asked || last_write().is_none_or(|written| written < found.read_at) {
                return Ok(found);
            }
            self.values.invalidate(&key).await;
        }
    }

    /// The same, of a value that is read as it is.
    ///
    /// # Errors
    /// When it had to be read and could not be.
    pub(crate) async fn get_or_read<E, F>(
        &self,
        key: K,
        last_write: impl Fn() -> Option<Instant>,
        read: impl Fn() -> F,
    ) -> Result<Arc<CachedValue<V>>, E>
    where
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<V, E>>,
    {
        let read = || {
            let reading = read();
            async move {
                let read_at = Instant::now();
                Ok(CachedValue::new(read_at, reading.await?))
            }
        };
        self.get(key, last_write, read).await
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;
    use crate::write_times::WriteTimes;

    #[tokio::test]
    async fn a_value_is_read_once_until_it_is_written() {
        let cache = LocalCache::new(10);
        let written = WriteTimes::default();
        let readings = AtomicU32::new(0);
        let value = async || {
            let read = || async { Ok::<_, Infallible>(readings.fetch_add(1, Ordering::Relaxed)) };
            let Ok(found) = cache.get_or_read(7, || written.last(7), read).await;
            **found
        };
        assert_eq!((value().await, value().await), (0, 0));
        written.note(7);
        assert_eq!(value().await, 1, "a write is seen by the next read");
        assert_eq!(value().await, 1);
    }

    #[tokio::test]
    async fn what_was_read_before_a_write_is_not_answered_after_it() {
        let cache = LocalCache::new(10);
        let written = WriteTimes::default();
        let readings = AtomicU32::new(0);
        let value = async || {
            let read = || async {
                let reading = readings.fetch_add(1, Ordering::Relaxed);
                if reading == 0 {
                    written.note(7);
                }
                Ok::<_, Infallible>(reading)
            };
            let Ok(found) = cache.get_or_read(7, || written.last(7), read).await;
            **found
        };
        assert_eq!(value().await, 0, "the write is no older than the question");
        assert_eq!(value().await, 1, "here it is");
    }

    #[tokio::test]
    async fn what_is_written_all_the_time_is_answered() {
        let cache = LocalCache::new(10);
        let readings = AtomicU32::new(0);
        for expected in 0..3 {
            let read = || async { Ok::<_, Infallible>(readings.fetch_add(1, Ordering::Relaxed)) };
            let asking = cache.get_or_read(7, || Some(Instant::now()), read);
            let Ok(found) = tokio::time::timeout(Duration::from_secs(10), asking)
                .await
                .unwrap();
            assert_eq!(**found, expected, "each time anew");
        }
    }
}
