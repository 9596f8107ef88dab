//! What is kept of a file that was looked into.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mission_core::ports::storage::{FileContent, FileStream};
use tokio_util::io::ReaderStream;

/// Bytes that are read of a file at once.
const PIECE_BYTES: usize = 64 << 10;

/// A file that was looked into, as it is to be kept.
pub(super) enum Content {
    /// Without what was taken out of it.
    Cleaned(Bytes),
    /// As it came, with its length.
    AsSent(File, u64),
}

impl FileContent for Content {
    fn size_bytes(&self) -> u64 {
        match self {
            Content::Cleaned(bytes) => bytes.len() as u64,
            Content::AsSent(_, length) => *length,
        }
    }

    fn open(&self) -> io::Result<FileStream> {
        Ok(match self {
            Content::Cleaned(bytes) => {
                let bytes = bytes.clone();
                stream::once(async move { Ok(bytes) }).boxed()
            }
            Content::AsSent(file, _) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                ReaderStream::with_capacity(tokio::fs::File::from_std(file), PIECE_BYTES).boxed()
            }
        })
    }
}
