//! What was found, beside what was planted.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use mission_core::{
    UserId,
    fraud::rings::{FraudRing, RingEvidence},
};

use crate::world::{Kind, World};

/// A part of a whole.
#[derive(Clone, Copy, Default)]
struct Share {
    part: usize,
    of: usize,
}

impl Share {
    fn is_at_least(self, percent: usize) -> bool {
        self.part * 100 >= self.of * percent
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = self.part as f64 / self.of.max(1) as f64;
        write!(f, "{share:.3} ({} of {})", self.part, self.of)
    }
}

/// Precision and recall, by account.
pub(crate) struct Measured {
    precision: Share,
    recall: Share,
    recall_of_kind: BTreeMap<Kind, Share>,
    /// Of rings with such evidence.
    precision_of_evidence: BTreeMap<&'static str, Share>,
}

impl Measured {
    pub(crate) fn of(world: &World, rings: &[FraudRing]) -> Self {
        let found: HashSet<UserId> = rings
            .iter()
            .flat_map(|ring| ring.members.iter().copied())
            .collect();
        let planted = |users: &mut dyn Iterator<Item = &UserId>| {
            users.fold(Share::default(), |share, user| Share {
                part: share.part + usize::from(world.kind_of.contains_key(user)),
                of: share.of + 1,
            })
        };
        let mut members_with: HashMap<&'static str, HashSet<UserId>> = HashMap::new();
        for ring in rings {
            for kind in ring.evidence.iter().map(RingEvidence::kind) {
                members_with.entry(kind).or_default().extend(&ring.members);
            }
        }
        let mut recall_of_kind: BTreeMap<Kind, Share> = BTreeMap::new();
        for (user, kind) in &world.kind_of {
            let share = recall_of_kind.entry(*kind).or_default();
            share.part += usize::from(found.contains(user));
            share.of += 1;
        }
        Measured {
            precision: planted(&mut found.iter()),
            recall: Share {
                part: recall_of_kind.values().map(|share| share.part).sum(),
                of: world.kind_of.len(),
            },
            recall_of_kind,
            precision_of_evidence: members_with
                .iter()
                .map(|(kind, members)| (*kind, planted(&mut members.iter())))
                .collect(),
        }
    }

    pub(crate) fn is_at_least(&self, percent: usize) -> bool {
        self.precision.is_at_least(percent) && self.recall.is_at_least(percent)
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, recall) in &self.recall_of_kind {
            writeln!(f, "recall of {:<24} {recall}", format!("{kind:?}").to_lowercase())?;
        }
        for (evidence, precision) in &self.precision_of_evidence {
            writeln!(f, "precision by {evidence:<21} {precision}")?;
        }
        writeln!(f, "precision                          {}", self.precision)?;
        write!(f, "recall                             {}", self.recall)
    }
}
