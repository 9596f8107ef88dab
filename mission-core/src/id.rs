//! Identifiers: one newtype a thing, so that a task's id can never stand where a reward's belongs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )* };
}

ids! {
    /// A user, as the identity provider names them (`sub` of a token).
    UserId,
    /// A mission.
    MissionId,
    /// One user's attempt at one mission.
    TaskId,
    /// A reward; the *grant id* under which a wallet books it.
    RewardId,
    /// A flagged command that waits for a person.
    ReviewId,
    /// Accounts that one person seems to run.
    FraudRingId,
    /// One user's visit on one local day.
    CheckInDayId,
    /// A pack that the server holds.
    PackId,
    /// One command, stable over its retries; every id that the command makes is derived from it.
    CommandId,
    /// An integration event, stable over redelivery.
    EventId,
    /// A file that a user uploaded.
    FileId,
}

impl UserId {
    /// The id of a user whom another system names by something else than a UUID: always the same for the same name in
    /// the same namespace (a version 5 UUID, RFC 9562). Choose one namespace for each system, and keep it.
    ///
    /// ```
    /// use mission_core::UserId;
    /// let crm = uuid::uuid!("0190163d-8694-739b-aea5-966c26f8ad91");
    /// let anna = UserId::from_external(crm, "customer-4711");
    /// assert_eq!(anna, UserId::from_external(crm, "customer-4711"));
    /// assert_ne!(anna, UserId::from_external(crm, "customer-4712"));
    /// ```
    #[must_use]
    pub fn from_external(namespace: Uuid, name: &str) -> UserId {
        UserId(Uuid::new_v5(&namespace, name.as_bytes()))
    }
}
