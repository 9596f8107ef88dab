//! The end of a file, where a second file would hide.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use super::UploadError;

/// The longest end of a ZIP archive: its record, and a comment.
const LONGEST: u64 = 22 + 65_535;
const RECORD: usize = 22;
const SIGNATURE: &[u8] = b"PK\x05\x06";

/// The last bytes of a file.
pub(super) fn read(file: &mut File, size: u64) -> Result<Vec<u8>, UploadError> {
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(LONGEST)))
        .and_then(|_| file.read_to_end(&mut tail))
        .map_err(UploadError::Temporary)?;
    Ok(tail)
}

/// Refuses a file that can also be opened as a ZIP archive (JAR, APK, DOCX, …), which is read from its end.
pub(super) fn refuse_archive(tail: &[u8]) -> Result<(), UploadError> {
    let is_end = |record: &[u8]| {
        let comment = usize::from(u16::from_le_bytes([record[20], record[21]]));
        record.starts_with(SIGNATURE) && record.len() - RECORD >= comment
    };
    let ends = (0..tail.len().saturating_sub(RECORD - 1)).filter(|from| is_end(&tail[*from..]));
    if ends.count() > 0 {
        return Err(UploadError::invalid("the file is an archive as well"));
    }
    Ok(())
}
