//! What is kept of people for a while, in memory alone.

use std::time::{Duration, Instant};

use mission_core::{UserId, ports::iam::Person};
use moka::sync::Cache;

/// How long somebody counts as known.
const FRESH: Duration = Duration::from_secs(300);
/// How long it counts as known that there is nobody.
const NOBODY_FRESH: Duration = Duration::from_secs(60);
/// How long an answer stands in for a service that is away, and an erased user is not asked about.
const KEPT: Duration = Duration::from_secs(3600);
/// People at most.
const MOST: u64 = 100_000;

#[derive(Clone)]
struct Entry {
    person: Option<Person>,
    at: Instant,
}

/// Cached answers of IAM about users.
pub(super) struct PeopleCache {
    known: Cache<UserId, Entry>,
    erased: Cache<UserId, ()>,
}

/// A cached answer, with its freshness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CachedPerson {
    /// This, and it is fresh.
    Fresh(Option<Person>),
    /// This, and it should be asked for again.
    Stale(Option<Person>),
    /// Nothing.
    Nothing,
}

impl PeopleCache {
    pub(super) fn new() -> Self {
        PeopleCache {
            known: Cache::builder().max_capacity(MOST).time_to_live(KEPT).build(),
            erased: Cache::builder().max_capacity(MOST).time_to_live(KEPT).build(),
        }
    }

    /// What is known of a user at an instant.
    pub(super) fn get(&self, user: UserId, now: Instant) -> CachedPerson {
        if self.erased.contains_key(&user) {
            return CachedPerson::Fresh(None);
        }
        let Some(entry) = self.known.get(&user) else {
            return CachedPerson::Nothing;
        };
        let life = if entry.person.is_some() {
            FRESH
        } else {
            NOBODY_FRESH
        };
        if now.saturating_duration_since(entry.at) < life {
            CachedPerson::Fresh(entry.person)
        } else {
            CachedPerson::Stale(entry.person)
        }
    }

    /// Keeps an answer, unless the user was erased meanwhile.
    pub(super) fn put(&self, user: UserId, person: Option<Person>, at: Instant) {
        self.known.insert(user, Entry { person, at });
        // Looked at afterwards, so that an erasure in between is seen by one of the two.
        if self.erased.contains_key(&user) {
            self.known.invalidate(&user);
        }
    }

    /// Lets go of an erased user.
    pub(super) fn forget(&self, user: UserId) {
        self.erased.insert(user, ());
        self.known.invalidate(&user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anna() -> Option<Person> {
        Some(Person {
            display_name: Some("Anna".to_owned()),
            avatar_url: None,
        })
    }

    #[test]
    fn answers_grow_stale_those_about_nobody_sooner() {
        let (people, now) = (PeopleCache::new(), Instant::now());
        let [known, unknown, other] = [1, 2, 3].map(|id| UserId(uuid::Uuid::from_u128(id)));
        people.put(known, anna(), now);
        people.put(unknown, None, now);
        assert_eq!(people.get(known, now), CachedPerson::Fresh(anna()));
        assert_eq!(people.get(unknown, now), CachedPerson::Fresh(None));
        assert_eq!(people.get(other, now), CachedPerson::Nothing);
        let later = now + NOBODY_FRESH;
        assert_eq!(people.get(known, later), CachedPerson::Fresh(anna()));
        assert_eq!(people.get(unknown, later), CachedPerson::Stale(None));
        assert_eq!(people.get(known, now + FRESH), CachedPerson::Stale(anna()));
    }

    #[test]
    fn an_answer_that_comes_after_the_erasure_is_not_kept() {
        let (people, now) = (PeopleCache::new(), Instant::now());
        let user = UserId(uuid::Uuid::from_u128(1));
        people.put(user, anna(), now);
        people.forget(user);
        assert_eq!(people.get(user, now), CachedPerson::Fresh(None));
        people.put(user, anna(), now);
        assert_eq!(people.get(user, now), CachedPerson::Fresh(None));
        assert!(!people.known.contains_key(&user));
    }
}
