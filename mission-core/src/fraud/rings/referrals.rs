//! Referrals that come back to where they began.

use super::{AccountFacts, RingEvidence, RingPolicy, groups::Group};

/// Where the walk has been.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Never,
    /// In the walk from this account.
    From(usize),
}

/// The cycles of referrals that are long enough to say something. Each account has one inviter at most, so a walk from
/// inviter to inviter finds them, and no account is in two.
pub(super) fn cycles(accounts: &[&AccountFacts], policy: &RingPolicy) -> Vec<Group> {
    let index_of = |user| accounts.binary_search_by_key(&user, |account| account.user).ok();
    let inviters: Vec<Option<usize>> = accounts
        .iter()
        .map(|account| account.invited_by.and_then(index_of))
        .collect();
    let mut seen = vec![Seen::Never; accounts.len()];
    let mut groups = Vec::new();
    for start in 0..accounts.len() {
        let mut at = start;
        while seen[at] == Seen::Never {
            seen[at] = Seen::From(start);
            let Some(inviter) = inviters[at] else { break };
            at = inviter;
            if seen[at] == Seen::From(start) {
                groups.extend(cycle(&inviters, at, policy));
            }
        }
    }
    groups
}

/// The cycle through an account that is in one.
fn cycle(inviters: &[Option<usize>], through: usize, policy: &RingPolicy) -> Option<Group> {
    let next = |at: &usize| inviters[*at].filter(|inviter| *inviter != through);
    let mut members: Vec<usize> = std::iter::successors(Some(through), next).collect();
    let weight = policy.referral_cycle.of(members.len());
    if weight == 0 {
        return None;
    }
    members.sort_unstable();
    let evidence = RingEvidence::ReferralCycle {
        accounts: members.len(),
    };
    Some(Group::new(members, weight, evidence))
}
