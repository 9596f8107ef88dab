//! Secrets that stand in files of their own, as orchestrators mount them.

use std::io::Read;

/// The largest such file.
const LARGEST: u64 = 64 * 1024;

/// The secret in a file, without the line break at its end.
pub(super) fn read(path: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("has more than {LARGEST} bytes: it is no secret"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "holds bytes that are no text (UTF-8)".to_owned())?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(secret.to_owned())
}
