//! What a user shows to prove that a mission was done, and what each type of it must show.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::address::normalized;
use crate::mission::EvidenceRequirement;

/// The types of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceType {
    /// `data` = whole seconds watched.
    WatchDuration,
    /// `data` = `{"url","clicked_at"}`.
    ClickData,
    /// `data` = the id of a file that was uploaded to this task.
    UploadedContent,
    /// `screenshot_url` shows it.
    SocialProof,
    /// `data` = somebody else's invite code.
    InviteCode,
}

/// Evidence that a user submits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Its type.
    #[serde(rename = "type")]
    pub evidence_type: EvidenceType,
    /// The text that the type asks for.
    #[serde(default)]
    pub data: String,
    /// Where a screenshot is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshot_url: Option<String>,
    /// Where a recording is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
    /// When it was captured, as the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<DateTime<Utc>>,
}

/// The `data` of `click_data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickData {
    /// Where the click led; https.
    pub url: String,
    /// When it happened.
    pub clicked_at: DateTime<Utc>,
}

/// The evidence does not show what it must, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{0}")]
pub struct EvidenceRefusal(pub String);

impl Evidence {
    /// The seconds of `watch_duration`.
    #[must_use]
    pub fn seconds(&self) -> Option<u64> {
        match self.evidence_type {
            EvidenceType::WatchDuration => self.data.trim().parse().ok(),
            _ => None,
        }
    }

    /// What must not be shown twice by different tasks: the address of a screenshot, however it is spelled.
    #[must_use]
    pub fn unique_content(&self) -> Option<[u8; 32]> {
        let address = normalized(self.screenshot_url.as_deref()?)?;
        Some(
            Sha256::new()
                .chain_update(b"screenshot\0")
                .chain_update(address)
                .finalize()
                .into(),
        )
    }
}

/// How much longer than the task's life a watch can claim to have lasted: clocks differ.
const CLOCK_TOLERANCE: Duration = Duration::seconds(5);

/// Checks what the evidence itself and the task's life can tell; uploads and invite codes need the store, scripts
/// need the rules.
///
/// # Errors
/// When the evidence is of another type than asked for, or does not show what that type must.
pub fn check_evidence(
    evidence: &Evidence,
    demand: &EvidenceRequirement,
    started_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), EvidenceRefusal> {
    let refuse = |why: String| Err(EvidenceRefusal(why));
    if evidence.evidence_type != demand.evidence_type {
        let wanted = crate::serde_name(demand.evidence_type);
        return refuse(format!("this mission asks for evidence of type `{wanted}`"));
    }
    for (name, address) in [
        ("screenshot_url", &evidence.screenshot_url),
        ("video_url", &evidence.video_url),
    ] {
        if let Some(address) = address {
            https(name, address)?;
        }
    }
    if evidence.captured_at.is_some_and(|at| at > now + CLOCK_TOLERANCE) {
        return refuse("`captured_at` lies in the future".to_owned());
    }
    match evidence.evidence_type {
        EvidenceType::WatchDuration => {
            let Some(seconds) = evidence.seconds() else {
                return refuse("`data` must be the whole seconds watched".to_owned());
            };
            let least = u64::from(demand.min_seconds.unwrap_or(0));
            if seconds < least {
                return refuse(format!("watched {seconds} seconds of at least {least}"));
            }
            let most = (now - started_at + CLOCK_TOLERANCE).num_seconds();
            if i64::try_from(seconds).map_or(true, |seconds| seconds > most) {
                return refuse("watched for longer than the task has lasted".to_owned());
            }
        }
        EvidenceType::ClickData => {
            let click: ClickData = serde_json::from_str(&evidence.data)
                .map_err(|e| EvidenceRefusal(format!("`data` must be {{\"url\",\"clicked_at\"}}: {e}")))?;
            https("url", &click.url)?;
            if click.clicked_at < started_at || click.clicked_at > now {
                return refuse("`clicked_at` must lie between the task's start and now".to_owned());
            }
        }
        EvidenceType::SocialProof => {
            if evidence.screenshot_url.is_none() {
                return refuse("`screenshot_url` is missing".to_owned());
            }
        }
        EvidenceType::UploadedContent | EvidenceType::InviteCode => {
            if evidence.data.trim().is_empty() {
                return refuse("`data` is missing".to_owned());
            }
        }
    }
    Ok(())
}

fn https(name: &str, address: &str) -> Result<(), EvidenceRefusal> {
    match Url::parse(address.trim()) {
        Ok(url) if url.scheme() == "https" && url.has_host() => Ok(()),
        _ => Err(EvidenceRefusal(format!("`{name}` must be an https address"))),
    }
}
