//! Where points come from: by mission, out of check-ins, and by day.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use mission_core::{
    MissionId,
    engine::{Catalog, OutboundEvent, WriteSet},
    event::IntegrationEvent,
    mission::MissionCode,
    points::exact,
};
use rust_decimal::Decimal;
use serde::Serialize;

/// What was granted, less what was taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Earned {
    /// How many rewards were granted; one that is taken back later still counts.
    pub grants: u64,
    /// Their points, bonuses included, less those of rewards that were taken back.
    #[serde(with = "exact")]
    pub points: Decimal,
}

impl Earned {
    pub(super) fn add(&mut self, more: Earned) {
        self.grants += more.grants;
        self.points += more.points;
    }
}

/// All that was earned, by where it came from, and by when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earnings {
    /// By mission.
    pub missions: BTreeMap<MissionCode, Earned>,
    /// Out of check-ins, milestones and monthly rewards.
    pub check_ins: Earned,
    /// By the day in UTC on which it was granted or taken back.
    pub days: BTreeMap<NaiveDate, Earned>,
}

/// What a part of a replay has earned so far.
#[derive(Debug, Default)]
pub(super) struct EarningsSoFar {
    sources: HashMap<Option<MissionId>, Earned>,
    days: HashMap<NaiveDate, Earned>,
}

impl EarningsSoFar {
    /// Takes in what a decision at a moment granted and took back, and gives the number of grants.
    pub(super) fn note(&mut self, at: DateTime<Utc>, events: &[OutboundEvent], written: &WriteSet) -> u64 {
        let mut grants = 0;
        for event in events {
            let (key, earned) = match &event.event {
                IntegrationEvent::RewardClaimed(claimed) => (
                    (claimed.user_id, claimed.reward_id),
                    Earned {
                        grants: 1,
                        points: claimed.total_points,
                    },
                ),
                IntegrationEvent::RewardRevoked(revoked) => (
                    (revoked.user_id, revoked.reward_id),
                    Earned {
                        grants: 0,
                        points: -revoked.total_points,
                    },
                ),
                _ => continue,
            };
            let reward = written.writes.reward.get(&key).and_then(Option::as_ref);
            let source = reward.and_then(|reward| reward.mission_id);
            self.sources.entry(source).or_default().add(earned);
            self.days.entry(at.date_naive()).or_default().add(earned);
            grants += earned.grants;
        }
        grants
    }
}

impl Earnings {
    pub(super) fn take_in(&mut self, part: &EarningsSoFar, catalog: &Catalog) {
        for (source, earned) in &part.sources {
            let mission = source.and_then(|id| catalog.mission(id));
            let sum = match mission {
                Some(listed) => {
                    let code = listed.mission.definition.code.clone();
                    self.missions.entry(code).or_default()
                }
                None => &mut self.check_ins,
            };
            sum.add(*earned);
        }
        for (day, earned) in &part.days {
            self.days.entry(*day).or_default().add(*earned);
        }
    }
}
