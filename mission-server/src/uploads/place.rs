//! Where uploads are kept: a store of this server's, or the storage service.

use std::{io::Cursor, sync::Arc};

use bytes::Bytes;
use uuid::Uuid;

use super::{FileStore, MediaType, UploadError};
use crate::neighbours::{FileContent, FormFile, StorageClient};

/// Where uploads are kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder or a bucket.
    Store(FileStore),
    /// The storage service.
    Service(Arc<StorageClient>),
}

impl From<FileStore> for Place {
    fn from(store: FileStore) -> Self {
        Place::Store(store)
    }
}

/// A file that was looked into, as it is to be kept.
pub(super) enum Content {
    /// Without what was taken out of it.
    Cleaned(Bytes),
    /// As it came.
    AsSent(std::fs::File, u64),
}

/// A file that is kept.
pub(super) struct Kept {
    /// Its id here.
    pub(super) id: Uuid,
    /// What the storage service calls it.
    pub(super) stored_as: Option<String>,
    pub(super) size_bytes: u64,
}

impl Place {
    /// Keeps a file under an id; the storage service gives it one of its own.
    pub(super) async fn keep(
        &self,
        id: Uuid,
        kind: MediaType,
        content: Content,
    ) -> Result<Kept, UploadError> {
        match self {
            Place::Store(store) => {
                let size_bytes = match content {
                    Content::Cleaned(bytes) => store.put(id, kind, Cursor::new(bytes)).await?,
                    Content::AsSent(file, _) => {
                        let mut file = tokio::fs::File::from_std(file);
                        tokio::io::AsyncSeekExt::rewind(&mut file)
                            .await
                            .map_err(UploadError::Temporary)?;
                        store.put(id, kind, file).await?
                    }
                };
                Ok(Kept {
                    id,
                    stored_as: None,
                    size_bytes,
                })
            }
            Place::Service(service) => {
                let content = match content {
                    Content::Cleaned(bytes) => FileContent::Bytes(bytes),
                    Content::AsSent(file, length) => FileContent::File(Arc::new(file), length),
                };
                let file = FormFile {
                    content,
                    content_type: kind.content_type(),
                    name: format!("{id}.{}", kind.extension()),
                };
                let kept = service.keep(file, id.to_string()).await?;
                // Where the service's own id is one of ours, it is the same everywhere.
                let own_id = kept.file_id.parse();
                Ok(Kept {
                    id: own_id
                        .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, kept.file_id.as_bytes())),
                    stored_as: Some(kept.file_id),
                    size_bytes: kept.size_bytes,
                })
            }
        }
    }

    /// Removes a file that nobody needs. The storage service has no call for that.
    pub(super) async fn discard(&self, id: Uuid) -> Result<(), UploadError> {
        match self {
            Place::Store(store) => store.delete(id).await,
            Place::Service(_) => Ok(()),
        }
    }
}
