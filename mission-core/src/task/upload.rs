//! Files that a user uploaded to a task, and what a person or a service found of them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::FileId;

/// A file that is kept somewhere, as whoever keeps it describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedFile {
    /// Under which id it is kept.
    pub id: FileId,
    /// The SHA-256 of its bytes as they were sent.
    pub sha256: ContentHash,
    /// A hash that copies with small changes nearly share, of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perceptual_hash: Option<u64>,
    /// Its media type, as its bytes show.
    pub content_type: String,
    /// How long it is.
    pub size_bytes: u64,
}

/// A SHA-256 over content; in JSON 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash(pub [u8; 32]);

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> String {
        data_encoding::HEXLOWER.encode(&hash.0)
    }
}

impl TryFrom<String> for ContentHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes());
        let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(ContentHash)
            .ok_or("a SHA-256 has 64 hexadecimal digits")
    }
}

/// A file of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The file.
    pub file: UploadedFile,
    /// What was found of it.
    pub status: UploadStatus,
    /// When it was uploaded.
    pub uploaded_at: DateTime<Utc>,
    /// When it was approved or rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What was found of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UploadStatus {
    /// Nothing yet.
    Pending,
    /// It shows what it must.
    Approved,
    /// It does not.
    Rejected,
}

/// How many files a task takes, whatever became of them.
pub const MOST_UPLOADS_OF_A_TASK: usize = 10;

/// How many files a user may upload on one local day.
pub const MOST_UPLOADS_A_DAY: u32 = 30;

/// How many files a user has uploaded on the local day on which the last one came.
///
/// ```
/// use mission_core::task::UploadCount;
/// let day = |n| chrono::NaiveDate::from_ymd_opt(2026, 1, n).unwrap();
/// let count = UploadCount::default().one_more(day(5)).one_more(day(5));
/// assert_eq!((count.on(day(5)), count.on(day(6))), (2, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadCount {
    date: Option<NaiveDate>,
    count: u32,
}

impl UploadCount {
    /// Whether there never was any.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.date.is_none()
    }

    /// How many on a day.
    #[must_use]
    pub fn on(&self, date: NaiveDate) -> u32 {
        if self.date == Some(date) { self.count } else { 0 }
    }

    /// With one more on a day.
    #[must_use]
    pub fn one_more(self, date: NaiveDate) -> Self {
        UploadCount {
            date: Some(date),
            count: self.on(date).saturating_add(1),
        }
    }
}
