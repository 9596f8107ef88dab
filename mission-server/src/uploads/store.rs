//! Files by id, in a folder or a bucket.

use std::{
    fmt,
    ops::Range,
    path::{Path as Folder, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use mission_core::{
    FileId,
    ports::storage::{FileStream, KeptFile, NewFile, Storage, StorageError},
    task::UploadedFile,
};
use object_store::{
    Attribute, Attributes, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, buffered::BufWriter,
    path::Path,
};
use uuid::Uuid;

use super::{
    Location, MediaType, UploadError,
    open::{self, UrlSigner},
};

/// Bytes that are held of a file while it is written: the least that S3 takes as a part of a file.
const PART_BYTES: usize = 5 << 20;

/// A store of files. Copies share it.
#[derive(Clone)]
pub struct FileStore {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    signer: Option<Arc<dyn UrlSigner>>,
    keeps_types: bool,
    folder: Option<PathBuf>,
}

/// A file in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its id.
    pub id: Uuid,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was written, by the store's clock.
    pub written_at: DateTime<Utc>,
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileStore({}, {})", self.store, self.prefix)
    }
}

impl FileStore {
    /// Opens a store; a folder is made where there is none. Connects to nothing.
    ///
    /// # Errors
    /// [`UploadError::Location`] and [`UploadError::Store`] where the place cannot be used as it is configured.
    pub fn open(location: &Location) -> Result<Self, UploadError> {
        let opened = open::open(location)?;
        Ok(FileStore {
            store: opened.store,
            prefix: opened.prefix,
            signer: opened.signer,
            keeps_types: opened.keeps_types,
            folder: match location {
                Location::Folder(folder) => Some(folder.clone()),
                Location::Bucket(_) | Location::Service(_) => None,
            },
        })
    }

    /// The folder, where it is one.
    pub(super) fn folder(&self) -> Option<&Folder> {
        self.folder.as_deref()
    }

    fn path(&self, id: Uuid) -> Path {
        self.prefix.clone().join(id.to_string())
    }

    /// Writes a file under an id, in parts of 5 MiB. It can be read when this has succeeded, and not before; on an
    /// error nothing is left.
    ///
    /// # Errors
    /// [`UploadError::Temporary`] when `bytes` fails, [`UploadError::Store`] when the store does.
    pub async fn write(&self, id: Uuid, content_type: &str, bytes: FileStream) -> Result<u64, UploadError> {
        let writer = BufWriter::with_capacity(Arc::clone(&self.store), self.path(id), PART_BYTES);
        let mut writer = writer.with_max_concurrency(1);
        if self.keeps_types {
            let kind = (Attribute::ContentType, content_type.to_owned());
            writer = writer.with_attributes(Attributes::from_iter([kind]));
        }
        match copy(bytes, &mut writer).await {
            Ok(size) => {
                let ended = tokio::io::AsyncWriteExt::shutdown(&mut writer).await;
                ended.map(|()| size).map_err(from_writer)
            }
            Err(error) => {
                if let Err(left) = writer.abort().await {
                    tracing::warn!(%id, reason = %left, "parts of a broken upload may be left in the store");
                }
                Err(error)
            }
        }
    }

