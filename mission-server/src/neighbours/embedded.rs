//! What stands in for services that are not configured: names that `UserRegisteredEvent` told, and friendships that
//! activity events told. Both are in the database and go with an erasure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use mission_core::{
    UserId,
    engine::ReadSet,
    ports::{
        iam::{Iam, IamError, Person},
        queries::Queries,
        social::{MOST_FRIENDS, Social, SocialError},
        store::Store,
    },
};

/// Names that were told when users were registered.
pub(super) struct StoredPeople(pub(super) Arc<dyn Store>);

impl StoredPeople {
    async fn load(&self, users: &[UserId], wait: Duration) -> Result<BTreeMap<UserId, Person>, IamError> {
        let mut keys = ReadSet::default();
        keys.records.user = BTreeSet::from_iter(users.iter().copied());
        let away = |reason: String| IamError { reason };
        let facts = tokio::time::timeout(wait, self.0.load(&keys)).await;
        let facts = facts.map_err(|_| away("the database is slow".to_owned()))?;
        let facts = facts.map_err(|error| away(error.to_string()))?;
        let users = facts.records.user.into_values().flatten();
        let named = users.filter_map(|user| {
            let display_name = Some(user.display_name?);
            let avatar_url = None;
            Some((
                user.id,
                Person {
                    display_name,
                    avatar_url,
                },
            ))
        });
        Ok(named.collect())
    }
}

#[async_trait]
impl Iam for StoredPeople {
    async fn person(&self, user: UserId, wait: Duration) -> Result<Option<Person>, IamError> {
        Ok(self.load(&[user], wait).await?.remove(&user))
    }

    async fn people(&self, users: &[UserId], wait: Duration) -> BTreeMap<UserId, Person> {
        self.load(users, wait).await.unwrap_or_default()
    }

    /// Nothing is kept beside the database.
    fn forget(&self, _: UserId) {}
}

/// Friendships that activity events told.
pub(super) struct StoredFriends(pub(super) Arc<dyn Queries>);

#[async_trait]
impl Social for StoredFriends {
    async fn friends(&self, user: UserId) -> Result<Arc<[UserId]>, SocialError> {
        let friends = self.0.friends(user, MOST_FRIENDS).await;
        friends.map(Arc::from).map_err(|error| SocialError {
            reason: error.to_string(),
        })
    }

    /// Nothing is kept beside the database.
    fn forget(&self, _: UserId) {}
}
