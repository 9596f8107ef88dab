//! What operators are shown of the store.

use mission_core::ports::store::StoreError;

use super::SqliteStore;
use crate::store::{PoolUse, record::unavailable};

impl SqliteStore {
    /// How its connections are used at this moment.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        self.database.pool_use()
    }

    /// How many reviews are open.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open_reviews(&self) -> Result<u64, StoreError> {
        let counting = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM reviews WHERE status = 'open'");
        let count = counting.fetch_one(self.database.readers()).await;
        count.map(i64::unsigned_abs).map_err(unavailable)
    }
}
