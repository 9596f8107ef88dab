//! Removes what nobody refers to.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{UploadError, Uploads};

impl Uploads {
    /// Removes the files that were written more than `age` before `now` and that `is_used` does not know, and what
    /// broken writes left; answers how many. `now` is real time, which the store's clock has too.
    ///
    /// # Errors
    /// The first error of the store or of `is_used`; what was removed before stays so.
    pub async fn sweep<F, E>(
        &self,
        now: DateTime<Utc>,
        age: TimeDelta,
        mut is_used: impl FnMut(Uuid) -> F,
    ) -> Result<usize, E>
    where
        F: Future<Output = Result<bool, E>>,
        E: From<UploadError>,
    {
        // The storage service looks after its files itself.
        let Some(store) = self.store() else {
            return Ok(0);
        };
        let instant = now - age;
        let mut removed = store.remove_broken(instant).await?;
        let mut files = store.older_than(instant);
        while let Some(file) = files.try_next().await? {
            if !is_used(file.id).await? {
                store.remove(file.id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
