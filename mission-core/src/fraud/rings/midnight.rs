//! Accounts that check in within seconds of their midnight: the earliest moment of a day, or the last one of two.

use chrono::{DateTime, Utc};

use super::{AccountFacts, RingEvidence, RingPolicy, created, groups::Group};
use crate::UserId;

/// What an account of midnight did.
#[derive(Clone, Copy)]
struct CheckIns {
    all: usize,
    at_midnight: usize,
}

/// The accounts of midnight.
pub(super) struct Midnight {
    /// Of each account, where it is one.
    of_account: Vec<Option<CheckIns>>,
}

impl Midnight {
    pub(super) fn of(accounts: &[&AccountFacts], policy: &RingPolicy, now: DateTime<Utc>) -> Self {
        let since = now - policy.looks_back;
        let within = seconds(policy);
        let check_ins = |account: &&AccountFacts| {
            let recent = || account.check_ins.iter().filter(|check_in| check_in.at > since);
            let check_ins = CheckIns {
                all: recent().count(),
                at_midnight: recent()
                    .filter(|check_in| check_in.from_midnight() <= within)
                    .count(),
            };
            let is_of_midnight = check_ins.all >= policy.midnight_least_check_ins
                && check_ins.at_midnight * 100 >= check_ins.all * policy.midnight_share;
            is_of_midnight.then_some(check_ins)
        };
        Midnight {
            of_account: accounts.iter().map(check_ins).collect(),
        }
    }

    /// Which of some accounts are such.
    pub(super) fn among(&self, members: &[usize]) -> Vec<usize> {
        let is_one = |member: &&usize| self.of_account[**member].is_some();
        members.iter().filter(is_one).copied().collect()
    }

    pub(super) fn evidence(&self, members: &[usize], policy: &RingPolicy) -> RingEvidence {
        let check_ins = || members.iter().filter_map(|member| self.of_account[*member]);
        RingEvidence::ClockEdge {
            accounts: members.len(),
            check_ins: check_ins().map(|of| of.all).sum(),
            at_midnight: check_ins().map(|of| of.at_midnight).sum(),
            within_seconds: seconds(policy),
        }
    }

    /// Those that were made together, and those that the same one invited.
    pub(super) fn groups(&self, accounts: &[&AccountFacts], policy: &RingPolicy) -> Vec<Group> {
        let all: Vec<usize> = self.among(&(0..accounts.len()).collect::<Vec<_>>());
        let mut groups = Vec::new();
        for members in created::runs(accounts, &all, policy.midnight_gap) {
            let (created_from, created_to) = created::span(accounts, &members);
            let link = RingEvidence::CreatedTogether {
                accounts: members.len(),
                created_from,
                created_to,
            };
            groups.extend(self.group(members, link, policy));
        }
        let mut invited: Vec<(UserId, usize)> = all
            .into_iter()
            .filter_map(|member| Some((accounts[member].invited_by?, member)))
            .collect();
        invited.sort_unstable();
        for invited in invited.chunk_by(|a, b| a.0 == b.0) {
            let link = RingEvidence::SameInviter {
                accounts: invited.len(),
            };
            let members = invited.iter().map(|(_, member)| *member).collect();
            groups.extend(self.group(members, link, policy));
        }
        groups
    }

    fn group(&self, members: Vec<usize>, link: RingEvidence, policy: &RingPolicy) -> Option<Group> {
        let weight = policy.midnight_together.of(members.len());
        if weight == 0 {
            return None;
        }
        let evidence = self.evidence(&members, policy);
        let mut group = Group::new(members, weight, evidence);
        // What links them is in the weight already.
        group.note(0, link);
        Some(group)
    }
}

fn seconds(policy: &RingPolicy) -> u32 {
    u32::try_from(policy.midnight.num_seconds()).unwrap_or(0)
}
