//! Housekeeping: removes receipts and inbound ids whose time is over, a little at a time.

use chrono::{DateTime, Utc};
use mission_core::{
    CommandId,
    engine::ReceiptKey,
    ports::store::{RECEIPT_LIFETIME, StoreError},
};

use super::{
    connection::{Database, unavailable},
    rows::Rows,
};
use crate::store::{
    INBOUND_LIFETIME, PrunedRows,
    database::{Durability, delete_in_parts},
    row::SqlRow,
    sql_builder::SqlBuilder,
};

/// Rows of one transaction, so that commands wait for milliseconds at most.
const CHUNK: i64 = 500;

const INBOUND: &str = "DELETE FROM claims WHERE (kind, key) IN (SELECT kind, key FROM claims
    WHERE kind = 'inbound' AND taken_at <= ? LIMIT 500) RETURNING 1";

/// Removes receipts and inbound ids.
pub(super) async fn prune(database: &Database, now: DateTime<Utc>) -> Result<PrunedRows, StoreError> {
    let mut pruned = PrunedRows::default();
    while let Some(receipts) = clear_receipts(database, now - RECEIPT_LIFETIME).await? {
        pruned.receipts += receipts;
    }
    pruned.inbound = delete_in_parts(database, INBOUND, (now - INBOUND_LIFETIME).timestamp_micros()).await?;
    Ok(pruned)
}

/// Goes over a chunk of old entries, and answers how many had a receipt; nothing where there are no more. Journal numbers
/// rise with time but for clocks that jump: a chunk ends at the first row that is too young.
async fn clear_receipts(database: &Database, until: DateTime<Utc>) -> Result<Option<u64>, StoreError> {
    let mut guard = database.lock_writer().await?;
    let query = SqlBuilder::new(
        "SELECT number, recorded_at <= ?, caller IS NOT NULL, caller, command FROM journal WHERE number >
        (SELECT value FROM counters WHERE name = 'receipts_cleared') ORDER BY number LIMIT ?",
    );
    let query = query.with(until.timestamp_micros()).with(CHUNK);
    let rows = guard.read(query).await.map_err(unavailable)?;
    let mut seeds = Rows::default();
    let mut receipts = 0;
    let mut last = None;
    for row in &rows {
        if row.number(1)? == 0 {
            break;
        }
        last = Some(row.number(0)?);
        receipts += row.count(2)?;
        if let (Some(caller), Some(command)) = (row.optional_id(3)?, row.optional_id(4)?) {
            let command = CommandId(command);
            seeds
                .row()
                .number(row.number(0)?)
                .id(ReceiptKey { caller, command }.seed());
        }
    }
    let Some(last) = last else {
        return Ok(None);
    };
    let mut script = SqlBuilder::new("BEGIN IMMEDIATE;");
    script
        // What an erased user's commands were answered goes with the receipt.
        .then(
            "DELETE FROM journal WHERE number <= ? AND number > (SELECT value FROM counters
            WHERE name = 'receipts_cleared') AND request IS NULL;",
        )
        .bind(last)
        // Of the key stays what the ids follow from that the command made, so that it can be decided again.
        .then(
            "UPDATE journal SET caller = NULL, command = NULL, engine_id = unhex(kept.value->>1)
            FROM json_each(?) AS kept WHERE number = kept.value->>0;",
        )
        .bind(seeds.into_text())
        .then("UPDATE counters SET value = ? WHERE name = 'receipts_cleared';")
        .bind(last)
        .then("COMMIT;");
    guard
        .write(Durability::Relaxed, script)
        .await
        .map_err(unavailable)?;
    guard.finished();
    Ok(Some(receipts))
}
