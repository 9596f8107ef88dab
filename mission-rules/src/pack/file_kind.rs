//! What a file is by its place in the pack, and what is said of one that is in none.

use super::{
    Finding,
    files::{is_name, suggested_name},
};
use crate::{FindingCode, diagnostic::Diagnostic, suggest};

const AT_THE_TOP: [&str; 4] = ["pack.toml", "checkin.toml", "referral.toml", "risk.toml"];

/// The folders of a pack, and the ending of their files.
const FOLDERS: [(&str, &str); 3] = [("missions", ".toml"), ("rules", ".rhai"), ("tests", ".toml")];

/// The kind of a file, by its path in the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A mission.
    Mission,
    /// A file of cases.
    Cases,
    /// A script, or one of the files at the top.
    Known,
    /// Nothing reads it.
    Stray,
}

impl FileKind {
    pub(super) fn of(path: &str) -> FileKind {
        match path.split_once('/') {
            None if AT_THE_TOP.contains(&path) => FileKind::Known,
            Some(("missions", name)) if !name.contains('/') && name.ends_with(".toml") => FileKind::Mission,
            Some(("tests", name)) if !name.contains('/') && name.ends_with(".toml") => FileKind::Cases,
            // A mission names its script by its path, so a script may be in a folder below.
            Some(("rules", name)) if name.ends_with(".rhai") => FileKind::Known,
            _ => FileKind::Stray,
        }
    }
}

/// What is to be said of a file by its path alone.
pub(super) fn check_place(path: &str) -> Option<Finding> {
    let diagnostic = match FileKind::of(path) {
        FileKind::Stray => stray(path)?,
        _ => bad_name(path)?,
    };
    Some(Finding::new(path, diagnostic.at(0..0)))
}

/// A file that was meant for the pack is an error: its mission or cases would be missing without a word.
fn stray(path: &str) -> Option<Diagnostic> {
    const READ: &str = "missions are read from `missions/`, scripts from `rules/`, cases from `tests/`";
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let looks_read = matches!(
        ending.to_ascii_lowercase().as_str(),
        "toml" | "tml" | "yaml" | "yml" | "json" | "rhai"
    );
    let top = folder.split('/').next().unwrap_or_default();
    let known = FOLDERS
        .iter()
        .find(|(known, _)| suggest::closest(top, [*known]).is_some());
    let message = "nothing reads this file";
    let error = |help: String| Some(Diagnostic::new(FindingCode::PackStrayFile, message).with_help(help));
    let warning = |help: &str| {
        Some(
            Diagnostic::new(FindingCode::PackStrayFile, message)
                .into_warning()
                .with_help(help),
        )
    };
    match known {
        // A note or a picture is the author's own.
        None if !looks_read => None,
        None => match suggest::closest(name, AT_THE_TOP).filter(|_| folder.is_empty()) {
            Some(meant) => error(format!("did you mean `{meant}`?")),
            None => warning(READ),
        },
        Some(_) if !looks_read => warning("take it out of the pack's folders"),
        Some((known, wanted)) if format!(".{ending}") != *wanted => error(format!(
            "files there end in `{wanted}`: write it as `{known}/{stem}{wanted}`"
        )),
        Some((known, _)) if top != *known => error(format!("did you mean `{known}/{name}`?")),
        Some((known, _)) => error(format!(
            "move it to `{known}/{name}`: folders below `{known}/` are not read"
        )),
    }
}

fn bad_name(path: &str) -> Option<Diagnostic> {
    let (folder, name) = path.rsplit_once('/')?;
    let (stem, ending) = name.rsplit_once('.')?;
    if is_name(stem) {
        return None;
    }
    let message = "a file's name has 1 to 64 of the characters a-z, 0-9 and `-`, and does not begin with `-`";
    let diagnostic = Diagnostic::new(FindingCode::PackBadPath, message);
    Some(match suggested_name(stem) {
        Some(better) => diagnostic.with_help(format!("call it `{folder}/{better}.{ending}`")),
        None => diagnostic,
    })
}
