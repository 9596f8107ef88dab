//! An upload from its first byte to its place in the store.

use std::{
    io::{Cursor, Seek, SeekFrom},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::Multipart;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};
use tokio::sync::Semaphore;
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    FileStore, Limits, Links, MediaType, UploadError, check,
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

/// A file that was taken, and can be read under its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFile {
    /// Its id, version 7 of the time given.
    pub id: Uuid,
    /// SHA-256 of the bytes as they were sent.
    pub sha256: [u8; 32],
    /// For an image: 64 bits that differ in few places from those of a similar image; see [`distance`](super::distance).
    /// `None` for other files, and for images of one plain colour.
    pub perceptual: Option<u64>,
    /// What it is, such as `image/png`.
    pub content_type: &'static str,
    /// Bytes as stored: without the metadata that was taken out, so at most a little more and often less than were sent.
    pub size_bytes: u64,
}

/// So many files are decoded at once: memory for them is bounded by it.
const INSPECTIONS: usize = 2;
/// So long a file waits to be decoded.
const WAIT: Duration = Duration::from_secs(10);

/// Takes uploads into a store, and gives links to them.
#[derive(Debug)]
pub struct Uploads {
    store: FileStore,
    limits: Limits,
    links: Links,
    inspections: Arc<Semaphore>,
}

impl Uploads {
    /// Uploads into a store, within limits.
    #[must_use]
    pub fn new(store: FileStore, limits: Limits, links: Links) -> Self {
        Uploads {
            store,
            limits,
            links,
            inspections: Arc::new(Semaphore::new(INSPECTIONS)),
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &FileStore {
        &self.store
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What signs links of our own.
    #[must_use]
    pub fn links(&self) -> &Links {
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
    ) -> Result<ReceivedFile, UploadError> {
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
            self.store.folder(),
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
    ) -> Result<ReceivedFile, UploadError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<UploadError>,
    {
        let arrived = spool(part.bytes, self.limits.max_bytes, self.store.folder()).await?;
        self.keep(arrived, part.content_type, part.file_name, now).await
    }

    async fn keep(
        &self,
        arrived: Spooled,
        content_type: Option<&str>,
        file_name: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<ReceivedFile, UploadError> {
        check::name(file_name)?;
        let kind = check::kind(&arrived, &self.limits.types, content_type)?;
        let sha256 = arrived.sha256;
        let (mut file, Inspected { cleaned, perceptual }) = self.inspect(arrived, kind).await?;
        let (id, store) = (new_id(now), self.store.clone());
        // A caller that goes away must not leave half a file.
        let stored = tokio::spawn(async move {
            if let Some(bytes) = cleaned {
                return store.put(id, kind, Cursor::new(bytes)).await;
            }
            file.seek(SeekFrom::Start(0)).map_err(UploadError::Temporary)?;
            store.put(id, kind, tokio::fs::File::from_std(file)).await
        });
        let size_bytes = stored
            .await
            .map_err(|error| UploadError::Temporary(error.into()))??;
        Ok(ReceivedFile {
            id,
            sha256,
            perceptual,
            content_type: kind.content_type(),
            size_bytes,
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

    /// An address under which a file can be read until `ttl` from `now` on: the store's own, or one of ours, relative
    /// to this server (`/files/…`).
    ///
    /// # Errors
    /// [`UploadError::Store`] when the store has no credentials to sign with.
    pub async fn link(&self, id: Uuid, now: DateTime<Utc>, ttl: Duration) -> Result<String, UploadError> {
        Ok(match self.store.own_link(id, ttl).await? {
            Some(link) => link.into(),
            None => self.links.link(id, now, ttl),
        })
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
