//! An upload from its first byte to its place in the store.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::Multipart;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};
use mission_core::{
    FileId,
    ports::storage::{NewFile, Storage},
    task::{ContentHash, UploadedFile},
};
use tokio::sync::Semaphore;
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    FileStore, Limits, LinkSigner, MediaType, UploadError, check,
    content::Content,
    inspect::{Inspected, inspect},
    spool::{Spooled, spool},
};

/// The part of a form that holds the file.
#[derive(Debug)]
pub struct Part<'p, S> {
    /// The type that it claims to have.
    pub content_type: Option<&'p str>,
    /// The name that the file had at the client. It is checked and not used.
    pub file_name: Option<&'p str>,
    /// The bytes.
    pub bytes: S,
}

/// So many files are decoded at once: memory for them is bounded by it.
const INSPECTIONS: usize = 2;
/// So long a file waits to be decoded.
const WAIT: Duration = Duration::from_secs(10);

/// Takes uploads into a store, and gives links to them.
pub struct Uploads {
    storage: Arc<dyn Storage>,
    /// The same storage, where it is a store of this server's.
    store: Option<FileStore>,
    limits: Limits,
    links: LinkSigner,
    inspections: Arc<Semaphore>,
}

impl Uploads {
    /// Uploads into a store of this server's, within limits.
    #[must_use]
    pub fn new(store: FileStore, limits: Limits, links: LinkSigner) -> Self {
        Uploads {
            store: Some(store.clone()),
            ..Uploads::with_storage(Arc::new(store), limits, links)
        }
    }

    /// Uploads into another storage, which looks after its files by itself.
    #[must_use]
    pub fn with_storage(storage: Arc<dyn Storage>, limits: Limits, links: LinkSigner) -> Self {
        Uploads {
            storage,
            store: None,
            limits,
            links,
            inspections: Arc::new(Semaphore::new(INSPECTIONS)),
        }
    }

    /// The store, where files are kept in one of this server's.
    #[must_use]
    pub fn store(&self) -> Option<&FileStore> {
        self.store.as_ref()
    }

    /// Removes a file that nobody needs, as far as the storage lets go of files.
    ///
    /// # Errors
    /// [`UploadError::Unavailable`] when the storage fails.
    pub async fn discard(&self, file: FileId) -> Result<(), UploadError> {
        Ok(self.storage.delete(file).await?)
    }

    fn folder(&self) -> Option<&Path> {
        self.store()?.folder()
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What signs links of our own.
    #[must_use]
    pub fn links(&self) -> &LinkSigner {
        &self.links
    }

    /// Takes the part `file` of a form, which must be its only one.
    ///
    /// # Errors
    /// As [`Uploads::receive`], and [`UploadError::Form`] for another form. Nothing is left behind then.
    pub async fn receive_form(
        &self,
        mut form: Multipart,
        now: DateTime<Utc>,
    ) -> Result<UploadedFile, UploadError> {
        let Some(field) = form.next_field().await? else {
            return Err(UploadError::Form("there is no part at all".to_owned()));
        };
        if field.name() != Some("file") {
            let name = field.name().unwrap_or_default();
            return Err(UploadError::Form(format!(
                "there is a part `{}`",
                name.escape_debug()
            )));
        }
        let content_type = field.content_type().map(str::to_owned);
        let file_name = field.file_name().map(str::to_owned);
        let arrived = spool(
            field.map_err(UploadError::from),
            self.limits.max_bytes,
            self.folder(),
        )
        .await?;
        if form.next_field().await?.is_some() {
            return Err(UploadError::Form("there is another part behind it".to_owned()));
        }
        self.keep(arrived, content_type.as_deref(), file_name.as_deref(), now)
            .await
    }

    /// Takes a file: counts and hashes it as it arrives, looks into it, takes metadata such as the place of a photograph
    /// out, and stores it.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`] beyond the limit, [`UploadError::UnsupportedType`] for what is not taken or not what it
    /// claims to be, [`UploadError::Invalid`] and [`UploadError::TooSlow`] for what is broken, empty, a bomb or two
    /// files in one, [`UploadError::NotReceived`] when the stream ends too early, [`UploadError::Busy`] and
    /// [`UploadError::Store`] for what may succeed later. Nothing is left behind then.
    pub async fn receive<S, E>(
        &self,
        part: Part<'_, S>,
        now: DateTime<Utc>,
    ) -> Result<UploadedFile, UploadError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<UploadError>,
    {
        let arrived = spool(part.bytes, self.limits.max_bytes, self.folder()).await?;
        self.keep(arrived, part.content_type, part.file_name, now).await
    }

    async fn keep(
        &self,
        arrived: Spooled,
        content_type: Option<&str>,
        file_name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<UploadedFile, UploadError> {
        check::name(file_name)?;
        let kind = check::kind(&arrived, &self.limits.types, content_type)?;
        let sha256 = arrived.sha256;
        let size = arrived.size;
        let (file, Inspected { cleaned, perceptual }) = self.inspect(arrived, kind).await?;
        let content = cleaned.map_or(Content::AsSent(file, size), Content::Cleaned);
        let id = new_id(now);
        let new = NewFile {
            id: FileId(id),
            content_type: kind.content_type().to_owned(),
            file_name: format!("{id}.{}", kind.extension()),
            content: Arc::new(content),
        };
        let storage = Arc::clone(&self.storage);
        // A caller that goes away must not leave half a file.
        let kept = tokio::spawn(async move { storage.put(new).await }).await;
        let kept = kept.map_err(|error| UploadError::Temporary(error.into()))??;
        Ok(UploadedFile {
            id: kept.id,
            stored_as: kept.stored_as,
            sha256: ContentHash(sha256),
            perceptual_hash: perceptual,
            content_type: kind.content_type().to_owned(),
            size_bytes: kept.size_bytes,
        })
    }

    async fn inspect(
        &self,
        arrived: Spooled,
        kind: MediaType,
    ) -> Result<(std::fs::File, Inspected), UploadError> {
        let permit = tokio::time::timeout(WAIT, Arc::clone(&self.inspections).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(UploadError::Busy);
        };
        let limits = self.limits.clone();
        let time = limits.decode_time;
        let inspection = tokio::task::spawn_blocking(move || {
            // Held until the work has ended, also when nobody waits for it any more.
            let _permit = permit;
            let mut file = arrived.file;
            let inspected = inspect(&mut file, arrived.size, kind, &limits, Instant::now() + time)?;
            Ok((file, inspected))
        });
        match tokio::time::timeout(time, inspection).await {
            Ok(Ok(inspected)) => inspected,
            Ok(Err(panic)) => {
                tracing::warn!(reason = %panic, kind = kind.content_type(), "a decoder gave up on a file");
                Err(UploadError::invalid("the file cannot be decoded"))
            }
            Err(_) => Err(UploadError::TooSlow(time)),
        }
    }

    /// An address under which a file can be read until `ttl` from `now` on: the storage's own, or one of ours, relative to
    /// this server (`/files/…`).
    ///
    /// # Errors
    /// [`UploadError::Unavailable`] when the storage cannot make a link, [`UploadError::NotFound`] when it has no such
    /// file.
    pub async fn link(
        &self,
        file: &UploadedFile,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<String, UploadError> {
        let own = self.storage.signed_url(file, ttl).await?;
        Ok(own.unwrap_or_else(|| self.links.link(file.id.0, now, ttl)))
    }
}

fn new_id(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        now.timestamp_subsec_nanos(),
    ))
}
