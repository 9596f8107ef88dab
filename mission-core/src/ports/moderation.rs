//! Judges uploads, which another service does.

use async_trait::async_trait;

use crate::{FileId, fraud::Verdict};

/// An upload that is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModerationRequest {
    /// The file's id, which also tells a repetition from another file.
    pub file: FileId,
    /// Where the file can be read, for a day at least.
    pub url: String,
    /// Its media type, such as `image/png`.
    pub content_type: String,
    /// Where the verdict may be told.
    pub callback_url: String,
}

/// The state of a moderation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModerationReport {
    /// The moderation's id.
    pub moderation: String,
    /// What was decided, once something is.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reason: Option<String>,
}

/// Moderation cannot be asked at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("moderation cannot be asked at the moment: {reason}")]
pub struct ModerationError {
    /// Why, for the log.
    pub reason: String,
}

/// Judges uploads, at once or later.
///
/// `mission_core::testing::RuleModeration` (feature `testing`) is one that decides by rules.
#[async_trait]
pub trait Moderation: Send + Sync {
    /// Asks for a verdict. Asking again about the same file begins no second moderation.
    ///
    /// # Errors
    /// When it is away or refuses.
    async fn submit(&self, request: &ModerationRequest) -> Result<ModerationReport, ModerationError>;

    /// What has become of a moderation; `None` where none of that id is known.
    ///
    /// # Errors
    /// When it is away.
    async fn report(&self, moderation: &str) -> Result<Option<ModerationReport>, ModerationError>;
}
