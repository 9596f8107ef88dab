//! WebP without metadata.

use bytes::{Bytes, BytesMut};
use image::metadata::Orientation;
use img_parts::{
    riff::{RiffChunk, RiffContent},
    webp::WebP,
};

use super::{
    UploadError,
    clean::{broken, exif_of, refuse_behind},
};

/// What an image, still or moving, is drawn with.
const KEPT: &[&[u8; 4]] = &[b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// Flags that say that there is such metadata.
const EXIF_FLAG: u8 = 0b1000;
const XMP_FLAG: u8 = 0b0100;

/// The image with its colours and how it is to be turned, and nothing else.
pub(super) fn clean(bytes: &Bytes, orientation: Orientation) -> Result<Bytes, UploadError> {
    let mut webp = WebP::from_bytes(bytes.clone()).map_err(broken)?;
    let length = usize::try_from(webp.len()).unwrap_or(usize::MAX);
    refuse_behind(bytes.get(length..).unwrap_or_default())?;
    webp.chunks_mut().retain(|chunk| KEPT.contains(&&chunk.id()));
    let extended = webp.chunks_mut().iter_mut().find(|chunk| chunk.id() == *b"VP8X");
    // Without that chunk there is no room for metadata.
    if let Some(RiffContent::Data(data)) = extended.map(RiffChunk::content_mut) {
        let exif = exif_of(orientation);
        let mut changed = BytesMut::from(&data[..]);
        if let Some(flags) = changed.first_mut() {
            *flags &= !(EXIF_FLAG | XMP_FLAG);
            *flags |= if exif.is_some() { EXIF_FLAG } else { 0 };
        }
        *data = changed.freeze();
        if let Some(exif) = exif {
            let chunk = RiffChunk::new(*b"EXIF", RiffContent::Data(exif));
            webp.chunks_mut().push(chunk);
        }
    }
    Ok(webp.encoder().bytes())
}
