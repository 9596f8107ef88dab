//! Whether a write succeeds.

use mission_core::ports::store::StoreError;

use super::{
    SqliteStore,
    connection::{Durability, SqlBuilder, unavailable},
};

impl SqliteStore {
    /// Writes something as large as a small batch, and deletes it again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        for sql in [
            "BEGIN IMMEDIATE; INSERT OR REPLACE INTO write_probe (id, filler) VALUES (1, zeroblob(65536)); COMMIT;",
            "BEGIN IMMEDIATE; DELETE FROM write_probe; COMMIT;",
        ] {
            let mut turn = self.database.lock_writer().await?;
            let mut script = SqlBuilder::default();
            script.then(sql);
            turn.write(Durability::Full, script).await.map_err(unavailable)?;
            turn.finished();
        }
        Ok(())
    }
}
