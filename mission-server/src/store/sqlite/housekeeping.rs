//! Housekeeping: forgets receipts and inbound ids whose time is over, a little at a time.

use chrono::{DateTime, Utc};
use mission_core::ports::store::{RECEIPT_LIFETIME, StoreError};

use super::{
    SqliteStore,
    connection::{Durability, SqlBuilder, unavailable},
    load::ResultRow,
};
use crate::store::{INBOUND_LIFETIME, PrunedRows};

/// Rows of one transaction, so that commands wait for milliseconds at most.
const CHUNK: i64 = 500;

impl SqliteStore {
    /// Forgets receipts of 24 hours ago and inbound ids of 30 days ago. The journal stays as the audit log.
    ///
    /// # Errors
    /// When the store cannot be written; what was forgotten until then stays so.
    pub async fn housekeeping(&self, now: DateTime<Utc>) -> Result<PrunedRows, StoreError> {
        let mut forgotten = PrunedRows::default();
        loop {
            let receipts = self.clear_receipts(now - RECEIPT_LIFETIME).await?;
            forgotten.receipts += receipts;
            if receipts == 0 {
                break;
            }
        }
        loop {
            let inbound = self.clear_inbound(now - INBOUND_LIFETIME).await?;
            forgotten.inbound += inbound;
            if inbound == 0 {
                break;
            }
        }
        Ok(forgotten)
    }

    /// Journal numbers rise with time but for clocks that jump: a chunk ends at the first row that is too young.
    async fn clear_receipts(&self, until: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut turn = self.database.lock_writer().await?;
        let mut script = SqlBuilder::default();
        script
            .then(
                "SELECT number, recorded_at <= ? FROM journal WHERE number >
                (SELECT value FROM counters WHERE name = 'receipts_cleared') ORDER BY number LIMIT ?",
            )
            .bind(until.timestamp_micros())?
            .bind(CHUNK)?;
        let rows = turn.read(script).await.map_err(unavailable)?;
        let mut old = 0;
        let mut last = None;
        for row in &rows {
            let row = ResultRow(row);
            if !row.get::<bool>(1)? {
                break;
            }
            last = Some(row.get::<i64>(0)?);
            old += 1;
        }
        let Some(last) = last else {
            return Ok(0);
        };
        let mut script = SqlBuilder::default();
        script
            .then("BEGIN IMMEDIATE;")
            // What an erased user's commands were answered goes with the receipt.
            .then("DELETE FROM journal WHERE number <= ? AND number > (SELECT value FROM counters
                WHERE name = 'receipts_cleared') AND request IS NULL AND (outbox IS NULL OR sent_at IS NOT NULL);")
            .bind(last)?
            .then("UPDATE journal SET caller = NULL, command = NULL WHERE number <= ? AND number >
                (SELECT value FROM counters WHERE name = 'receipts_cleared');")
            .bind(last)?
            .then("UPDATE counters SET value = ? WHERE name = 'receipts_cleared';")
            .bind(last)?
            .then("COMMIT;");
        turn.write(Durability::Relaxed, script)
            .await
            .map_err(unavailable)?;
        turn.finished();
        Ok(old)
    }

    async fn clear_inbound(&self, until: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut turn = self.database.lock_writer().await?;
        let mut script = SqlBuilder::default();
        script
            .then("BEGIN IMMEDIATE;")
            .then(
                "DELETE FROM claims WHERE (kind, key) IN (SELECT kind, key FROM claims
                WHERE kind = 'inbound' AND taken_at <= ? LIMIT ?) RETURNING 1;",
            )
            .bind(until.timestamp_micros())?
            .bind(CHUNK)?
            .then("COMMIT;");
        let gone = turn
            .write(Durability::Relaxed, script)
            .await
            .map_err(unavailable)?;
        turn.finished();
        Ok(gone.len() as u64)
    }
}
