//! JPEG without metadata.

use bytes::Bytes;
use image::metadata::Orientation;
use img_parts::{
    ImageEXIF,
    jpeg::{Jpeg, markers},
};

use super::{
    UploadError,
    clean::{broken, cut_off, exif_of, refuse_behind},
};

const ICC: &[u8] = b"ICC_PROFILE\0";

/// The image with its colours and how it is to be turned, and nothing else.
pub(super) fn clean(bytes: &Bytes, orientation: Orientation) -> Result<Bytes, UploadError> {
    let scans = Jpeg::from_bytes(bytes.clone()).map_err(broken)?;
    let in_scans = scans.segments().last().filter(|segment| segment.has_entropy());
    let scan_bytes = in_scans.map(|segment| segment.len_with_entropy() - segment.len());
    // The library leaves all from the first scan on as it is.
    let from = bytes.len() - scan_bytes.ok_or_else(cut_off)?;
    let end = from + end_of_scans(&bytes[from..])?;
    refuse_second(&bytes[end..])?;
    let mut jpeg = Jpeg::from_bytes(bytes.slice(..end)).map_err(broken)?;
    jpeg.segments_mut().retain(|segment| match segment.marker() {
        markers::APP2 => segment.contents().starts_with(ICC),
        // JFIF, and which colours the numbers mean.
        markers::APP0 | markers::APP14 => true,
        marker => !is_metadata(marker),
    });
    jpeg.set_exif(exif_of(orientation));
    Ok(jpeg.encoder().bytes())
}

/// Application data and comments.
fn is_metadata(marker: u8) -> bool {
    matches!(marker, markers::APP0..=markers::APP15 | markers::COM)
}

/// Cameras put more images (previews, brightness for bright screens) or a short video behind an image: these are left
/// away. Anything else is refused.
fn refuse_second(rest: &[u8]) -> Result<(), UploadError> {
    let is_jpeg = rest.starts_with(&[0xff, 0xd8, 0xff]);
    let is_video = rest.get(4..8) == Some(b"ftyp");
    if is_jpeg || is_video {
        Ok(())
    } else {
        refuse_behind(rest)
    }
}

/// Where the image ends, counted from the first byte of its first scan.
fn end_of_scans(bytes: &[u8]) -> Result<usize, UploadError> {
    let mut at = 0;
    loop {
        at += bytes
            .get(at..)
            .unwrap_or_default()
            .iter()
            .position(|byte| *byte == 0xff)
            .ok_or_else(cut_off)?;
        let fill = bytes[at..].iter().take_while(|byte| **byte == 0xff).count();
        at += fill;
        match *bytes.get(at).ok_or_else(cut_off)? {
            markers::EOI => return Ok(at + 1),
            // Data, or a mark within it.
            0 | 1 | 0xd0..=0xd7 => at += 1,
            marker if is_metadata(marker) => {
                return Err(UploadError::invalid("the image has metadata between its scans"));
            }
            _ => {
                let length = bytes.get(at + 1..at + 3).ok_or_else(cut_off)?;
                at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
            }
        }
    }
}
