//! Keeps files in the storage service.

use std::{fmt, sync::Arc, time::Duration};

use serde::Deserialize;
use url::Url;

use super::{Call, CallError, Client, FormFile, Limits, Repeat};

/// A file that the service keeps.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFile {
    /// The service's own id of it.
    pub file_id: String,
    /// How long it is.
    pub size_bytes: u64,
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

    /// Sends a file; `key` tells the service a repetition from another file.
    ///
    /// # Errors
    /// When the service is away or refuses.
    pub async fn keep(&self, file: FormFile, key: String) -> Result<KeptFile, CallError> {
        let path = ["api", "v1", "upload"];
        let call = Call::post_file("/upload", path, file, Repeat::Keyed(key));
        self.client.json(&call).await
    }

    /// An address under which a file can be read for so long; `None` where the service has no such file.
    ///
    /// # Errors
    /// When the service is away.
    pub async fn link(&self, file: &str, ttl: Duration) -> Result<Option<Url>, CallError> {
        let path = ["api", "v1", "files", file, "signed-url"];
        let call = Call::get("/files/{id}/signed-url", path).query("ttl", ttl.as_secs().to_string());
        match self.client.json::<Signed>(&call).await {
            Ok(signed) => match Url::parse(&signed.signed_url) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(url)),
                _ => Err(CallError::Unreadable("`signedUrl` is no address".to_owned())),
            },
            Err(CallError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
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
