//! Keeps files in the storage service.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use mission_core::{
    FileId,
    ports::storage::{KeptFile, NewFile, Storage, StorageError},
    task::UploadedFile,
};
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use super::{Call, CallError, Client, Limits, RetryPolicy};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    file_id: String,
    size_bytes: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    signed_url: String,
}

/// The storage service.
pub struct StorageClient {
    client: Arc<Client>,
}

impl fmt::Debug for StorageClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageClient")
    }
}

impl StorageClient {
    /// The service behind a client.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        StorageClient { client }
    }
}

impl From<CallError> for StorageError {
    fn from(error: CallError) -> Self {
        StorageError::Unavailable {
            reason: format!("the storage service failed: {error}"),
        }
    }
}

#[async_trait]
impl Storage for StorageClient {
    /// The service gives the file an id of its own. Where that is a UUID, the file has it here too.
    async fn put(&self, file: NewFile) -> Result<KeptFile, StorageError> {
        let repeat = RetryPolicy::Keyed(file.id.to_string());
        let call = Call::post_file("/upload", ["api", "v1", "upload"], file, repeat);
        let stored: Stored = self.client.json(&call).await?;
        let id = stored
            .file_id
            .parse()
            .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, stored.file_id.as_bytes()));
        Ok(KeptFile {
            id: FileId(id),
            stored_as: Some(stored.file_id),
            size_bytes: stored.size_bytes,
        })
    }

    async fn signed_url(&self, file: &UploadedFile, ttl: Duration) -> Result<Option<String>, StorageError> {
        let stored_as = file.stored_as.as_deref().ok_or(StorageError::NotFound)?;
        let path = ["api", "v1", "files", stored_as, "signed-url"];
        let call = Call::get("/files/{id}/signed-url", path).query("ttl", ttl.as_secs().to_string());
        match self.client.json::<Signed>(&call).await {
            Ok(signed) => match Url::parse(&signed.signed_url) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(url.into())),
                _ => Err(CallError::Unreadable("`signedUrl` is no address".to_owned()).into()),
            },
            Err(CallError::Status { status: 404, .. }) => Err(StorageError::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    /// The service looks after its files itself: it has no call for this.
    async fn delete(&self, _: FileId) -> Result<(), StorageError> {
        Ok(())
    }
}

/// A file takes longer to send than a question.
pub(super) fn limits(limits: &Limits) -> Limits {
    Limits {
        attempt: limits.attempt.max(Duration::from_secs(20)),
        total: limits.total.max(Duration::from_secs(30)),
        ..limits.clone()
    }
}
