//! Judges uploads, by the moderation service: it is asked, and calls back or is asked again.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use axum::http::HeaderMap;
use mission_core::{
    FileId, fraud,
    ports::moderation::{Moderation, ModerationError, ModerationReport, ModerationRequest},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Call, CallError, CallbackError, CallbackKey, Client, RetryPolicy};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Submission<'r> {
    file_id: String,
    url: &'r str,
    content_type: &'r str,
    callback_url: &'r str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    moderation_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Pending,
    Approved,
    Rejected,
    Review,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    moderation_id: String,
    file_id: String,
    verdict: Verdict,
    reason: Option<String>,
}

impl From<Report> for ModerationReport {
    fn from(report: Report) -> Self {
        ModerationReport {
            moderation: report.moderation_id,
            verdict: match report.verdict {
                Verdict::Pending => None,
                Verdict::Approved => Some(fraud::Verdict::Approved),
                Verdict::Rejected => Some(fraud::Verdict::Rejected),
                Verdict::Review => Some(fraud::Verdict::Review),
            },
            reason: report.reason,
        }
    }
}

/// A callback of the moderation service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModerationCallback {
    /// The file that it is about; `None` where that is no id of ours.
    pub file: Option<FileId>,
    /// What has become of its moderation.
    pub report: ModerationReport,
}

impl ModerationCallback {
    /// Reads a callback, once it is certain that the service sent it within the last five minutes.
    ///
    /// # Errors
    /// When its signature is missing, wrong or old, or its body is no verdict.
    pub fn read(key: &CallbackKey, headers: &HeaderMap, body: &[u8]) -> Result<Self, CallbackError> {
        key.verify(headers, body)?;
        let report: Report =
            serde_json::from_slice(body).map_err(|error| CallbackError::Unreadable(error.to_string()))?;
        Ok(ModerationCallback {
            file: report.file_id.parse::<Uuid>().ok().map(FileId),
            report: report.into(),
        })
    }
}

/// The moderation service.
pub struct ModerationClient {
    client: Arc<Client>,
}

impl fmt::Debug for ModerationClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModerationClient")
    }
}

impl ModerationClient {
    /// The service behind a client.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        ModerationClient { client }
    }

    async fn submission(&self, request: &ModerationRequest) -> Result<ModerationReport, CallError> {
        let path = ["api", "v1", "moderations"];
        let repeat = RetryPolicy::Keyed(request.file.to_string());
        let body = Submission {
            file_id: request.file.to_string(),
            url: &request.url,
            content_type: &request.content_type,
            callback_url: &request.callback_url,
        };
        let call = Call::post("/moderations", path, &body, repeat)
            .map_err(|error| CallError::Unreadable(error.to_string()))?;
        let accepted: Accepted = self.client.json(&call).await?;
        Ok(ModerationReport {
            moderation: accepted.moderation_id,
            verdict: None,
            reason: None,
        })
    }
}

impl From<CallError> for ModerationError {
    fn from(error: CallError) -> Self {
        ModerationError {
            reason: error.to_string(),
        }
    }
}

#[async_trait]
impl Moderation for ModerationClient {
    async fn submit(&self, request: &ModerationRequest) -> Result<ModerationReport, ModerationError> {
        Ok(self.submission(request).await?)
    }

    async fn report(&self, moderation: &str) -> Result<Option<ModerationReport>, ModerationError> {
        let path = ["api", "v1", "moderations", moderation];
        let call = Call::get("/moderations/{id}", path);
        match self.client.json::<Report>(&call).await {
            Ok(report) => Ok(Some(report.into())),
            Err(CallError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