    /// Reads a file, or a part of it. A range that reaches beyond the end is cut there.
    ///
    /// # Errors
    /// [`UploadError::NotFound`] when there is no such file, [`UploadError::Store`] when the store fails or the range
    /// begins beyond the end.
    pub async fn get(
        &self,
        id: Uuid,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, object_store::Result<Bytes>>, UploadError> {
        let options = GetOptions {
            range: range.map(Into::into),
            ..GetOptions::default()
        };
        let found = self.store.get_opts(&self.path(id), options).await?;
        Ok(found.into_stream())
    }

    /// The size of a file, and when it was written.
    ///
    /// # Errors
    /// [`UploadError::NotFound`] when there is no such file, [`UploadError::Store`] when the store fails.
    pub async fn stat(&self, id: Uuid) -> Result<StoredFile, UploadError> {
        let meta = self.store.head(&self.path(id)).await?;
        Ok(stored(id, &meta))
    }

    /// What a file is by its first bytes.
    ///
    /// # Errors
    /// As [`FileStore::get`].
    pub async fn kind(&self, id: Uuid) -> Result<Option<MediaType>, UploadError> {
        let head = self.store.get_range(&self.path(id), 0..HEAD_BYTES).await?;
        Ok(MediaType::of_bytes(&head))
    }

    /// Removes a file. One that is not there counts as removed.
    ///
    /// # Errors
    /// [`UploadError::Store`] when the store fails.
    pub async fn remove(&self, id: Uuid) -> Result<(), UploadError> {
        match self.store.delete(&self.path(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The files that were written before an instant of the store's clock. What is not named by an id is left out.
    pub fn older_than(&self, instant: DateTime<Utc>) -> BoxStream<'static, Result<StoredFile, UploadError>> {
        let prefix = Some(&self.prefix).filter(|prefix| !prefix.is_root());
        let files = self.store.list(prefix).map_err(UploadError::from);
        let files = files.try_filter_map(move |meta| {
            let id = meta.location.filename().and_then(|name| name.parse().ok());
            let file = id.map(|id| stored(id, &meta));
            std::future::ready(Ok(file.filter(|file| file.written_at < instant)))
        });
        files.boxed()
    }

    /// Removes what broken writes to a folder have left before an instant, such as by `kill -9`; answers how many. A
    /// bucket does that by a rule of its own (such as S3's `AbortIncompleteMultipartUpload`).
    ///
    /// # Errors
    /// [`UploadError::Temporary`] when the folder cannot be read.
    pub async fn remove_broken(&self, instant: DateTime<Utc>) -> Result<usize, UploadError> {
        let Some(folder) = &self.folder else {
            return Ok(0);
        };
        let mut entries = tokio::fs::read_dir(folder)
            .await
            .map_err(UploadError::Temporary)?;
        let mut removed = 0;
        while let Some(entry) = entries.next_entry().await.map_err(UploadError::Temporary)? {
            // The store writes `<id>#<number>` and renames it.
            let name = entry.file_name();
            let is_part = name
                .to_str()
                .and_then(|name| name.split_once('#'))
                .is_some_and(|(id, _)| id.parse::<Uuid>().is_ok());
            let modified = entry.metadata().await.and_then(|meta| meta.modified());
            let is_old = modified.is_ok_and(|time| DateTime::<Utc>::from(time) < instant);
            if is_part && is_old && tokio::fs::remove_file(entry.path()).await.is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

#[async_trait]
impl Storage for FileStore {
    async fn put(&self, file: NewFile) -> Result<KeptFile, StorageError> {
        let bytes = file.content.open().map_err(UploadError::Temporary)?;
        let size_bytes = self.write(file.id.0, &file.content_type, bytes).await?;
        Ok(KeptFile {
            id: file.id,
            stored_as: None,
            size_bytes,
        })
    }

    /// A link of a bucket's own; a folder makes none.
    async fn signed_url(&self, file: &UploadedFile, ttl: Duration) -> Result<Option<String>, StorageError> {
        let Some(signer) = &self.signer else {
            return Ok(None);
        };
        let url = signer.link(&self.path(file.id.0), ttl).await;
        Ok(Some(url.map_err(UploadError::from)?.into()))
    }

    async fn delete(&self, file: FileId) -> Result<(), StorageError> {
        Ok(self.remove(file.0).await?)
    }
}

/// Enough to tell what a file is.
const HEAD_BYTES: u64 = 64;

async fn copy(mut from: FileStream, to: &mut BufWriter) -> Result<u64, UploadError> {
    let mut size = 0;
    while let Some(piece) = from.try_next().await.map_err(UploadError::Temporary)? {
        size += piece.len() as u64;
        to.put(piece).await.map_err(UploadError::Store)?;
    }
    Ok(size)
}

fn from_writer(error: std::io::Error) -> UploadError {
    match error.downcast::<object_store::Error>() {
        // What cannot be found is the bucket.
        Ok(error) => UploadError::Store(error),
        Err(error) => UploadError::Temporary(error),
    }
}

fn stored(id: Uuid, meta: &ObjectMeta) -> StoredFile {
    StoredFile {
        id,
        size_bytes: meta.size,
        written_at: meta.last_modified,
    }
}
