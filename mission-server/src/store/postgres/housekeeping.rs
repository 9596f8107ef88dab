//! Housekeeping: forgets receipts and inbound ids whose time is over, a little at a time.

use chrono::{DateTime, Utc};
use mission_core::ports::store::{RECEIPT_LIFETIME, StoreError};

use super::{PostgresStore, sql_builder::SqlBuilder};
use crate::store::{INBOUND_LIFETIME, PrunedRows, record::unavailable};

/// Rows of one transaction, so that nothing is locked for long.
const CHUNK: i64 = 1000;

const RECEIPTS: &str = "DELETE FROM receipts WHERE (caller, command) IN (SELECT caller, command FROM receipts
    WHERE recorded_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING 1";
const INBOUND: &str = "DELETE FROM claims WHERE (kind, key) IN (SELECT kind, key FROM claims
    WHERE kind = 'inbound' AND taken_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING 1";

impl PostgresStore {
    /// Forgets receipts of 24 hours ago and inbound ids of 30 days ago. The journal stays as the audit log. Several
    /// processes may do it at once.
    ///
    /// # Errors
    /// When the store cannot be written; what was forgotten until then stays so.
    pub async fn housekeeping(&self, now: DateTime<Utc>) -> Result<PrunedRows, StoreError> {
        Ok(PrunedRows {
            receipts: self.prune(RECEIPTS, now - RECEIPT_LIFETIME).await?,
            inbound: self.prune(INBOUND, now - INBOUND_LIFETIME).await?,
        })
    }

    async fn prune(&self, sql: &'static str, until: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let mut script = SqlBuilder::new(sql);
            script.bind(until.timestamp_micros())?.bind(CHUNK)?;
            let gone = self.database.run(script).await.map_err(unavailable)?.len();
            forgotten += gone as u64;
            if gone == 0 {
                return Ok(forgotten);
            }
        }
    }
}
