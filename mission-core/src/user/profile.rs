//! A user's record: who they are, where their days begin, and what they have.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Boost, CappedPoints, InviteCode};
use crate::{
    FraudRingId, TaskId, UserId,
    check_in::{CheckInPolicy, CheckInState, PastStreak, Streak, Zone, ZoneHistory},
    fraud::{AddressHash, DeviceHash, KnownAddress, KnownDevice, RecentActions},
    ports::rules::UserContext,
    reward::Reward,
    task::UploadCount,
};

/// The record of a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// When the engine first heard of the user.
    pub first_seen_at: DateTime<Utc>,
    /// When the user last did something of their own, to the second.
    #[serde(
        default,
        rename = "seen",
        skip_serializing_if = "Option::is_none",
        with = "chrono::serde::ts_seconds_option"
    )]
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When the identity service says that the user came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<DateTime<Utc>>,
    /// The name that others see, where no other service keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the identity service says of the user.
    #[serde(default, skip_serializing_if = "Description::is_empty")]
    pub description: Description,
    /// The user's zone, once one was named or a day was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zones: Option<ZoneHistory>,
    /// Whether something has been counted by the zone, so that a change of it must wait for the day's end.
    pub zone_in_use: bool,
    /// Experience out of claimed rewards.
    pub experience: u64,
    /// Badges out of claimed rewards, in the order in which they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub badges: Vec<String>,
    /// How many more claimed rewards gave a badge that the user had already: it is lost with the last of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repeated_badges: BTreeMap<String, u32>,
    /// Mining boosts out of claimed rewards, but for those that had ended when the last one came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boosts: Vec<Boost>,
    /// The sum of claimed rewards, less the revoked.
    #[serde(with = "crate::points::exact")]
    pub points: Decimal,
    /// What was earned under caps lately.
    #[serde(default, skip_serializing_if = "CappedPoints::is_empty")]
    pub capped: CappedPoints,
    /// The check-ins.
    pub check_in: CheckInState,
    /// How they stood before the latest ones, in order of time, as far back as events may be late.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check_in_before: Vec<PastStreak>,
    /// Devices that the user came with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<KnownDevice>,
    /// Addresses that the user came from, where somebody asks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<KnownAddress>,
    /// When the user acted lately, where somebody asks for it.
    #[serde(default, skip_serializing_if = "RecentActions::is_empty")]
    pub recent_actions: RecentActions,
    /// The one invite code that the user has shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_with: Option<InviteUse>,
    /// Further invite codes that lead to the user, besides [`InviteCode::of`], as paid referrals told of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invite_codes: Vec<InviteCode>,
    /// How many files the user has uploaded lately.
    #[serde(default, skip_serializing_if = "UploadCount::is_none")]
    pub uploads: UploadCount,
    /// The rings as whose member an operator holds the user.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub held_for: BTreeSet<FraudRingId>,
    /// When an operator banned the user; the tag `banned` among the tags follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned_at: Option<DateTime<Utc>>,
    /// When the user was erased; nothing else is left then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
}

/// The attributes of a user as the identity service or an operator sets them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The level, if it was named; see [`LevelTable`] for one that follows from experience.
    pub level: Option<u32>,
    /// ISO 3166 country code.
    pub country: Option<String>,
    /// Tags such as `vip` or `banned`.
    pub tags: Vec<String>,
    /// Anything else that rules may read.
    pub attributes: Map<String, Value>,
}

impl Description {
    fn is_empty(&self) -> bool {
        *self == Description::default()
    }
}

/// The invite code that a user has shown, and for which task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteUse {
    /// Whose code it is.
    pub code: InviteCode,
    /// The task for which it counts.
    pub task: TaskId,
}

impl User {
    /// A user of whom nothing is known.
    #[must_use]
    pub fn new(id: UserId, now: DateTime<Utc>) -> Self {
        User {
            id,
            first_seen_at: now,
            last_seen_at: None,
            registered_at: None,
            description: Description::default(),
            zones: None,
            display_name: None,
            zone_in_use: false,
            experience: 0,
            badges: Vec::new(),
            boosts: Vec::new(),
            repeated_badges: BTreeMap::new(),
            points: Decimal::ZERO,
            capped: CappedPoints::default(),
            check_in: CheckInState::default(),
            check_in_before: Vec::new(),
            devices: Vec::new(),
            addresses: Vec::new(),
            recent_actions: RecentActions::default(),
            invited_with: None,
            invite_codes: Vec::new(),
            uploads: UploadCount::default(),
            held_for: BTreeSet::new(),
            banned_at: None,
            erased_at: None,
        }
    }

