//! PNG without metadata.

use bytes::Bytes;
use image::metadata::Orientation;
use img_parts::{ImageEXIF, png::Png};

use super::{
    UploadError,
    clean::{broken, cut_off, exif_of, refuse_behind},
};

/// What an image, still or moving, is drawn with. Texts, times and the unknown are left away.
const KEPT: &[&[u8; 4]] = &[
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP",
    b"mDCV", b"cLLI", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

/// The image with its colours and how it is to be turned, and nothing else.
pub(super) fn clean(bytes: &Bytes, orientation: Orientation) -> Result<Bytes, UploadError> {
    let mut png = Png::from_bytes(bytes.clone()).map_err(broken)?;
    let ends = |chunk: &img_parts::png::PngChunk| chunk.kind() == *b"IEND" && chunk.contents().is_empty();
    if !png.chunks().last().is_some_and(ends) {
        return Err(cut_off());
    }
    refuse_behind(&bytes[png.len().min(bytes.len())..])?;
    png.chunks_mut().retain(|chunk| KEPT.contains(&&chunk.kind()));
    png.set_exif(exif_of(orientation));
    Ok(png.encoder().bytes())
}
