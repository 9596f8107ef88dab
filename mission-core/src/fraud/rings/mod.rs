//! Rings: groups of accounts that one person seems to run. Each account by itself can look like anybody's; what gives a ring
//! away is what its accounts share.
//!
//! [`find_rings`] is a plain function of what is known of the accounts. It gathers groups that share something (a device,
//! an address, instants, a cycle of referrals, midnight), weighs for each what else its members share, and joins those that
//! are beyond doubt and have members in common. No fact convicts where ordinary people share it too: a family has one
//! tablet, a school one address, and at eight in the evening everybody checks in.

mod created;
mod evidence;
mod facts;
mod groups;
mod midnight;
mod policy;
mod referrals;
mod ring;
mod sharing;
mod timing;
mod union_find;

pub use evidence::{CoincidentInstant, RingEvidence};
pub use facts::{AccountFacts, CheckInMoment, Sighting};
pub use policy::{RingPolicy, Weight};
pub use ring::FraudRing;

use chrono::{DateTime, Utc};

use groups::{Group, Sharing};
use union_find::UnionFind;

/// The rings among some accounts, the largest first. The order of the accounts does not matter; of an account that is named
/// twice, one counts. Takes time in proportion to what is known of the accounts.
#[must_use]
pub fn find_rings(accounts: &[AccountFacts], policy: &RingPolicy, now: DateTime<Utc>) -> Vec<FraudRing> {
    let mut sorted: Vec<&AccountFacts> = accounts.iter().collect();
    sorted.sort_by_cached_key(|account| (account.user, account.created_at));
    sorted.dedup_by_key(|account| account.user);
    let sharing = Sharing::of(&sorted, policy, now);
    let (proven, weak): (Vec<Group>, Vec<Group>) = sharing
        .groups(&sorted, policy, now)
        .into_iter()
        .partition(|group| group.score() >= policy.least_score);
    let rings = join(sorted.len(), proven, weak);
    let mut rings: Vec<FraudRing> = rings
        .into_iter()
        .filter(|ring| ring.members.len() >= policy.least_members)
        .filter_map(|ring| ring.named(&sorted))
        .collect();
    rings.sort_by(|a, b| (b.members.len(), a.id).cmp(&(a.members.len(), b.id)));
    rings
}

/// Groups with a member in common become one. Of the groups that prove nothing alone, those join that a ring has the
/// larger part of: a ring's second device, with accounts that never used its first.
fn join(accounts: usize, proven: Vec<Group>, weak: Vec<Group>) -> Vec<Group> {
    let mut union = UnionFind::new(accounts);
    let mut in_ring = vec![false; accounts];
    for group in &proven {
        union.join_all(&group.members);
        group.members.iter().for_each(|member| in_ring[*member] = true);
    }
    let mut joined = proven;
    for group in weak {
        let mut roots: Vec<usize> = group
            .members
            .iter()
            .filter(|member| in_ring[**member])
            .map(|member| union.root(*member))
            .collect();
        roots.sort_unstable();
        let most = roots.chunk_by(|a, b| a == b).map(<[usize]>::len).max();
        if most.is_some_and(|most| most * 2 > group.members.len()) {
            union.join_all(&group.members);
            joined.push(group);
        }
    }
    let mut keyed: Vec<(usize, Group)> = joined
        .into_iter()
        .map(|group| (union.root(group.members[0]), group))
        .collect();
    keyed.sort_by_key(|(root, _)| *root);
    let mut rings: Vec<(usize, Group)> = Vec::new();
    for (root, group) in keyed {
        match rings.last_mut() {
            Some((last, ring)) if *last == root => ring.add(group),
            _ => rings.push((root, group)),
        }
    }
    rings.into_iter().map(|(_, ring)| ring).collect()
}
