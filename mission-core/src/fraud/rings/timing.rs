//! Accounts that act at the same instants, time and again.
//!
//! All pairs would be too many to compare. Accounts with half of their instants in common are found by
//! [min-hashing](https://en.wikipedia.org/wiki/MinHash): of each account's instants those with the smallest hashes are taken,
//! under several hash functions, and only accounts that agree in some of these are compared.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::{
    AccountFacts, RingEvidence, RingPolicy, evidence::CoincidentInstant, groups::Group, union_find::UnionFind,
};

/// So many chances to agree: of two accounts that share a third of their instants, five in six do in one.
const BANDS: u64 = 16;
/// Of those that agree each is compared with so many: more would make no larger set of them.
const COMPARED: usize = 8;
/// So many instants are told as evidence.
const MOST_TOLD: usize = 5;

/// Sets of accounts that coincide.
pub(super) struct Timing {
    /// Of each account.
    set: Vec<Option<usize>>,
    sets: Vec<(Vec<usize>, RingEvidence)>,
}

/// Two accounts that coincide.
struct Pair {
    first: usize,
    coincidences: usize,
    of: usize,
}

/// The seconds at which each account acted, but for popular instants.
struct Moments {
    /// Account and second, sorted.
    all: Vec<(usize, i64)>,
    width: i64,
}

/// A bijection that leaves no pattern (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Moments {
    fn of(accounts: &[&AccountFacts], policy: &RingPolicy, now: DateTime<Utc>) -> Self {
        let width = policy.coincidence.num_seconds().max(1);
        let since = now - policy.looks_back;
        let mut by_time: Vec<(i64, usize)> = Vec::new();
        for (index, account) in accounts.iter().enumerate() {
            by_time.extend(account.moments(since).map(|at| (at.timestamp(), index)));
        }
        by_time.sort_unstable();
        by_time.dedup();
        let popular = 100.max(accounts.len() / policy.popular_instant.max(1));
        let instants = by_time.chunk_by(|a, b| a.0.div_euclid(width) == b.0.div_euclid(width));
        let mut all: Vec<(usize, i64)> = instants
            .filter(|instant| instant.len() <= popular)
            .flatten()
            .map(|(second, account)| (*account, *second))
            .collect();
        all.sort_unstable();
        Moments { all, width }
    }

    /// The accounts with so many moments or more, and these.
    fn accounts(&self, least: usize) -> Vec<&[(usize, i64)]> {
        self.all
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|moments| moments.len() >= least)
            .collect()
    }

    /// The smallest hashes of an account's instants under two hash functions.
    fn smallest(&self, moments: &[(usize, i64)], band: u64) -> (u64, u64) {
        let mut smallest = (u64::MAX, u64::MAX);
        for (_, second) in moments {
            let instant = mix(second.div_euclid(self.width).cast_unsigned());
            smallest.0 = smallest.0.min(mix(instant ^ (2 * band + 1)));
            smallest.1 = smallest.1.min(mix(instant ^ (2 * band + 2)));
        }
        smallest
    }
}

/// How often two accounts act within so many seconds of each other.
fn coincidences(a: &[(usize, i64)], b: &[(usize, i64)], within: i64) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while let (Some((_, first)), Some((_, second))) = (a.get(i), b.get(j)) {
        if (first - second).abs() <= within {
            count += 1;
            i += 1;
            j += 1;
        } else if first < second {
            i += 1;
        } else {
            j += 1;
        }
    }
    count
}

