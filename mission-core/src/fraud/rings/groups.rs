//! Groups of accounts that share something, and what else their members share.

use chrono::{DateTime, Duration, Utc};

use super::{
    AccountFacts, RingEvidence, RingPolicy, created, midnight::Midnight, referrals, sharing, timing,
};

/// Evidence, and how far it convinces, in percent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Weighed {
    pub(super) weight: u32,
    pub(super) evidence: RingEvidence,
}

/// Accounts, by their index among all, and what they share.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Sorted; never empty.
    pub(super) members: Vec<usize>,
    pub(super) evidence: Vec<Weighed>,
}

impl Group {
    pub(super) fn new(members: Vec<usize>, weight: u32, evidence: RingEvidence) -> Self {
        Group {
            members,
            evidence: vec![Weighed { weight, evidence }],
        }
    }

    pub(super) fn note(&mut self, weight: u32, evidence: RingEvidence) {
        self.evidence.push(Weighed { weight, evidence });
    }

    pub(super) fn add(&mut self, other: Group) {
        self.members.extend(other.members);
        self.members.sort_unstable();
        self.members.dedup();
        self.evidence.extend(other.evidence);
    }

    /// How convincing all of it is, in percent: each piece leaves its share of the doubt that the others left.
    pub(super) fn score(&self) -> u32 {
        const ALL: u32 = 1_000_000;
        let doubt = self.evidence.iter().fold(ALL, |doubt, weighed| {
            doubt / 100 * (100 - weighed.weight.min(100))
        });
        99.min((ALL - doubt) / (ALL / 100))
    }
}

/// What each account shares with others, whoever they are.
pub(super) struct Sharing {
    devices: sharing::Devices,
    timing: timing::Timing,
    midnight: Midnight,
}

impl Sharing {
    pub(super) fn of(accounts: &[&AccountFacts], policy: &RingPolicy, now: DateTime<Utc>) -> Self {
        Sharing {
            devices: sharing::Devices::of(accounts),
            timing: timing::Timing::of(accounts, policy, now),
            midnight: Midnight::of(accounts, policy, now),
        }
    }

    /// Every group that shares something, with all that it shares.
    pub(super) fn groups(
        &self,
        accounts: &[&AccountFacts],
        policy: &RingPolicy,
        now: DateTime<Utc>,
    ) -> Vec<Group> {
        let mut groups = Vec::new();
        for mut group in self.devices.groups(accounts, policy, now) {
            self.note_timing(&mut group, policy);
            self.note_midnight(&mut group, policy);
            groups.push(group);
        }
        for mut group in sharing::addresses(accounts, policy, now) {
            self.note_devices(&mut group, policy);
            self.note_timing(&mut group, policy);
            self.note_midnight(&mut group, policy);
            groups.push(group);
        }
        for mut group in self.timing.groups(policy) {
            self.note_devices(&mut group, policy);
            self.note_midnight(&mut group, policy);
            note_creation(&mut group, accounts, policy);
            groups.push(group);
        }
        for mut group in referrals::cycles(accounts, policy) {
            self.note_devices(&mut group, policy);
            self.note_timing(&mut group, policy);
            self.note_midnight(&mut group, policy);
            note_creation(&mut group, accounts, policy);
            groups.push(group);
        }
        for mut group in self.midnight.groups(accounts, policy) {
            self.note_devices(&mut group, policy);
            self.note_timing(&mut group, policy);
            groups.push(group);
        }
        groups
    }

    fn note_devices(&self, group: &mut Group, policy: &RingPolicy) {
        let (accounts, devices) = self.devices.among(&group.members);
        let weight = policy.devices_among.of(accounts);
        if weight > 0 && accounts * 2 >= group.members.len() {
            group.note(weight, RingEvidence::FewDevices { accounts, devices });
        }
    }

    fn note_timing(&self, group: &mut Group, policy: &RingPolicy) {
        if let Some((accounts, evidence)) = self.timing.among(&group.members) {
            group.note(policy.timing.of(accounts), evidence);
        }
    }

    fn note_midnight(&self, group: &mut Group, policy: &RingPolicy) {
        let members = self.midnight.among(&group.members);
        let weight = policy.midnight_among.of(members.len());
        if weight > 0 && members.len() * 2 >= group.members.len() {
            group.note(weight, self.midnight.evidence(&members, policy));
        }
    }
}

/// Nearly all of them were made within days.
fn note_creation(group: &mut Group, accounts: &[&AccountFacts], policy: &RingPolicy) {
    let runs = created::runs(accounts, &group.members, Duration::days(1));
    let Some(longest) = runs.into_iter().max_by_key(Vec::len) else {
        return;
    };
    if longest.len() >= 3 && longest.len() * 5 >= group.members.len() * 4 {
        let (created_from, created_to) = created::span(accounts, &longest);
        let evidence = RingEvidence::CreatedTogether {
            accounts: longest.len(),
            created_from,
            created_to,
        };
        group.note(policy.created_together, evidence);
    }
}
