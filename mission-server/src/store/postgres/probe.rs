//! Whether a write succeeds.

use mission_core::ports::store::StoreError;

use super::{PostgresStore, sql_builder::SqlBuilder};
use crate::store::record::unavailable;

impl PostgresStore {
    /// Writes something as large as a small batch, and deletes it again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        for sql in [
            "INSERT INTO write_probe (id, filler) VALUES (1, decode(repeat('00', 65536), 'hex'))
             ON CONFLICT (id) DO UPDATE SET filler = excluded.filler",
            "DELETE FROM write_probe",
        ] {
            self.database
                .run(SqlBuilder::new(sql))
                .await
                .map_err(unavailable)?;
        }
        Ok(())
    }
}
