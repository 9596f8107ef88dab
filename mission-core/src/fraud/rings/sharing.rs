//! Accounts of one device, and of one address.

use chrono::{DateTime, Utc};

use super::{AccountFacts, RingEvidence, RingPolicy, created, groups::Group};
use crate::fraud::DeviceHash;

/// The devices that more than one account came with.
pub(super) struct Devices {
    /// Each with its accounts, in order.
    shared: Vec<(DeviceHash, Vec<usize>)>,
    /// Of each account, which of these it came with.
    of_account: Vec<Vec<usize>>,
}

/// The pairs of what accounts came with and who did, sorted.
fn sightings<'a, T: Ord>(
    accounts: &[&'a AccountFacts],
    of: impl Fn(&'a AccountFacts) -> &'a [super::Sighting<T>],
) -> Vec<(&'a T, usize)> {
    let mut pairs: Vec<(&T, usize)> = Vec::with_capacity(accounts.len());
    for (index, account) in accounts.iter().enumerate() {
        pairs.extend(of(account).iter().map(|sighting| (&sighting.of, index)));
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

fn new_among(
    accounts: &[&AccountFacts],
    members: &[usize],
    policy: &RingPolicy,
    now: DateTime<Utc>,
) -> Vec<usize> {
    let since = now - policy.looks_back;
    let is_new = |member: &&usize| accounts[**member].created_at > since;
    members.iter().filter(is_new).copied().collect()
}

impl Devices {
    pub(super) fn of(accounts: &[&AccountFacts]) -> Self {
        let mut devices = Devices {
            shared: Vec::new(),
            of_account: vec![Vec::new(); accounts.len()],
        };
        let pairs = sightings(accounts, |account| &account.devices);
        for pairs in pairs.chunk_by(|a, b| a.0 == b.0).filter(|pairs| pairs.len() > 1) {
            let members: Vec<usize> = pairs.iter().map(|(_, member)| *member).collect();
            for member in &members {
                devices.of_account[*member].push(devices.shared.len());
            }
            devices.shared.push((pairs[0].0.clone(), members));
        }
        devices
    }

    pub(super) fn groups(
        &self,
        accounts: &[&AccountFacts],
        policy: &RingPolicy,
        now: DateTime<Utc>,
    ) -> Vec<Group> {
        let mut groups = Vec::new();
        for (device, members) in &self.shared {
            let new = new_among(accounts, members, policy, now);
            for members in created::runs(accounts, &new, policy.device_gap) {
                let weight = policy.device.of(members.len());
                if weight == 0 {
                    continue;
                }
                let (created_from, created_to) = created::span(accounts, &members);
                let evidence = RingEvidence::SharedDevice {
                    device: device.clone(),
                    accounts: members.len(),
                    created_from,
                    created_to,
                };
                groups.push(Group::new(members, weight, evidence));
            }
        }
        groups
    }

    /// How many of some accounts share a device with another of them, and how many devices those are.
    pub(super) fn among(&self, members: &[usize]) -> (usize, usize) {
        let mut pairs: Vec<(usize, usize)> = members
            .iter()
            .flat_map(|member| self.of_account[*member].iter().map(|device| (*device, *member)))
            .collect();
        pairs.sort_unstable();
        let (mut sharing, mut devices) = (Vec::new(), 0);
        for pairs in pairs.chunk_by(|a, b| a.0 == b.0).filter(|pairs| pairs.len() > 1) {
            sharing.extend(pairs.iter().map(|(_, member)| *member));
            devices += 1;
        }
        sharing.sort_unstable();
        sharing.dedup();
        (sharing.len(), devices)
    }
}

/// Whether an account was active for days, and only ever came from one address.
fn stays(account: &AccountFacts, policy: &RingPolicy, since: DateTime<Utc>) -> bool {
    if account.addresses.len() != 1 {
        return false;
    }
    let mut days: Vec<chrono::NaiveDate> = account.moments(since).map(|at| at.date_naive()).collect();
    if days.len() < policy.address_least_moments {
        return false;
    }
    days.sort_unstable();
    days.dedup();
    days.len() >= policy.address_least_days
}

/// A share in percent, of which four fifths are as good as all.
fn nearly_all(part: usize, of: usize) -> u32 {
    u32::try_from(part * 125 / of).unwrap_or(100).min(100)
}

/// New accounts of one address, by how many of them stay there and how large a part of all there they are.
pub(super) fn addresses(accounts: &[&AccountFacts], policy: &RingPolicy, now: DateTime<Utc>) -> Vec<Group> {
    let mut groups = Vec::new();
    let pairs = sightings(accounts, |account| &account.addresses);
    for pairs in pairs.chunk_by(|a, b| a.0 == b.0) {
        let all: Vec<usize> = pairs.iter().map(|(_, member)| *member).collect();
        let new = new_among(accounts, &all, policy, now);
        for members in created::runs(accounts, &new, policy.address_gap) {
            let weight = policy.address.of(members.len());
            if weight == 0 {
                continue;
            }
            let since = now - policy.looks_back;
            let stay = |member: &&usize| stays(accounts[**member], policy, since);
            let only_there = members.iter().filter(stay).count();
            let (created_from, created_to) = created::span(accounts, &members);
            let evidence = RingEvidence::SharedAddress {
                address: pairs[0].0.clone(),
                accounts: members.len(),
                only_there,
                all_there: all.len(),
                created_from,
                created_to,
            };
            // Half of them at home elsewhere leaves less than half of the conviction.
            let stay = nearly_all(only_there, members.len());
            let weight = weight * stay * stay / 10_000 * nearly_all(members.len(), all.len()) / 100;
            groups.push(Group::new(members, weight, evidence));
        }
    }
    groups
}
