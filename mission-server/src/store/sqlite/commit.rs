//! `Store::commit`: a batch of changes in one transaction, each whole or not at all.
//!
//! Nearly every batch meets nothing that stands against it. So it is first written in one go, guarded by the schema's
//! constraints and version triggers alone. Where they refuse it, or where a change asks for more than constraints can
//! judge, everything is looked up within the transaction, and only the changes that hold are written.

use mission_core::ports::store::{Change, Claim, CommitOutcome, StoreError};
use std::collections::BTreeSet;

use super::{
    check::look_up,
    connection::{WriterGuard, failure, is_constraint, sqlite_code},
    write::{UniquenessGuard, write},
};
use crate::store::{database::Durability, sql_builder::SqlBuilder};

const BEGIN: &str = "BEGIN IMMEDIATE;";
const COMMIT: &str = "COMMIT;";

/// Commits a batch.
pub(super) async fn commit(
    turn: &mut WriterGuard<'_>,
    changes: &[Change],
) -> Result<Vec<CommitOutcome>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    if constraints_can_judge(changes) && write_all(turn, changes).await? {
        return Ok(vec![CommitOutcome::Committed; changes.len()]);
    }
    commit_what_holds(turn, changes).await
}

/// Whether a change can only fail on a constraint: no budget is taken, nothing goes, no two take one claim.
fn constraints_can_judge(changes: &[Change]) -> bool {
    let mut claims: BTreeSet<&Claim> = BTreeSet::new();
    changes.iter().all(|change| {
        let write_set = &change.write_set;
        write_set.reservations.is_empty()
            && write_set.releases.is_empty()
            && write_set.erasures.is_empty()
            && write_set.claims.keys().all(|claim| claims.insert(claim))
    })
}

/// Writes all changes in one go; answers `false` where a constraint stood against one of them.
async fn write_all(turn: &mut WriterGuard<'_>, changes: &[Change]) -> Result<bool, StoreError> {
    let mut script = SqlBuilder::default();
    script.then(BEGIN);
    let all: Vec<&Change> = changes.iter().collect();
    write(&mut script, &all, UniquenessGuard::Constraints)?;
    script.then(COMMIT);
    match turn.write(Durability::Full, script).await {
        Ok(_) => {
            turn.finished();
            Ok(true)
        }
        Err(error) if is_constraint(&error) => Ok(false),
        Err(error) => Err(failure(&error)),
    }
}

async fn commit_what_holds(
    turn: &mut WriterGuard<'_>,
    changes: &[Change],
) -> Result<Vec<CommitOutcome>, StoreError> {
    let mut script = SqlBuilder::default();
    script.then(BEGIN);
    let known = look_up(turn, script, changes).await?;
    let outcomes = known.outcomes(changes);
    let holding: Vec<&Change> = changes
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == CommitOutcome::Committed)
        .map(|(change, _)| change)
        .collect();
    if holding.is_empty() {
        turn.roll_back().await?;
        return Ok(outcomes);
    }
    let mut script = SqlBuilder::default();
    if let Err(refused) = write(&mut script, &holding, UniquenessGuard::LookedUp) {
        turn.roll_back().await?;
        return Err(refused);
    }
    script.then(COMMIT);
    match turn.write(Durability::Full, script).await {
        Ok(_) => {
            turn.finished();
            Ok(outcomes)
        }
        // Nobody foresaw it, so nothing can be said of the single changes; one alone says it of itself.
        Err(error) if is_unique_violation(&error) && changes.len() == 1 => Ok(vec![CommitOutcome::Conflict]),
        Err(error) => Err(failure(&error)),
    }
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    const PRIMARY_KEY: i32 = 1555;
    const UNIQUE: i32 = 2067;
    matches!(sqlite_code(error), Some(PRIMARY_KEY | UNIQUE))
}
