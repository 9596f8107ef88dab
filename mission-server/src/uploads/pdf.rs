//! PDF: whole, and nothing behind its end.

use std::fs::File;

use super::{UploadError, trailing_data};

const END: &[u8] = b"%%EOF";

/// Checks that a document ends where its file does.
pub(super) fn check(file: &mut File, size: u64) -> Result<(), UploadError> {
    let tail = trailing_data::read(file, size)?;
    let end = tail.windows(END.len()).rposition(|part| part == END);
    let Some(end) = end else {
        return Err(UploadError::invalid("the document is cut off: it has no end"));
    };
    let behind = &tail[end + END.len()..];
    if behind.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        Ok(())
    } else {
        Err(UploadError::invalid(
            "there is something behind the document's end",
        ))
    }
}
