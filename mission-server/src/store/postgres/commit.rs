//! `Store::commit`: a batch of changes in one transaction, each whole or not at all.
//!
//! Nearly every batch meets nothing that stands against it. So it is first written by one statement, guarded by the
//! versions and constraints alone. Where they refuse it, or where a change asks for more than they can judge, all
//! that could stand against it is locked and looked up, and only the changes that hold are written.

use std::collections::{BTreeMap, BTreeSet};

use mission_core::{
    MissionId,
    ports::store::{BudgetReservation, Change, Claim, CommitOutcome, StoreError},
};

use super::{
    batch::BatchStatement,
    check::{lock, look_up},
    connection::{CommitFailure, Database, Transaction, TransactionError},
};
use crate::store::{database::Durability, record::unavailable};

/// How often a batch is looked up again where others changed what it rests on in between.
const TRIES: usize = 8;

/// Commits a batch.
pub(super) async fn commit(
    database: &Database,
    changes: &[Change],
) -> Result<Vec<CommitOutcome>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    if guards_can_judge(changes) && write_all(database, changes).await? {
        return Ok(vec![CommitOutcome::Committed; changes.len()]);
    }
    let mut refused = String::new();
    let mut raced = false;
    for _ in 0..TRIES {
        match commit_what_holds(database, changes).await? {
            CommitAttempt::Done(outcomes) => return Ok(outcomes),
            CommitAttempt::Again(error) => {
                raced = CommitFailure::of(&error) == CommitFailure::Raced;
                refused = error.to_string();
            }
        }
    }
    // Nothing was written. One change alone says it of itself, and whoever lost every race may try again.
    if raced || changes.len() == 1 {
        Ok(vec![CommitOutcome::Conflict; changes.len()])
    } else {
        Err(StoreError::Refused(refused))
    }
}

/// Whether the guards of the one statement say all that could stand against the changes: nothing goes, no two take one
/// claim, and the reservations of a budget fit if and only if their sum does.
fn guards_can_judge(changes: &[Change]) -> bool {
    let mut claims: BTreeSet<&Claim> = BTreeSet::new();
    let mut reservations: BTreeMap<MissionId, BudgetReservation> = BTreeMap::new();
    changes.iter().all(|change| {
        let (write_set, writes) = (&change.write_set, &change.write_set.writes);
        write_set.releases.is_empty()
            && write_set.erasures.is_empty()
            && write_set.claims.keys().all(|claim| claims.insert(claim))
            && write_set.reservations.iter().all(|(mission, reservation)| {
                let first = reservations.entry(*mission).or_insert(*reservation);
                sign(reservation).is_some_and(|sign_of_it| {
                    Some(sign_of_it) == sign(first) && (!sign_of_it || reservation.limit == first.limit)
                })
            })
            && writes.task.values().all(Option::is_some)
            && writes.participation.values().all(Option::is_some)
            && writes.reward.values().all(Option::is_some)
            && writes.review.values().all(Option::is_some)
            && writes.check_in_day.values().all(Option::is_some)
    })
}

/// Whether a take only adds (`true`) or only gives back.
fn sign(reservation: &BudgetReservation) -> Option<bool> {
    let (points, grants) = (reservation.used.points, reservation.used.grants);
    let zero = rust_decimal::Decimal::ZERO;
    if points <= zero && grants <= 0 {
        Some(false)
    } else {
        (points >= zero && grants >= 0).then_some(true)
    }
}

/// Writes all changes with one statement; answers `false` where something stood against one of them.
async fn write_all(database: &Database, changes: &[Change]) -> Result<bool, StoreError> {
    let statement = BatchStatement::of(changes, true)?.into_statement()?;
    match database.run(statement).await {
        Ok(_) => Ok(true),
        Err(error) if CommitFailure::of(&error) == CommitFailure::Unknown => Err(unavailable(error)),
        Err(_) => Ok(false),
    }
}

/// The outcome of one attempt to look up and write.
enum CommitAttempt {
    Done(Vec<CommitOutcome>),
    /// A concurrent commit changed the rows that were looked up.
    Again(sqlx::Error),
}

async fn commit_what_holds(database: &Database, changes: &[Change]) -> Result<CommitAttempt, StoreError> {
    let mut transaction = database.begin(Durability::Full).await.map_err(unavailable)?;
    let outcomes = match write_what_holds(&mut transaction, changes).await {
        Ok(outcomes) => outcomes,
        Err(TransactionError::Store(refused)) => {
            transaction.roll_back().await.map_err(unavailable)?;
            return Err(refused);
        }
        Err(TransactionError::Database(error)) => {
            // Dropping the work rolls back too; that it could not be done at once harms nobody.
            let _ = transaction.roll_back().await;
            return match CommitFailure::of(&error) {
                CommitFailure::Stood | CommitFailure::Raced => Ok(CommitAttempt::Again(error)),
                CommitFailure::Never => Err(StoreError::Refused(error.to_string())),
                CommitFailure::Unknown => Err(unavailable(error)),
            };
        }
    };
    match transaction.commit().await {
        Ok(()) => Ok(CommitAttempt::Done(outcomes)),
        Err(error) if CommitFailure::of(&error) == CommitFailure::Raced => Ok(CommitAttempt::Again(error)),
        Err(error) => Err(unavailable(error)),
    }
}

async fn write_what_holds(
    transaction: &mut Transaction,
    changes: &[Change],
) -> Result<Vec<CommitOutcome>, TransactionError> {
    lock(transaction, changes).await?;
    let outcomes = look_up(transaction, changes).await?.outcomes(changes);
    let holding = changes
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == CommitOutcome::Committed)
        .map(|(change, _)| change);
    if holding.clone().next().is_some() {
        let mut batch = BatchStatement::of(holding, false)?;
        for statement in batch.removals.take_statements()? {
            transaction.run(statement).await?;
        }
        transaction.run(batch.into_statement()?).await?;
    }
    Ok(outcomes)
}
