//! MP4: its outermost boxes, which must fill the file.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use super::UploadError;

/// Boxes that a file has on its outermost level, by ISO/IEC 14496-12 and what cameras write.
const KNOWN: &[&[u8; 4]] = &[
    b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"udta", b"meta", b"uuid", b"moof", b"mfra",
    b"sidx", b"ssix", b"styp", b"pdin", b"prft", b"emsg", b"mvex",
];
/// More boxes than an honest file of this size has.
const MOST: usize = 100_000;

/// Checks that a video is whole: it begins with its type, its boxes fill the file, and it describes its media.
pub(super) fn check(file: &mut File, size: u64) -> Result<(), UploadError> {
    let (mut at, mut has_moov, mut has_media) = (0, false, false);
    for _ in 0..MOST {
        if at == size {
            return if has_moov && has_media {
                Ok(())
            } else {
                Err(UploadError::invalid(
                    "the video is cut off: it has no media, or nothing describes them",
                ))
            };
        }
        let (name, length) = read_box(file, at, size)?;
        if !KNOWN.contains(&&name) {
            return Err(UploadError::invalid(
                "there is something in the video that is no part of one",
            ));
        }
        has_moov |= name == *b"moov";
        has_media |= name == *b"mdat" || name == *b"moof";
        at += length;
    }
    Err(UploadError::invalid("the video has too many parts"))
}

/// The name and length of the box at a place.
fn read_box(file: &mut File, at: u64, size: u64) -> Result<([u8; 4], u64), UploadError> {
    let cut_off = || UploadError::invalid("the video is cut off");
    let left = size - at;
    let mut head = [0; 16];
    let known = usize::try_from(left.min(16)).unwrap_or(16);
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(&mut head[..known]))
        .map_err(UploadError::Temporary)?;
    let [a, b, c, d, name @ .., _, _, _, _, _, _, _, _] = head;
    let (length, least) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (left, 8),
        1 => {
            let [.., s, t, u, v, w, x, y, z] = head;
            (u64::from_be_bytes([s, t, u, v, w, x, y, z]), 16)
        }
        length => (u64::from(length), 8),
    };
    if left < least || length < least || length > left {
        return Err(cut_off());
    }
    Ok((name, length))
}
