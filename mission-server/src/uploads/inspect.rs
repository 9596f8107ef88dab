//! Looks into a file that has arrived.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    time::Instant,
};

use bytes::Bytes;
use mission_core::task::PerceptualHash;

use super::{Limits, MediaType, UploadError, images, mp4, pdf, trailing_data};

/// What was found.
#[derive(Debug)]
pub(super) struct Inspected {
    /// The file without metadata; `None` where it is kept as it came.
    pub(super) cleaned: Option<Bytes>,
    pub(super) perceptual: Option<PerceptualHash>,
}

/// Looks into a file of a known type. Blocks; gives up at `deadline` as soon as the decoders let it.
pub(super) fn inspect(
    file: &mut File,
    size: u64,
    kind: MediaType,
    limits: &Limits,
    deadline: Instant,
) -> Result<Inspected, UploadError> {
    trailing_data::refuse_archive(&trailing_data::read(file, size)?)?;
    let as_it_came = Inspected {
        cleaned: None,
        perceptual: None,
    };
    match kind {
        MediaType::Mp4 => mp4::check(file, size).map(|()| as_it_came),
        MediaType::Pdf => pdf::check(file, size).map(|()| as_it_came),
        kind => {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_end(&mut bytes))
                .map_err(UploadError::Temporary)?;
            images::inspect(&bytes.into(), kind, limits, deadline)
        }
    }
}
