//! Images: taken apart so that nothing but the image is kept, decoded within limits, and hashed by their looks.

mod clean;
mod decode;
mod gif;
mod hash;
mod jpeg;
mod png;
mod webp;

use std::time::Instant;

use bytes::Bytes;

use super::{Limits, MediaType, UploadError, inspect::Inspected};

/// Checks an image and takes its metadata out. What is decoded is what will be stored.
pub(super) fn inspect(
    bytes: &Bytes,
    kind: MediaType,
    limits: &Limits,
    deadline: Instant,
) -> Result<Inspected, UploadError> {
    // Before anything else is done with it.
    let orientation = decode::orientation(bytes, kind, limits)?;
    let cleaned = match kind {
        MediaType::Jpeg => jpeg::clean(bytes, orientation)?,
        MediaType::Png => png::clean(bytes, orientation)?,
        MediaType::WebP => webp::clean(bytes, orientation)?,
        _ => gif::clean(bytes)?,
    };
    let mut image = decode::decode(&cleaned, kind, limits, deadline)?;
    image.apply_orientation(orientation);
    Ok(Inspected {
        perceptual: hash::of(&image),
        cleaned: Some(cleaned),
    })
}
