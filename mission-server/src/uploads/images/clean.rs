//! What the formats share when metadata is taken out.

use bytes::Bytes;
use image::metadata::Orientation;

use super::UploadError;

/// An image that ends before it should.
pub(super) fn cut_off() -> UploadError {
    UploadError::invalid("the image is cut off")
}

/// An image that cannot be taken apart.
pub(super) fn broken(error: img_parts::Error) -> UploadError {
    match error {
        img_parts::Error::Truncated => cut_off(),
        error => UploadError::invalid(format!("the image is broken: {error}")),
    }
}

/// Refuses a second file behind an image. Zeros fill a file up, and are left away.
pub(super) fn refuse_behind(rest: &[u8]) -> Result<(), UploadError> {
    if rest.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        Err(UploadError::invalid("there is something behind the image's end"))
    }
}

/// EXIF data with nothing but how the image is to be turned; `None` where it is not.
pub(super) fn exif_of(orientation: Orientation) -> Option<Bytes> {
    if orientation == Orientation::NoTransforms {
        return None;
    }
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.push(orientation.to_exif());
    // The rest of the value, and that no directory follows.
    exif.extend_from_slice(&[0; 6]);
    Some(exif.into())
}
