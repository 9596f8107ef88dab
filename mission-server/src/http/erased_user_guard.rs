//! Refuses operators who were erased. (Users are refused by their own record, which every request of theirs reads.)

use std::time::Duration;

use mission_core::{UserId, engine::Rejection, ports::queries::Queries};
use moka::sync::Cache;

use super::Problem;

/// An erasure on another server is seen after so long.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// So many operators are remembered.
const OPERATORS: u64 = 1000;

/// Caches which operators are known not to have been erased.
pub(super) struct ErasedUserGuard(Cache<UserId, ()>);

impl Default for ErasedUserGuard {
    fn default() -> Self {
        let known = Cache::builder().max_capacity(OPERATORS).time_to_live(KNOWN_FOR);
        ErasedUserGuard(known.build())
    }
}

impl ErasedUserGuard {
    /// Looks whether an operator was erased.
    ///
    /// # Errors
    /// 410 where it is so.
    pub(super) async fn check(&self, operator: UserId, queries: &dyn Queries) -> Result<(), Problem> {
        if self.0.contains_key(&operator) {
            return Ok(());
        }
        if queries.user(operator).await?.is_some_and(|user| user.is_erased()) {
            return Err(Rejection::UserErased.into());
        }
        self.0.insert(operator, ());
        Ok(())
    }

    /// Someone was erased here.
    pub(super) fn forget(&self, user: UserId) {
        self.0.invalidate(&user);
    }
}