impl Timing {
    pub(super) fn of(accounts: &[&AccountFacts], policy: &RingPolicy, now: DateTime<Utc>) -> Self {
        let moments = Moments::of(accounts, policy, now);
        let active = moments.accounts(policy.least_coincidences);
        let mut union = UnionFind::new(active.len());
        let mut pairs = Vec::new();
        for band in 0..BANDS {
            let mut keyed: Vec<((u64, u64), usize)> = active
                .iter()
                .enumerate()
                .map(|(index, of)| (moments.smallest(of, band), index))
                .collect();
            keyed.sort_unstable();
            for alike in keyed.chunk_by(|a, b| a.0 == b.0) {
                for (place, (_, first)) in alike.iter().enumerate() {
                    for (_, second) in alike[place + 1..].iter().take(COMPARED) {
                        if union.root(*first) == union.root(*second) {
                            continue;
                        }
                        let (a, b) = (active[*first], active[*second]);
                        let coincidences = coincidences(a, b, moments.width);
                        let of = a.len().min(b.len());
                        if coincidences >= policy.least_coincidences
                            && coincidences * 100 >= of * policy.least_coincident_share
                        {
                            union.join(*first, *second);
                            pairs.push(Pair {
                                first: *first,
                                coincidences,
                                of,
                            });
                        }
                    }
                }
            }
        }
        let mut timing = Timing {
            set: vec![None; accounts.len()],
            sets: Vec::new(),
        };
        let mut keyed: Vec<(usize, Pair)> = pairs
            .into_iter()
            .map(|pair| (union.root(pair.first), pair))
            .collect();
        keyed.sort_by_key(|(root, _)| *root);
        let mut members: Vec<(usize, usize)> = (0..active.len())
            .map(|index| (union.root(index), index))
            .collect();
        members.sort_unstable();
        let mut sets = members.chunk_by(|a, b| a.0 == b.0).filter(|set| set.len() > 1);
        for pairs in keyed.chunk_by(|a, b| a.0 == b.0) {
            let Some(set) = sets.next() else { break };
            let moments: Vec<&[(usize, i64)]> = set.iter().map(|(_, index)| active[*index]).collect();
            timing.add(&moments, pairs, policy);
        }
        timing
    }

    fn add(&mut self, moments: &[&[(usize, i64)]], pairs: &[(usize, Pair)], policy: &RingPolicy) {
        let members: Vec<usize> = moments.iter().map(|of| of[0].0).collect();
        for member in &members {
            self.set[*member] = Some(self.sets.len());
        }
        let mut instants = shared(moments, policy.coincidence.num_seconds().max(1));
        let from = instants.first().map(|instant| instant.at).unwrap_or_default();
        instants.sort_by_key(|instant| (Reverse(instant.accounts), instant.at));
        instants.truncate(MOST_TOLD);
        instants.sort_by_key(|instant| instant.at);
        let evidence = RingEvidence::SameTiming {
            accounts: members.len(),
            coincidences: pairs.iter().map(|(_, pair)| pair.coincidences).sum::<usize>() / pairs.len(),
            of: pairs.iter().map(|(_, pair)| pair.of).sum::<usize>() / pairs.len(),
            from,
            instants,
        };
        self.sets.push((members, evidence));
    }

    pub(super) fn groups(&self, policy: &RingPolicy) -> Vec<Group> {
        let groups = self.sets.iter().map(|(members, evidence)| {
            let weight = policy.timing.of(members.len());
            Group::new(members.clone(), weight, evidence.clone())
        });
        groups.filter(|group| group.score() > 0).collect()
    }

    /// The set that most of some accounts are in, if it has half of them, and how many these are.
    pub(super) fn among(&self, members: &[usize]) -> Option<(usize, RingEvidence)> {
        let mut sets: Vec<usize> = members.iter().filter_map(|member| self.set[*member]).collect();
        sets.sort_unstable();
        let most = sets.chunk_by(|a, b| a == b).max_by_key(|set| set.len())?;
        let is_half = most.len() > 2 && most.len() * 2 >= members.len();
        is_half.then(|| (most.len(), self.sets[most[0]].1.clone()))
    }
}

/// The instants at which two or more of some accounts acted, in order.
fn shared(moments: &[&[(usize, i64)]], width: i64) -> Vec<CoincidentInstant> {
    let mut seconds: Vec<i64> = moments
        .iter()
        .flat_map(|of| of.iter().map(|(_, second)| *second))
        .collect();
    seconds.sort_unstable();
    seconds
        .chunk_by(|a, b| a.div_euclid(width) == b.div_euclid(width))
        .filter(|instant| instant.len() > 1)
        .filter_map(|instant| {
            Some(CoincidentInstant {
                at: DateTime::from_timestamp(instant[0], 0)?,
                accounts: instant.len(),
            })
        })
        .collect()
}
