//! What the load has done so far, and what it goes on with.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use fastrand::Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Done;

/// The type of the activity events that are counted.
pub(crate) const STEP: &str = "chaos.step";
/// The source that a bare payload has.
pub(crate) const BARE_SOURCE: &str = "activity.events";

/// The missions that users take part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Without anything special.
    Plain,
    /// With evidence.
    Proof,
    /// With a budget that runs out.
    Scarce,
}

/// An activity event that moves the counting mission of a user by one, however often it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The CloudEvent's source.
    pub(crate) source: &'static str,
    /// Its id.
    pub(crate) id: Uuid,
    /// Whose it is.
    pub(crate) user: Uuid,
    /// Whether the broker was given it.
    pub(crate) by_broker: bool,
}

impl Step {
    /// The event in structured mode.
    pub(crate) fn envelope(&self) -> Value {
        json!({
            "specversion": "1.0", "id": self.id, "source": self.source, "type": STEP, "subject": self.user,
            "data": {"userId": self.user},
        })
    }
}

/// Everything that is known of the run.
#[derive(Default)]
pub(crate) struct State {
    /// Users who stay.
    pub(crate) steady: Vec<Uuid>,
    /// Users who may be erased, each replaced by a new one then.
    pub(crate) fleeting: Vec<Uuid>,
    /// Users whose erasure was asked for.
    pub(crate) erased: BTreeSet<Uuid>,
    /// Users whose registration was told.
    pub(crate) registered: BTreeSet<Uuid>,
    /// The missions that users take part in.
    pub(crate) missions: BTreeMap<Kind, String>,
    /// The mission that counts steps.
    pub(crate) counting: String,
    /// Missions that operators have made meanwhile: ids and codes.
    pub(crate) authored: Vec<(String, String)>,
    /// Tasks that were left, each with its user.
    pub(crate) tasks: Vec<(Uuid, String, Kind)>,
    /// Rewards that were claimed, each with its user.
    pub(crate) rewards: Vec<(Uuid, String)>,
    /// Every command that was answered.
    pub(crate) done: Vec<Done>,
    /// Every step that was sent.
    pub(crate) steps: Vec<Step>,
    /// Who was invited by whom.
    pub(crate) invitees: BTreeMap<Uuid, Uuid>,
    /// What marks each message that nobody can read.
    pub(crate) poison: BTreeSet<String>,
    /// How many messages were published, duplicates included.
    pub(crate) published: u64,
    /// How many of them were duplicates.
    pub(crate) duplicates: u64,
}

impl State {
    /// Any user.
    pub(crate) fn user(&self, random: &mut Rng) -> Uuid {
        let all = self.steady.len() + self.fleeting.len();
        let place = random.usize(..all.max(1));
        let found = self.steady.iter().chain(&self.fleeting).nth(place);
        found.copied().unwrap_or_default()
    }

    /// A user who is to be erased now; another one takes the place.
    pub(crate) fn leave(&mut self, random: &mut Rng) -> Option<Uuid> {
        let place = random.usize(..self.fleeting.len().max(1));
        let slot = self.fleeting.get_mut(place)?;
        let user = std::mem::replace(slot, id(random));
        self.erased.insert(user);
        Some(user)
    }

    /// That a message was published so many times.
    pub(crate) fn note_published(&mut self, times: u32) {
        self.published += u64::from(times);
        self.duplicates += u64::from(times.saturating_sub(1));
    }

    /// A step of some user: a new one, or one that was sent before.
    pub(crate) fn step(&mut self, random: &mut Rng, by_broker: bool) -> Step {
        let old = random.f64() < 0.25;
        let place = random.usize(..self.steps.len().max(1));
        if old && let Some(step) = self.steps.get_mut(place) {
            step.by_broker |= by_broker;
            self.duplicates += 1;
            return step.clone();
        }
        let step = Step {
            source: if random.bool() { BARE_SOURCE } else { "/chaos" },
            id: id(random),
            user: self.user(random),
            by_broker,
        };
        self.steps.push(step.clone());
        step
    }
}

/// The state, shared.
pub(crate) struct LoadState(Mutex<State>);

impl LoadState {
    /// With so many users, of whom some may be erased.
    pub(crate) fn new(random: &mut Rng, users: usize) -> Self {
        let fleeting = users / 4;
        LoadState(Mutex::new(State {
            steady: (fleeting..users).map(|_| id(random)).collect(),
            fleeting: (0..fleeting).map(|_| id(random)).collect(),
            ..State::default()
        }))
    }

    /// The state; it must not be held over an await.
    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An id out of the seed.
pub(crate) fn id(random: &mut Rng) -> Uuid {
    uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid()
}
