//! The ledger in the same SQLite file as the store.

use mission_core::{ports::store::StoreError, serde_name};

use super::{
    Booking, LedgerCommand,
    sql::{ERASED, LedgerDatabase},
};
use crate::store::{
    database::Durability,
    sql_builder::SqlBuilder,
    sqlite::{Database, Rows, failure},
};

const BOOK: &str = "INSERT INTO wallet_entries (user_id, grant_id, kind, amount_micros, currency, booked_at)
    SELECT CASE WHEN EXISTS (SELECT 1 FROM wallet_erasures WHERE user_id = unhex(value->>2)) THEN ? ELSE unhex(value->>2) END,
        unhex(value->>0), value->>1, value->>3, value->>4, value->>5
    FROM json_each(?) WHERE TRUE ON CONFLICT (user_id, grant_id, kind) DO NOTHING;";
const CLOSE_ACCOUNTS: &str = "INSERT INTO wallet_erasures (user_id, erased_at)
    SELECT unhex(value->>0), value->>1 FROM json_each(?) WHERE TRUE ON CONFLICT (user_id) DO NOTHING;";
const MOVE_ENTRIES: &str = "UPDATE wallet_entries SET user_id = ?
    WHERE user_id IN (SELECT unhex(value->>0) FROM json_each(?));";

/// Consecutive commands of one kind, ready to be bound.
enum CommandRun {
    Book(Rows),
    Forget(Rows),
}

impl CommandRun {
    fn add_to(self, script: &mut SqlBuilder) {
        match self {
            CommandRun::Book(rows) => {
                script.then(BOOK).bind(ERASED).bind(rows.into_text());
            }
            CommandRun::Forget(rows) => {
                let users = rows.into_text();
                script.then(CLOSE_ACCOUNTS).bind(users.clone());
                script.then(MOVE_ENTRIES).bind(ERASED).bind(users);
            }
        }
    }
}

fn runs(orders: &[LedgerCommand]) -> Result<Vec<CommandRun>, StoreError> {
    let mut runs: Vec<CommandRun> = Vec::new();
    for order in orders {
        match order {
            LedgerCommand::Book(booking) => {
                if !matches!(runs.last(), Some(CommandRun::Book(_))) {
                    runs.push(CommandRun::Book(Rows::default()));
                }
                if let Some(CommandRun::Book(rows)) = runs.last_mut() {
                    booking_row(rows, booking)?;
                }
            }
            LedgerCommand::Forget { user, at } => {
                if !matches!(runs.last(), Some(CommandRun::Forget(_))) {
                    runs.push(CommandRun::Forget(Rows::default()));
                }
                if let Some(CommandRun::Forget(rows)) = runs.last_mut() {
                    rows.row().id(user.0).instant(*at);
                }
            }
        }
    }
    Ok(runs)
}

fn booking_row(rows: &mut Rows, booking: &Booking) -> Result<(), StoreError> {
    rows.row()
        .id(booking.grant.0)
        .text(&serde_name(booking.kind))
        .id(booking.user.0)
        .number(booking.signed_micros()?)
        .text(&booking.currency)
        .instant(booking.at);
    Ok(())
}

impl LedgerDatabase for Database {
    async fn carry_out(&self, durability: Durability, orders: &[LedgerCommand]) -> Result<(), StoreError> {
        let mut script = SqlBuilder::new("BEGIN IMMEDIATE;");
        for run in runs(orders)? {
            run.add_to(&mut script);
        }
        script.then("COMMIT;");
        let mut turn = self.lock_writer().await?;
        let written = turn.write(durability, script).await;
        written.map_err(|error| failure(&error))?;
        turn.finished();
        Ok(())
    }
}
