//! Files that a user uploaded to a task, and what a person or a service found of them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::VerificationMethod;
use crate::FileId;

/// A file that is kept somewhere, as whoever keeps it describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedFile {
    /// Under which id it is kept.
    pub id: FileId,
    /// What the storage service calls it, where one keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_as: Option<String>,
    /// The SHA-256 of its bytes as they were sent.
    pub sha256: ContentHash,
    /// A hash that copies with small changes nearly share, of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perceptual_hash: Option<PerceptualHash>,
    /// Its media type, as its bytes show.
    pub content_type: String,
    /// How long it is.
    pub size_bytes: u64,
}

/// A perceptual hash of an image: 64 bits, nearly all of which similar images share.
///
/// ```
/// use mission_core::task::PerceptualHash;
/// let (one, other) = (PerceptualHash(0b1011), PerceptualHash(0b0010));
/// assert_eq!(one.distance(other), 2);
/// assert!(one.is_near(other) && !one.is_near(PerceptualHash(!0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PerceptualHash(pub u64);

impl PerceptualHash {
    /// Images whose hashes differ in so many bits at most are near copies of each other, and worth a person's look.
    pub const NEAR: u32 = 6;
    /// A hash falls into so many bands; two that are near share one at least.
    pub const BANDS: u32 = Self::NEAR + 1;

    /// So many images of a band are compared with a new one, the newest: what an upload costs does not grow with all that were
    /// ever uploaded. Of a million images that have nothing in common a band holds 2,000.
    pub const NEWEST: u32 = 2_000;

    /// In how many of 64 bits two hashes differ. For two images that have nothing to do with each other it is about 32.
    #[must_use]
    pub fn distance(self, other: PerceptualHash) -> u32 {
        (self.0 ^ other.0).count_ones()
    }

    /// Whether the images are near copies of each other.
    #[must_use]
    pub fn is_near(self, other: PerceptualHash) -> bool {
        self.distance(other) <= Self::NEAR
    }

    /// The bands with their numbers, by which a store finds what may be near: nine bits each, the last one ten.
    pub fn bands(self) -> impl Iterator<Item = i64> {
        (0..Self::BANDS).map(move |band| {
            let bits = if band == Self::BANDS - 1 { 10 } else { 9 };
            let part = (self.0 >> (9 * band)) & ((1 << bits) - 1);
            i64::from(band) << 16 | i64::try_from(part).unwrap_or_default()
        })
    }
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
    /// How it was judged: by a person or by the moderation service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<VerificationMethod>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The status of an uploaded file.
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

/// The number of files that a user has uploaded on the local day of the last one.
///
/// ```
/// use mission_core::task::UploadCount;
/// let day = |n| chrono::NaiveDate::from_ymd_opt(2026, 1, n).unwrap();
/// let count = UploadCount::default().incremented(day(5)).incremented(day(5));
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
    pub fn incremented(self, date: NaiveDate) -> Self {
        UploadCount {
            date: Some(date),
            count: self.on(date).saturating_add(1),
        }
    }
}
