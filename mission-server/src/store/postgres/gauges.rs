//! What operators are shown of the store.

use mission_core::ports::store::StoreError;

use super::{PostgresStore, ResultRow, sql_builder::SqlBuilder};
use crate::store::PoolUse;

impl PostgresStore {
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
        let sql = "SELECT count(*) FROM reviews WHERE status = 'open'";
        let rows = self.database.read(|| Ok(SqlBuilder::new(sql))).await?;
        let count = rows.first().map(|row| ResultRow(row).get::<i64>(0)).transpose()?;
        Ok(count.unwrap_or_default().unsigned_abs())
    }
}