    /// What is left of a user who was erased: an id that stays taken.
    #[must_use]
    pub fn tombstone(id: UserId, now: DateTime<Utc>) -> Self {
        User {
            erased_at: Some(now),
            ..User::new(id, now)
        }
    }

    /// Whether the user was erased.
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// The user after a wish for another zone. Until something was counted by the old one it holds at once,
    /// then only after the current day has ended in both.
    #[must_use]
    pub fn asking_for_zone(mut self, wanted: Option<Zone>, now: DateTime<Utc>) -> Self {
        if let Some(wanted) = wanted {
            self.zones = Some(match self.zones {
                Some(line) if self.zone_in_use => line.with_zone(wanted, now),
                _ => ZoneHistory::new(wanted),
            });
        }
        self
    }

    /// The user's zones, or the policy's default.
    #[must_use]
    pub fn zone_history(&self, default: Zone) -> ZoneHistory {
        self.zones.clone().unwrap_or_else(|| ZoneHistory::new(default))
    }

    /// The zone that holds at an instant.
    #[must_use]
    pub fn zone_at(&self, at: DateTime<Utc>, default: Zone) -> Zone {
        self.zones.as_ref().map_or(default, |line| line.at(at))
    }

    /// Writes down that a day was counted in the zone that holds now.
    pub(crate) fn count_by_zone(&mut self, default: Zone) {
        self.zone_in_use = true;
        self.zones.get_or_insert_with(|| ZoneHistory::new(default));
    }

    /// The level: what was said of the user, or what experience gives, whichever is higher; 1 at least.
    #[must_use]
    pub fn level(&self, levels: &LevelTable) -> u32 {
        self.description
            .level
            .unwrap_or(1)
            .max(levels.level(self.experience))
    }

    /// The streak as it stands at an instant: its current length is 0 once it can no longer be continued.
    #[must_use]
    pub fn streak_at(&self, at: DateTime<Utc>, policy: &CheckInPolicy) -> Streak {
        let zones = self.zone_history(policy.default_zone());
        let date = zones.at(at).date(at);
        let past = self.past_streak(at).map(PastStreak::state);
        let standing = past.as_ref().unwrap_or(&self.check_in);
        Streak {
            current: standing.streak_on(date, &zones, policy),
            ..standing.streak
        }
    }

    /// The local date of the last check-in before an instant.
    #[must_use]
    pub fn last_check_in_at(&self, at: DateTime<Utc>) -> Option<NaiveDate> {
        let past = self.past_streak(at).map(PastStreak::state);
        past.as_ref().unwrap_or(&self.check_in).last_date
    }

    /// How the streak stood at an instant before the last check-in: only a late event asks for one.
    fn past_streak(&self, at: DateTime<Utc>) -> Option<&PastStreak> {
        let before = self.check_in_before.partition_point(|before| before.until <= at);
        self.check_in_before.get(before)
    }

    /// Whole days at an instant since the user last did something; `None` for one who never did.
    #[must_use]
    pub fn days_away_at(&self, at: DateTime<Utc>) -> Option<u32> {
        let days = (at - self.last_seen_at?).num_days();
        Some(u32::try_from(days).unwrap_or(0))
    }

    /// Takes in the state after a check-in, and keeps the one before it for events that are told late.
    pub(crate) fn checked_in(
        &mut self,
        state: CheckInState,
        now: DateTime<Utc>,
        forget_before: DateTime<Utc>,
    ) {
        self.check_in_before
            .retain(|before| before.until >= forget_before);
        self.check_in_before.push(PastStreak::new(&self.check_in, now));
        self.check_in = state;
    }

