//! Accounts that were made together.

use chrono::{DateTime, Duration, Utc};

use super::AccountFacts;

/// Runs of accounts of which each was made within the gap of the one before; every run in order of the users.
pub(super) fn runs(accounts: &[&AccountFacts], members: &[usize], gap: Duration) -> Vec<Vec<usize>> {
    let mut by_time = members.to_vec();
    by_time.sort_by_key(|member| accounts[*member].created_at);
    by_time
        .chunk_by(|a, b| accounts[*b].created_at - accounts[*a].created_at <= gap)
        .map(|run| {
            let mut run = run.to_vec();
            run.sort_unstable();
            run
        })
        .collect()
}

/// When the first and the last of some accounts were made.
pub(super) fn span(accounts: &[&AccountFacts], members: &[usize]) -> (DateTime<Utc>, DateTime<Utc>) {
    let times = || members.iter().map(|member| accounts[*member].created_at);
    (
        times().min().unwrap_or_default(),
        times().max().unwrap_or_default(),
    )
}
