//! Opens the store behind a location.

use std::{path::Path as Folder, sync::Arc, time::Duration};

use async_trait::async_trait;
use object_store::{ObjectStore, local::LocalFileSystem, path::Path};
use url::Url;

use super::{Location, UploadError};

/// A store that signs URLs of its files.
#[async_trait]
pub(super) trait UrlSigner: Send + Sync {
    /// A link to read a file, good for so long from now on.
    async fn link(&self, path: &Path, ttl: Duration) -> object_store::Result<Url>;
}

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
#[async_trait]
impl<S: object_store::signer::Signer> UrlSigner for S {
    async fn link(&self, path: &Path, ttl: Duration) -> object_store::Result<Url> {
        self.signed_url(axum::http::Method::GET, path, ttl).await
    }
}

/// An opened store.
pub(super) struct OpenedStore {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: Path,
    /// Makes links of the store's own, where it can.
    pub(super) signer: Option<Arc<dyn UrlSigner>>,
    /// Whether it keeps the type of a file beside it.
    pub(super) keeps_types: bool,
}

pub(super) fn open(location: &Location) -> Result<OpenedStore, UploadError> {
    match location {
        Location::Folder(folder) => self::folder(folder),
        Location::Bucket(url) => bucket(url),
        Location::Service(url) => Err(UploadError::Location(format!(
            "`{url}` is a service, and no store"
        ))),
    }
}

/// Opens a location for an archive: what is written there survives a power loss.
pub(crate) fn open_archive(location: &Location) -> Result<(Arc<dyn ObjectStore>, Path), UploadError> {
    match location {
        Location::Folder(folder) => {
            self::folder(folder)?;
            let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
            Ok((Arc::new(store), Path::default()))
        }
        Location::Bucket(_) | Location::Service(_) => {
            open(location).map(|opened| (opened.store, opened.prefix))
        }
    }
}

fn folder(folder: &Folder) -> Result<OpenedStore, UploadError> {
    std::fs::create_dir_all(folder).map_err(|error| {
        UploadError::Location(format!(
            "the folder `{}` cannot be made: {error}",
            folder.display()
        ))
    })?;
    Ok(OpenedStore {
        store: Arc::new(LocalFileSystem::new_with_prefix(folder)?),
        prefix: Path::default(),
        signer: None,
        keeps_types: false,
    })
}

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
fn signing<S: ObjectStore + UrlSigner>(store: S, url: &Url) -> Result<OpenedStore, UploadError> {
    let store = Arc::new(store);
    Ok(OpenedStore {
        signer: Some(store.clone()),
        store,
        prefix: Path::from_url_path(url.path()).map_err(object_store::Error::from)?,
        keeps_types: true,
    })
}

fn bucket(url: &Url) -> Result<OpenedStore, UploadError> {
    match url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => signing(
            object_store::aws::AmazonS3Builder::from_env()
                .with_url(url.as_str())
                .build()?,
            url,
        ),
        #[cfg(feature = "gcs")]
        "gs" => signing(
            object_store::gcp::GoogleCloudStorageBuilder::from_env()
                .with_url(url.as_str())
                .build()?,
            url,
        ),
        #[cfg(feature = "azure")]
        "az" => signing(
            object_store::azure::MicrosoftAzureBuilder::from_env()
                .with_url(url.as_str())
                .build()?,
            url,
        ),
        scheme => Err(UploadError::Location(format!(
            "this server was built without `{scheme}://`"
        ))),
    }
}
