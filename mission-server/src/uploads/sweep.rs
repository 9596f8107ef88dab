//! Removes what nobody refers to.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{UploadError, Uploads};

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileUse {
    /// A user has shown it.
    Needed,
    /// Nobody names it. Somebody may be about to, where it is new.
    Unnamed,
    /// Whose it was is erased.
    Erased,
}

impl Uploads {
    /// Removes the files of erased users, those that nobody names and that were written more than `age` before `now`, and what
    /// broken writes left; answers how many. `now` is real time, which the store's clock has too.
    ///
    /// # Errors
    /// The first error of the store or of `use_of`; what was removed before stays so.
    pub async fn sweep<F, E>(
        &self,
        now: DateTime<Utc>,
        age: TimeDelta,
        mut use_of: impl FnMut(Uuid) -> F,
    ) -> Result<usize, E>
    where
        F: Future<Output = Result<FileUse, E>>,
        E: From<UploadError>,
    {
        // The storage service looks after its files itself.
        let Some(store) = self.store() else {
            return Ok(0);
        };
        let instant = now - age;
        let mut removed = store.remove_broken(instant).await?;
        let mut files = store.older_than(now);
        while let Some(file) = files.try_next().await? {
            let is_needed = match use_of(file.id).await? {
                FileUse::Needed => true,
                FileUse::Unnamed => file.written_at >= instant,
                FileUse::Erased => false,
            };
            if !is_needed {
                store.remove(file.id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
