//! What can be said of a file before it is looked into.

use super::{MediaType, UploadError, media_type, spool::Spooled};

/// A name is for people; one that could be taken for a place in a file system comes from no honest client.
pub(super) fn name(name: Option<&str>) -> Result<(), UploadError> {
    let name = name.unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let is_bad = |name: &str| {
        let has_drive = name.as_bytes().get(1) == Some(&b':');
        has_drive
            || name.contains(['/', '\\'])
            || name.contains(char::is_control)
            || matches!(name, "." | "..")
    };
    if is_bad(name) || is_bad(&decoded) || name.len() > 255 {
        return Err(UploadError::invalid(
            "the file's name must be a plain name of 255 bytes at most, without a path or control characters",
        ));
    }
    Ok(())
}

/// What a file is, where it is taken and claims nothing else.
pub(super) fn kind(
    arrived: &Spooled,
    allowed: &[MediaType],
    content_type: Option<&str>,
) -> Result<MediaType, UploadError> {
    if arrived.size == 0 {
        return Err(UploadError::invalid("the file is empty"));
    }
    let kind = match MediaType::of_bytes(&arrived.head) {
        Some(kind) if allowed.contains(&kind) => kind,
        Some(kind) => {
            let found = format!("the file is `{}`, which is not taken", kind.content_type());
            return Err(UploadError::unsupported(&found, allowed));
        }
        None => {
            return Err(UploadError::unsupported(
                "the bytes are of no type that is taken",
                allowed,
            ));
        }
    };
    let is = kind.content_type();
    match media_type::claimed(content_type) {
        Ok(claim) if claim.is_none_or(|claim| claim == kind) => Ok(kind),
        Ok(Some(claim)) => Err(UploadError::UnsupportedType {
            detail: format!("the file claims to be `{}` and is `{is}`", claim.content_type()),
        }),
        _ => Err(UploadError::UnsupportedType {
            detail: format!("the file claims another type than `{is}`, which it is"),
        }),
    }
}
