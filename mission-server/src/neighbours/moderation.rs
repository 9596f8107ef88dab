//! Judges uploads, by the moderation service: it is asked, and calls back or is asked again.

use std::{fmt, sync::Arc};

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, CallbackError, CallbackKey, Client, Repeat};

/// What is to be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModerationRequest {
    /// The file's id, which the verdict names again.
    pub file_id: String,
    /// Where the service can read the file.
    pub url: String,
    /// What the file is, such as `image/png`.
    pub content_type: String,
    /// Where the service tells its verdict.
    pub callback_url: String,
}

/// What the service says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It has not decided yet.
    Pending,
    /// The file is good.
    Approved,
    /// The file is not.
    Rejected,
    /// A person shall decide.
    Review,
}

/// A verdict, as it is told by the service or asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModerationReport {
    /// The moderation's id.
    pub moderation_id: String,
    /// The file's id.
    pub file_id: String,
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    moderation_id: String,
}

/// The moderation service.
pub struct ModerationClient {
    client: Arc<Client>,
    key: Option<CallbackKey>,
}

impl fmt::Debug for ModerationClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModerationClient")
    }
}

impl ModerationClient {
    /// The service behind a client. Without a key no callback is believed.
    #[must_use]
    pub fn new(client: Arc<Client>, key: Option<CallbackKey>) -> Self {
        ModerationClient { client, key }
    }

    /// Asks for a verdict; gives the moderation's id. Asking again for the same file starts no second one: the file's
    /// id is the key by which the service tells.
    ///
    /// # Errors
    /// When the service is away or refuses.
    pub async fn ask(&self, request: &ModerationRequest) -> Result<String, CallError> {
        let path = ["api", "v1", "moderations"];
        let repeat = Repeat::Keyed(request.file_id.clone());
        let call = Call::post("/moderations", path, request, repeat)
            .map_err(|error| CallError::Unreadable(error.to_string()))?;
        let accepted: Accepted = self.client.json(&call).await?;
        Ok(accepted.moderation_id)
    }

    /// What has become of a moderation; `None` where the service knows none of that id.
    ///
    /// # Errors
    /// When the service is away.
    pub async fn poll(&self, moderation: &str) -> Result<Option<ModerationReport>, CallError> {
        let path = ["api", "v1", "moderations", moderation];
        match self.client.json(&Call::get("/moderations/{id}", path)).await {
            Ok(report) => Ok(Some(report)),
            Err(CallError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a callback, once it is certain that the service sent it within the last five minutes.
    ///
    /// # Errors
    /// When its signature is missing, wrong or old, or its body is no verdict.
    pub fn read_callback(&self, headers: &HeaderMap, body: &[u8]) -> Result<ModerationReport, CallbackError> {
        let key = self.key.as_ref().ok_or(CallbackError::NoKey)?;
        key.verify(headers, body)?;
        serde_json::from_slice(body).map_err(|error| CallbackError::Unreadable(error.to_string()))
    }
}
