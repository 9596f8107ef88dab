//! Why an upload is refused, and what a client is told.

use std::{io, time::Duration};

use axum::{extract::multipart::MultipartError, http::StatusCode};
use mission_core::ports::storage::StorageError;

use super::MediaType;
use crate::http::Problem;

/// Why a file was not taken, or cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The file has more bytes than are allowed.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// Bytes at most.
        limit: u64,
    },
    /// The bytes are of no type that is taken, or not of the type that was claimed.
    #[error("{detail}")]
    UnsupportedType {
        /// What was found, and what would be taken.
        detail: String,
    },
    /// The file is of a type that is taken, but broken, oversized in its content, or more than it seems.
    #[error("{0}")]
    Invalid(String),
    /// The form has no single part named `file`.
    #[error("send one part with the name `file` and nothing else: {0}")]
    Form(String),
    /// Looking at the file took too long.
    #[error("the file takes longer than {0:?} to decode")]
    TooSlow(Duration),
    /// The body ended or broke before the file did.
    #[error("the file could not be received: {0}")]
    NotReceived(String),
    /// Too many files are looked at right now.
    #[error("too many uploads are being looked at; try again")]
    Busy,
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The configured place cannot be used.
    #[error("{0}")]
    Location(String),
    /// The store failed.
    #[error("the store of files failed: {0}")]
    Store(object_store::Error),
    /// The storage cannot keep or give files now.
    #[error("{0}")]
    Unavailable(String),
    /// A temporary file could not be written or read.
    #[error("a temporary file failed: {0}")]
    Temporary(io::Error),
}

impl UploadError {
    /// A failure of a temporary file.
    #[must_use]
    pub fn temporary(error: io::Error) -> Self {
        UploadError::Temporary(error)
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        UploadError::Invalid(detail.into())
    }

    pub(super) fn unsupported(found: &str, allowed: &[MediaType]) -> Self {
        let allowed: Vec<&str> = allowed.iter().map(|kind| kind.content_type()).collect();
        UploadError::UnsupportedType {
            detail: format!("{found}; send {}", allowed.join(", ")),
        }
    }
}

impl From<object_store::Error> for UploadError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => UploadError::NotFound,
            error => UploadError::Store(error),
        }
    }
}

impl From<StorageError> for UploadError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => UploadError::NotFound,
            error => UploadError::Unavailable(error.to_string()),
        }
    }
}

impl From<UploadError> for StorageError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::NotFound => StorageError::NotFound,
            error => StorageError::Unavailable {
                reason: error.to_string(),
            },
        }
    }
}

impl From<MultipartError> for UploadError {
    fn from(error: MultipartError) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => UploadError::TooLarge { limit: 0 },
            _ => UploadError::NotReceived(error.body_text()),
        }
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        let (status, code) = match &error {
            UploadError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            UploadError::UnsupportedType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            UploadError::Invalid(_) | UploadError::Form(_) | UploadError::TooSlow(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_upload")
            }
            UploadError::NotReceived(_) => (StatusCode::BAD_REQUEST, "incomplete_body"),
            UploadError::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            UploadError::Busy => {
                return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error.to_string())
                    .retry_after(1);
            }
            UploadError::Location(_)
            | UploadError::Store(_)
            | UploadError::Unavailable(_)
            | UploadError::Temporary(_) => {
                tracing::error!(reason = %error, "files cannot be kept or read");
                let detail = "the store of files is away; nothing was changed, try again";
                return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(1);
            }
        };
        Problem::new(status, code, error.to_string())
    }
}
