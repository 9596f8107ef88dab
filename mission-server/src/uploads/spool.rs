//! A file as it arrives: written to a nameless temporary file, counted and hashed on the way.

use std::path::Path;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::UploadError;

/// Enough to tell what a file is.
const HEAD_BYTES: usize = 4096;

/// A file that has arrived.
#[derive(Debug)]
pub(super) struct Spooled {
    /// The bytes. The file has no name and goes when it is closed.
    pub(super) file: std::fs::File,
    pub(super) size: u64,
    pub(super) sha256: [u8; 32],
    pub(super) head: Vec<u8>,
}

/// Takes a stream in, of `limit` bytes at most.
pub(super) async fn spool<E: Into<UploadError>>(
    bytes: impl Stream<Item = Result<Bytes, E>>,
    limit: u64,
    folder: Option<&Path>,
) -> Result<Spooled, UploadError> {
    let folder = folder.map_or_else(std::env::temp_dir, Path::to_owned);
    let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder));
    let file = file.await.map_err(std::io::Error::other).flatten();
    let mut file = tokio::fs::File::from_std(file.map_err(UploadError::Temporary)?);
    let (mut size, mut sha256, mut head) = (0_u64, Sha256::new(), Vec::new());
    let mut bytes = std::pin::pin!(bytes);
    while let Some(piece) = bytes.next().await {
        let piece = piece.map_err(|error| match error.into() {
            UploadError::TooLarge { .. } => UploadError::TooLarge { limit },
            error => error,
        })?;
        size += piece.len() as u64;
        if size > limit {
            return Err(UploadError::TooLarge { limit });
        }
        sha256.update(&piece);
        let wanted = HEAD_BYTES.saturating_sub(head.len()).min(piece.len());
        head.extend_from_slice(&piece[..wanted]);
        file.write_all(&piece).await.map_err(UploadError::Temporary)?;
    }
    file.flush().await.map_err(UploadError::Temporary)?;
    Ok(Spooled {
        file: file.into_std().await,
        size,
        sha256: sha256.finalize().into(),
        head,
    })
}
