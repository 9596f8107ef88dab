//! Uploaded files: the place where they are kept, and the end of those that nobody needs.

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use mission_core::{
    FileId, UserId,
    engine::ReadSet,
    ports::{
        clock::Clock,
        queries::Queries,
        store::{Claim, Store, StoreError},
    },
    system::SystemClock,
};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::StartError;
use crate::{
    config::{JwtKeys, Settings},
    neighbours::Neighbours,
    uploads::{FileStore, FileUse, LinkSigner, Location, UploadError, Uploads},
};

/// A file that nobody names is kept for so long: its task may be about to.
const UNNAMED: TimeDelta = TimeDelta::days(1);

/// Opens the place that the settings name.
pub(super) fn open(settings: &Settings, neighbours: &Neighbours) -> Result<Arc<Uploads>, StartError> {
    let limits = settings.uploads.limits.clone();
    let uploads = match &neighbours.storage {
        Some(service) => Uploads::with_storage(Arc::clone(service), limits, links(settings)),
        None => Uploads::new(
            FileStore::open(&settings.uploads.location)?,
            limits,
            links(settings),
        ),
    };
    Ok(Arc::new(uploads))
}

/// Links are signed with a secret of their own or the one of tokens, else with one that ends with this process.
fn links(settings: &Settings) -> LinkSigner {
    let secret = match (&settings.uploads.link_secret, &settings.jwt.keys) {
        (Some(secret), _) | (None, JwtKeys::Secret(secret)) => secret,
        (None, JwtKeys::Url(_) | JwtKeys::File(_)) => {
            if let Location::Folder(_) = settings.uploads.location {
                tracing::warn!(
                    "links to uploaded files hold on this server alone and until it stops; set MISSION_UPLOAD_LINK_SECRET"
                );
            }
            return LinkSigner::new(Uuid::new_v4().as_bytes());
        }
    };
    LinkSigner::new(secret.expose_secret().as_bytes())
}

/// Why a sweep ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum SweepError {
    #[error(transparent)]
    Files(#[from] UploadError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Removes files that no task names, and those of erased users.
pub(super) async fn sweep(
    uploads: &Uploads,
    store: &dyn Store,
    queries: &dyn Queries,
) -> Result<usize, SweepError> {
    // Files are as old as the machine's clock says.
    let now = SystemClock.now();
    let use_of = async |file: Uuid| use_of(store, queries, FileId(file)).await;
    uploads.sweep(now, UNNAMED, use_of).await
}

async fn use_of(store: &dyn Store, queries: &dyn Queries, file: FileId) -> Result<FileUse, SweepError> {
    let claim = Claim::File(file);
    let keys = ReadSet {
        claims: BTreeSet::from([claim.clone()]),
        ..ReadSet::default()
    };
    let facts = store.load(&keys).await?;
    let Some(holder) = facts.claims.get(&claim).copied().flatten() else {
        return Ok(FileUse::Unnamed);
    };
    let user = queries.user(UserId(holder)).await?;
    Ok(match user {
        Some(user) if user.is_erased() => FileUse::Erased,
        Some(_) => FileUse::Needed,
        None => FileUse::Unnamed,
    })
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use mission_core::testing::user;

    use super::*;
    use crate::store::{
        sqlite::tests::test_store,
        tests::builders::{change, erasure, fresh},
    };

    #[tokio::test]
    async fn a_file_is_needed_until_its_user_is_erased() {
        let test = test_store().await;
        let (store, file) = (&test.store, FileId(fresh()));
        let what = async |file| use_of(store, store, file).await.unwrap();
        assert_eq!(what(file).await, FileUse::Unnamed);
        let mut uploaded = change(1, 0);
        uploaded.write_set.claims.insert(Claim::File(file), user(1).0);
        store.commit(&[uploaded]).await.unwrap();
        assert_eq!(what(file).await, FileUse::Needed);
        store.commit(&[erasure(1, 1)]).await.unwrap();
        assert_eq!(what(file).await, FileUse::Erased);
    }
}
