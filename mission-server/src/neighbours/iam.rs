//! Who users are, by the IAM service: asked for in batches, kept for a while, and shown from memory while it is away.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use mission_core::{
    UserId,
    ports::iam::{Iam, IamError, Person},
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    Call, CallError, Client, RetryPolicy,
    call::CallOrigin,
    loader::Loader,
    people_cache::{CachedPerson, PeopleCache},
};

/// The calls of the service. What they answer is kept.
pub(super) struct Directory {
    client: Arc<Client>,
    people: Arc<PeopleCache>,
}

/// A user in the service's words. E-mail address and the rest are not even read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: UserId,
    display_name: Option<String>,
    avatar_url: Option<String>,
}

#[derive(Deserialize)]
struct Users {
    users: Vec<User>,
}

#[derive(Serialize)]
struct Ids<'i> {
    ids: &'i [UserId],
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        let is_web = |url: &String| Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        Person {
            display_name: user.display_name.as_deref().and_then(Person::name_of),
            avatar_url: user.avatar_url.filter(is_web),
        }
    }
}

fn unavailable(error: &CallError) -> IamError {
    IamError {
        reason: error.to_string(),
    }
}

impl Directory {
    /// GetUsersByIds, for at most 200.
    pub(super) async fn people(
        &self,
        users: &[UserId],
        origin: CallOrigin,
    ) -> Result<BTreeMap<UserId, Person>, IamError> {
        let path = ["api", "v1", "users", "batch"];
        let body = Ids { ids: users };
        let call = Call::post("/users/batch", path, &body, RetryPolicy::Safe).map_err(|error| IamError {
            reason: error.to_string(),
        })?;
        let call = call.of(origin);
        let answer: Users = self
            .client
            .json(&call)
            .await
            .map_err(|error| unavailable(&error))?;
        let answered = answer.users.into_iter().map(|user| (user.id, user.into()));
        let mut found: BTreeMap<UserId, Person> = answered.collect();
        found.retain(|user, _| users.contains(user));
        let now = Instant::now();
        for user in users {
            self.people.put(*user, found.get(user).cloned(), now);
        }
        Ok(found)
    }

    /// GetUserInfo.
    async fn person(&self, user: UserId, origin: CallOrigin) -> Result<Option<Person>, IamError> {
        let path = [
            "api".to_owned(),
            "v1".to_owned(),
            "users".to_owned(),
            user.to_string(),
        ];
        let call = Call::get("/users/{id}", path).of(origin);
        let person = match self.client.json::<User>(&call).await {
            Ok(answer) => Some(Person::from(answer)),
            Err(CallError::Status { status: 404, .. }) => None,
            Err(error) => return Err(unavailable(&error)),
        };
        self.people.put(user, person.clone(), Instant::now());
        Ok(person)
    }
}

/// The IAM service.
pub struct IamClient {
    directory: Arc<Directory>,
    pub(super) people: Arc<PeopleCache>,
    loader: Loader,
}

impl IamClient {
    /// The service behind a client. Must be called within a Tokio runtime.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        let people = Arc::new(PeopleCache::new());
        let directory = Arc::new(Directory {
            client,
            people: Arc::clone(&people),
        });
        IamClient {
            loader: Loader::start(Arc::clone(&directory), Arc::clone(&people)),
            directory,
            people,
        }
    }
}

#[async_trait]
impl Iam for IamClient {
    async fn person(&self, user: UserId, wait: Duration) -> Result<Option<Person>, IamError> {
        let known = self.people.get(user, Instant::now());
        if let CachedPerson::Fresh(person) = known {
            return Ok(person);
        }
        let (directory, origin) = (Arc::clone(&self.directory), CallOrigin::current());
        // A task of its own, so that a late answer is kept, and a failure is counted.
        let asking = tokio::spawn(async move { directory.person(user, origin).await });
        let answer = match tokio::time::timeout(wait, asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(IamError {
                reason: "the server is stopping".to_owned(),
            }),
            Err(_) => Err(unavailable(&CallError::TimedOut)),
        };
        match (answer, known) {
            (Err(_), CachedPerson::Stale(person)) => Ok(person),
            (answer, _) => answer,
        }
    }

    async fn people(&self, users: &[UserId], wait: Duration) -> BTreeMap<UserId, Person> {
        let now = Instant::now();
        let (mut found, mut stale, mut missing) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for user in users {
            match self.people.get(*user, now) {
                CachedPerson::Fresh(person) => found.extend(person.map(|person| (*user, person))),
                CachedPerson::Stale(person) => {
                    stale.extend(person.map(|person| (*user, person)));
                    missing.push(*user);
                }
                CachedPerson::Nothing => missing.push(*user),
            }
        }
        if missing.is_empty() {
            return found;
        }
        match tokio::time::timeout(wait, self.loader.load(missing.clone())).await {
            Ok(Ok(answer)) => {
                let answered = missing.iter().filter_map(|user| answer.get_key_value(user));
                found.extend(answered.map(|(user, person)| (*user, person.clone())));
            }
            // Away or slow: what was known before stands in.
            Ok(Err(_)) | Err(_) => found.extend(stale),
        }
        // Somebody may have been erased while the service was asked.
        found.retain(|user, _| self.people.get(*user, now) != CachedPerson::Fresh(None));
        found
    }

    fn forget(&self, user: UserId) {
        self.people.forget(user);
    }
}