    /// What rules may read.
    #[must_use]
    pub fn rule_context(&self, levels: &LevelTable) -> UserContext<'_> {
        UserContext {
            id: self.id,
            level: self.level(levels),
            experience: self.experience,
            tags: &self.description.tags,
            country: self.description.country.as_deref(),
            attributes: &self.description.attributes,
            registered_at: self.registered_at,
            badges: &self.badges,
            last_seen_at: self.last_seen_at,
            days_away: None,
        }
    }

    /// Takes what a granted reward holds. [`User::give_back`] is its inverse.
    pub(crate) fn receive(&mut self, granted: &Reward) {
        self.points += granted.amount.total();
        self.experience = self
            .experience
            .saturating_add(u64::from(granted.experience_points));
        if let Some(badge) = &granted.badge_id {
            if self.badges.contains(badge) {
                *self.repeated_badges.entry(badge.clone()).or_default() += 1;
            } else {
                self.badges.push(badge.clone());
            }
        }
    }

    /// Gives back what a granted reward held.
    pub(crate) fn give_back(&mut self, revoked: &Reward) {
        self.points -= revoked.amount.total();
        self.experience = self
            .experience
            .saturating_sub(u64::from(revoked.experience_points));
        self.boosts.retain(|boost| boost.reward_id != revoked.id);
        let Some(badge) = &revoked.badge_id else { return };
        match self.repeated_badges.get_mut(badge) {
            Some(1) => drop(self.repeated_badges.remove(badge)),
            Some(more) => *more -= 1,
            None => self.badges.retain(|held| held != badge),
        }
    }

    /// Notes a device; the user's first one is trusted. True where that changed anything worth a write.
    pub(crate) fn record_device(&mut self, device: &DeviceHash, now: DateTime<Utc>) -> bool {
        let first = self.devices.is_empty();
        match self.devices.iter_mut().find(|known| known.device == *device) {
            Some(known) if now - known.last_seen_at < chrono::Duration::days(1) => false,
            Some(known) => {
                known.last_seen_at = now;
                true
            }
            None => {
                let known = KnownDevice {
                    device: device.clone(),
                    trusted: first,
                    first_seen_at: now,
                    last_seen_at: now,
                };
                self.devices.push(known);
                forget_oldest_untrusted(&mut self.devices);
                true
            }
        }
    }

    /// Notes an address. True where that changed anything worth a write.
    pub(crate) fn record_address(&mut self, address: &AddressHash, now: DateTime<Utc>) -> bool {
        let known = self.addresses.iter_mut().find(|known| known.address == *address);
        match known {
            Some(known) if now - known.last_seen_at < chrono::Duration::days(1) => return false,
            Some(known) => known.last_seen_at = now,
            None => self.addresses.push(KnownAddress {
                address: address.clone(),
                first_seen_at: now,
                last_seen_at: now,
            }),
        }
        if self.addresses.len() > MOST_ADDRESSES {
            self.addresses.sort_by_key(|known| known.last_seen_at);
            self.addresses.remove(0);
        }
        true
    }

    pub(crate) fn trust_device(&mut self, device: &DeviceHash) {
        for known in self.devices.iter_mut().filter(|known| known.device == *device) {
            known.trusted = true;
        }
    }
}

/// The latest ones: a phone that moves about comes from many.
const MOST_ADDRESSES: usize = 8;

/// More devices than one person has: beyond it the least recent ones go, so that a record stays small.
const MOST_DEVICES: usize = 32;

fn forget_oldest_untrusted(devices: &mut Vec<KnownDevice>) {
    if devices.len() > MOST_DEVICES {
        let newest = devices.len() - 1;
        let oldest = (0..newest).min_by_key(|&n| (devices[n].trusted, devices[n].last_seen_at));
        if let Some(oldest) = oldest {
            devices.remove(oldest);
        }
    }
}

/// The experience at which each level begins (`levels` of `pack.toml`); empty where levels do not follow from it.
///
/// ```
/// use mission_core::user::LevelTable;
/// let levels = LevelTable::try_from(vec![0, 100, 250])?;
/// assert_eq!((levels.level(99), levels.level(100), levels.level(1_000)), (1, 2, 3));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub struct LevelTable(Vec<u64>);

impl LevelTable {
    /// The level that so much experience gives; 1 at least.
    #[must_use]
    pub fn level(&self, experience: u64) -> u32 {
        let reached = self.0.partition_point(|&start| start <= experience);
        u32::try_from(reached).unwrap_or(u32::MAX).max(1)
    }
}

impl TryFrom<Vec<u64>> for LevelTable {
    type Error = String;
    fn try_from(starts: Vec<u64>) -> Result<Self, Self::Error> {
        if starts.first().is_some_and(|&first| first != 0) {
            Err("`levels` must start at 0, the experience of level 1".to_owned())
        } else if !starts.is_sorted_by(|a, b| a < b) {
            Err("`levels` must rise: each number is the experience at which the next level begins".to_owned())
        } else {
            Ok(LevelTable(starts))
        }
    }
}

impl From<LevelTable> for Vec<u64> {
    fn from(levels: LevelTable) -> Self {
        levels.0
    }
}
