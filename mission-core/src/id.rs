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
    /// One user's visit on one local day.
    CheckInDayId,
    /// A pack that the server holds.
    PackId,
    /// One command, stable over its retries; every id that the command makes is derived from it.
    CommandId,
    /// An integration event, stable over redelivery.
    EventId,
}
