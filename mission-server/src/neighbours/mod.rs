//! Neighbours: other services that this one asks over HTTP. All calls go through one [`Client`], which keeps to
//! time-outs, repeats what is safe to repeat, and stops asking a service that is away; see `docs/neighbours.md`.
//!
//! A neighbour that is away never stops what does not need it.

mod attempt;
mod call;
mod callback;
mod client;
mod embedded;
mod error;
mod guard;
mod iam;
mod loader;
mod moderation;
mod people_cache;
mod service_health;
mod settings;
mod social;
mod storage;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mission_core::{
    UserId,
    ports::{
        iam::{Iam, Person},
        moderation::Moderation,
        queries::Queries,
        social::Social,
        storage::Storage,
        store::Store,
    },
};

use self::embedded::{StoredFriends, StoredPeople};
pub use self::{
    call::{Call, RetryPolicy},
    callback::{CallbackError, CallbackKey},
    client::{Client, ClientError, Limits},
    error::CallError,
    guard::{AddressGuard, RefusedAddress},
    iam::IamClient,
    moderation::{ModerationCallback, ModerationClient},
    service_health::{ServiceHealth, ServiceReport},
    settings::NeighbourSettings,
    social::SocialClient,
    storage::StorageClient,
};
pub(crate) use self::{error::deepest, guard::GuardedResolver};

/// Names never delay an answer for longer.
pub const NAMES_WAIT: Duration = Duration::from_millis(300);

/// The neighbours that are configured.
#[derive(Clone, Default)]
pub struct Neighbours {
    /// Who users are.
    pub iam: Option<Arc<dyn Iam>>,
    /// Who is friends with whom.
    pub social: Option<Arc<dyn Social>>,
    /// Judges uploads.
    pub moderation: Option<Arc<dyn Moderation>>,
    /// Keeps uploads.
    pub storage: Option<Arc<dyn Storage>>,
    services: Vec<Arc<ServiceHealth>>,
}

impl Neighbours {
    /// The neighbours of the settings. Must be called within a Tokio runtime. Nothing is asked yet.
    ///
    /// # Errors
    /// When an address is one that may not be called, or TLS cannot be set up.
    pub fn new(settings: &NeighbourSettings, limits: &Limits) -> Result<Self, ClientError> {
        let mut services = Vec::new();
        let mut client = |service, base: &Option<url::Url>, limits: &Limits| {
            let client = base
                .as_ref()
                .map(|base| Client::new(service, base.clone(), settings, limits))
                .transpose()?
                .map(Arc::new);
            services.extend(client.iter().map(|client| Arc::clone(client.health())));
            Ok::<_, ClientError>(client)
        };
        let iam = client("iam", &settings.iam, limits)?;
        let social = client("social", &settings.social, limits)?;
        let storage = client("storage", &settings.storage, &storage::limits(limits))?;
        let moderation = client("moderation", &settings.moderation, limits)?;
        Ok(Neighbours {
            iam: iam.map(|client| Arc::new(IamClient::new(client)) as Arc<dyn Iam>),
            social: social.map(|client| Arc::new(SocialClient::new(client)) as Arc<dyn Social>),
            moderation: moderation
                .map(|client| Arc::new(ModerationClient::new(client)) as Arc<dyn Moderation>),
            storage: storage.map(|client| Arc::new(StorageClient::new(client)) as Arc<dyn Storage>),
            services,
        })
    }

    /// The same, with what the database knows in the place of IAM and the social service where those are not configured.
    #[must_use]
    pub fn or_embedded(self, store: &Arc<dyn Store>, queries: &Arc<dyn Queries>) -> Self {
        let people = || Arc::new(StoredPeople(Arc::clone(store))) as Arc<dyn Iam>;
        let friends = || Arc::new(StoredFriends(Arc::clone(queries))) as Arc<dyn Social>;
        Neighbours {
            iam: self.iam.or_else(|| Some(people())),
            social: self.social.or_else(|| Some(friends())),
            ..self
        }
    }

    /// How each of them did when it was last called.
    #[must_use]
    pub fn reports(&self) -> Vec<ServiceReport> {
        self.services.iter().map(|health| health.report()).collect()
    }

    /// Names and pictures of some users, as far as they can be had within [`NAMES_WAIT`].
    pub async fn names(&self, users: &[UserId]) -> BTreeMap<UserId, Person> {
        match &self.iam {
            Some(iam) if !users.is_empty() => iam.people(users, NAMES_WAIT).await,
            _ => BTreeMap::new(),
        }
    }

    /// Lets go of everything that is kept of a user: they were erased.
    pub fn forget(&self, user: UserId) {
        if let Some(iam) = &self.iam {
            iam.forget(user);
        }
        if let Some(social) = &self.social {
            social.forget(user);
        }
    }
}
