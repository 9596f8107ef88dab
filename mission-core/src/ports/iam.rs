//! Who users are: names and pictures, which another service keeps. The engine decides nothing by them.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;

use crate::UserId;

/// The public profile of a user. Personal data: it is shown and forgotten, never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The name that others see; at most 200 characters.
    pub display_name: Option<String>,
    /// The address of a picture, `http` or `https`.
    pub avatar_url: Option<String>,
}

impl Person {
    /// A name as it is shown: trimmed, and cut at 200 characters. `None` where nothing is left.
    #[must_use]
    pub fn name_of(text: &str) -> Option<String> {
        let name: String = text.trim().chars().take(200).collect();
        Some(name).filter(|name| !name.is_empty())
    }
}

/// Nobody can be asked about a user at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not known at the moment who the user is: {reason}")]
pub struct IamError {
    /// Why, for the log.
    pub reason: String,
}

/// Knows who users are.
///
/// ```
/// use std::{collections::BTreeMap, time::Duration};
/// use mission_core::{UserId, ports::iam::{Iam, IamError, Person}};
///
/// /// Everybody is called by their id.
/// struct Ids;
///
/// #[async_trait::async_trait]
/// impl Iam for Ids {
///     async fn person(&self, user: UserId, _: Duration) -> Result<Option<Person>, IamError> {
///         let display_name = Some(user.to_string());
///         Ok(Some(Person { display_name, avatar_url: None }))
///     }
///
///     async fn people(&self, users: &[UserId], wait: Duration) -> BTreeMap<UserId, Person> {
///         let mut found = BTreeMap::new();
///         for user in users {
///             found.extend(self.person(*user, wait).await.ok().flatten().map(|person| (*user, person)));
///         }
///         found
///     }
///
///     fn forget(&self, _: UserId) {}
/// }
///
/// let anna = UserId(uuid::uuid!("0190163d-8694-739b-aea5-966c26f8ad91"));
/// let people = pollster::block_on(Ids.people(&[anna], Duration::from_millis(300)));
/// assert_eq!(people[&anna].display_name.as_deref(), Some("0190163d-8694-739b-aea5-966c26f8ad91"));
/// ```
#[async_trait]
pub trait Iam: Send + Sync {
    /// One user; `None` where the service knows nobody of that id. What was known before stands in for an answer that
    /// takes longer than `wait`.
    ///
    /// # Errors
    /// When the service is away, or slower than `wait`, and nothing was known before.
    async fn person(&self, user: UserId, wait: Duration) -> Result<Option<Person>, IamError>;

    /// Some users, any number. Whoever is unknown, or cannot be asked about within `wait`, is left out.
    async fn people(&self, users: &[UserId], wait: Duration) -> BTreeMap<UserId, Person>;

    /// Lets go of everything that is kept of a user, and asks about them no more for a while: they were erased.
    fn forget(&self, user: UserId);
}
