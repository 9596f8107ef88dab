//! The files of a pack: from a folder, or out of the body of `PUT /packs/{name}`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use rayon::prelude::*;

use super::Finding;
use crate::{FindingCode, diagnostic::Diagnostic};

/// Limits of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackLimits {
    /// The number of files; folders and files of other kinds count too, for they have to be looked at.
    pub max_files: usize,
    /// The bytes of one file.
    pub max_file_bytes: usize,
    /// The bytes of all files.
    pub max_total_bytes: usize,
    /// Folders within folders.
    pub max_depth: usize,
}

impl Default for PackLimits {
    /// 250,000 files, 1 MiB each, 256 MiB together, 8 folders deep: 100,000 missions with scripts and cases fit.
    fn default() -> Self {
        PackLimits {
            max_files: 250_000,
            max_file_bytes: 1 << 20,
            max_total_bytes: 256 << 20,
            max_depth: 8,
        }
    }
}

/// The texts of a pack by their path inside it (`missions/watch.toml`), and what was refused on the way.
///
/// ```
/// use mission_rules::pack::{Pack, PackFiles};
/// let files = PackFiles::from_map([("pack.toml", "name = \"demo\"\nversion = \"1\"\n"), ("../up.toml", "")]);
/// let (pack, findings) = Pack::load(&files);
/// assert!(pack.is_none());
/// assert_eq!(findings[0].diagnostic.code, "pack/bad-path");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackFiles {
    texts: BTreeMap<String, String>,
    refused: Vec<Finding>,
    /// Files below the folder that are none of a pack's.
    unread: Vec<String>,
    total_bytes: usize,
}

/// The folder cannot be read as a pack at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the pack `{}`: {source}", .path.display())]
pub struct UnreadablePack {
    /// The folder, or what in it could not be read.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl PackFiles {
    /// Takes the files of a request body. A path that is absolute, or leaves the pack, is refused.
    pub fn from_map<P, T>(files: impl IntoIterator<Item = (P, T)>) -> Self
    where
        P: Into<String>,
        T: Into<String>,
    {
        let limits = PackLimits::default();
        let mut pack = PackFiles::default();
        for (path, text) in files {
            let (path, text) = (path.into(), text.into());
            match relative_path(&path) {
                Ok(clean) if clean == path => pack.add(path, text, &limits),
                _ => pack.refuse(
                    path.chars().take(200).collect(),
                    Diagnostic::new(FindingCode::PackBadPath, "the path is not one inside the pack").with_help(
                        "use a relative path with `/`, such as `missions/watch.toml`, without `.` and `..`",
                    ),
                ),
            }
        }
        pack
    }

    /// Reads every `.toml` and `.rhai` file of a folder, within the default limits. Hidden files are left out;
    /// links that lead out of the folder, texts that are not UTF-8 and what is too large are refused, as findings.
    ///
    /// # Errors
    /// When the folder itself, or something in it, cannot be read.
    pub fn from_dir(folder: &Path) -> Result<Self, UnreadablePack> {
        Self::from_dir_within(folder, &PackLimits::default())
    }

    /// As [`PackFiles::from_dir`], within limits of one's own.
    ///
    /// # Errors
    /// When the folder itself, or something in it, cannot be read.
    pub fn from_dir_within(folder: &Path, limits: &PackLimits) -> Result<Self, UnreadablePack> {
        let root = folder.canonicalize().map_err(|source| UnreadablePack {
            path: folder.into(),
            source,
        })?;
        let mut walk = Walk {
            root: &root,
            limits,
            seen: 0,
            found: Vec::new(),
            found_bytes: 0,
            files: PackFiles::default(),
        };
        walk.folder(&root, "", 0)?;
        walk.read()
    }

    /// Lays a text over a file, or adds one: what an editor shows and has not saved yet. What was said of the file on the
    /// disk no longer holds. A file that is none of a pack's is left out.
    ///
    /// ```
    /// use mission_rules::pack::PackFiles;
    /// let mut files = PackFiles::from_map([("rules/a.rhai", "fn eligible(ctx) { true }")]);
    /// files.lay_over("rules/a.rhai", "fn eligible(ctx) { false }");
    /// assert_eq!(files.get("rules/a.rhai"), Some("fn eligible(ctx) { false }"));
    /// ```
    pub fn lay_over(&mut self, path: &str, text: impl Into<String>) {
        if !is_pack_file(path) || relative_path(path).as_deref() != Ok(path) {
            return;
        }
        if let Some(before) = self.texts.remove(path) {
            self.total_bytes = self.total_bytes.saturating_sub(before.len());
        }
        self.refused.retain(|refused| refused.file != path);
        self.add(path.to_owned(), text.into(), &PackLimits::default());
    }

    /// The text of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Every path and text, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// What was refused while the files were collected.
    #[must_use]
    pub fn refused(&self) -> &[Finding] {
        &self.refused
    }

    /// Every file that was looked at: those with a text, and those below the folder that are none of a pack's.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().chain(&self.unread).map(String::as_str)
    }

    /// All texts by path, as `GET /packs/{name}` gives them.
    #[must_use]
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.texts
    }

    fn refuse(&mut self, file: String, diagnostic: Diagnostic) {
        self.refused.push(Finding::new(file, diagnostic));
    }

    fn add(&mut self, path: String, text: String, limits: &PackLimits) {
        self.total_bytes = self.total_bytes.saturating_add(text.len());
        if self.texts.len() >= limits.max_files {
            if self.texts.len() == limits.max_files
                && self
                    .refused
                    .last()
                    .is_none_or(|f| f.diagnostic.code != FindingCode::PackTooManyFiles)
            {
                self.refuse(path, too_many(limits));
            }
        } else if text.len() > limits.max_file_bytes {
            self.refuse(path, too_large(text.len() as u64, limits));
        } else if self.total_bytes > limits.max_total_bytes {
            self.refuse(path, too_large_together(limits));
        } else {
            self.texts.insert(path, text);
        }
    }
}

fn too_many(limits: &PackLimits) -> Diagnostic {
    Diagnostic::new(
        FindingCode::PackTooManyFiles,
        format!("the pack has more than {} files", limits.max_files),
    )
    .with_help("split the pack, or move what does not belong to it out of its folder")
}

fn too_large_together(limits: &PackLimits) -> Diagnostic {
    let message = format!(
        "with this file the pack has more than {} bytes",
        limits.max_total_bytes
    );
    Diagnostic::new(FindingCode::PackTooLarge, message)
}

fn too_large(bytes: u64, limits: &PackLimits) -> Diagnostic {
    Diagnostic::new(
        FindingCode::PackTooLarge,
        format!(
            "the file has {bytes} bytes; at most {} are read",
            limits.max_file_bytes
        ),
    )
}

/// A path as the pack's map of files spells it: relative, with `/`, without `.` and empty parts.
///
/// An error when the path is absolute, leaves the pack, or holds a backslash, a colon or a control character: these
/// mean something else on some systems.
pub(super) fn relative_path(path: &str) -> Result<String, ()> {
    let odd = |c: char| c == '\\' || c == ':' || c.is_control();
    if path.starts_with('/') || path.len() > 512 || path.chars().any(odd) {
        return Err(());
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(())?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        Err(())
    } else {
        Ok(parts.join("/"))
    }
}

/// Whether a pack, or a file of one without its ending, can have this name: it stands in addresses, on any system.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=64).contains(&name.len()) && name.starts_with(plain) && name.chars().all(|c| plain(c) || c == '-')
}

/// The nearest name that fits, if anything of it does.
pub(super) fn suggested_name(wanted: &str) -> Option<String> {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = wanted.trim().chars().map(plain).collect();
    let name: String = name.trim_matches('-').chars().take(64).collect();
    is_name(&name).then_some(name)
}

struct Walk<'a> {
    root: &'a Path,
    limits: &'a PackLimits,
    seen: usize,
    /// Files to read: where they are, and their paths inside the pack.
    found: Vec<(PathBuf, String)>,
    found_bytes: u64,
    files: PackFiles,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, inside: &str, depth: usize) -> Result<(), UnreadablePack> {
        let unreadable = |source| UnreadablePack {
            path: folder.into(),
            source,
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            if self.seen >= self.limits.max_files {
                self.files.refuse(inside.to_owned(), too_many(self.limits));
                return Ok(());
            }
            self.seen += 1;
            entries.push(entry.map_err(unreadable)?);
        }
        // The order of a folder differs between file systems; findings should not.
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let lossy = name.to_string_lossy().into_owned();
                self.files.refuse(
                    join(inside, &lossy),
                    Diagnostic::new(FindingCode::PackBadPath, "the file's name is not UTF-8"),
                );
                continue;
            };
            if !name.starts_with('.') {
                self.entry(&entry, &join(inside, name), depth)?;
            }
            if self.seen >= self.limits.max_files {
                return Ok(());
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, inside: &str, depth: usize) -> Result<(), UnreadablePack> {
        let path = &*entry.path();
        let unreadable = |source| UnreadablePack {
            path: path.into(),
            source,
        };
        let wanted = is_pack_file(inside);
        let own = entry.metadata().map_err(unreadable)?;
        let link = own.is_symlink();
        if link
            && !path
                .canonicalize()
                .is_ok_and(|target| target.starts_with(self.root))
        {
            self.files.refuse(
                inside.to_owned(),
                Diagnostic::new(
                    FindingCode::PackLinkOutside,
                    "the link leads out of the pack, or nowhere",
                )
                .with_help("copy the file into the pack: a pack is read by others, from another place"),
            );
            return Ok(());
        }
        let metadata = if link {
            fs::metadata(path).map_err(unreadable)?
        } else {
            own
        };
        if metadata.is_dir() {
            // A link to a folder that holds it would go round for ever.
            if link || depth >= self.limits.max_depth {
                let message = if link {
                    "the link leads to a folder; links to files are followed, to folders not"
                } else {
                    "the folders go too deep"
                };
                self.files.refuse(
                    inside.to_owned(),
                    Diagnostic::new(FindingCode::PackBadPath, message),
                );
                return Ok(());
            }
            return self.folder(path, inside, depth + 1);
        }
        if !wanted || !metadata.is_file() {
            if inside.contains('/') && metadata.is_file() {
                self.files.unread.push(inside.to_owned());
            }
            return Ok(());
        }
        if metadata.len() > self.limits.max_file_bytes as u64 {
            self.files
                .refuse(inside.to_owned(), too_large(metadata.len(), self.limits));
            return Ok(());
        }
        self.found_bytes = self.found_bytes.saturating_add(metadata.len());
        if self.found_bytes > self.limits.max_total_bytes as u64 {
            self.files
                .refuse(inside.to_owned(), too_large_together(self.limits));
            return Ok(());
        }
        self.found.push((path.to_owned(), inside.to_owned()));
        Ok(())
    }

    /// Reads what was found.
    fn read(self) -> Result<PackFiles, UnreadablePack> {
        let Walk {
            mut files,
            found,
            limits,
            ..
        } = self;
        let texts: Vec<_> = found.par_iter().map(|(path, _)| fs::read(path)).collect();
        for ((path, inside), bytes) in found.into_iter().zip(texts) {
            let bytes = bytes.map_err(|source| UnreadablePack { path, source })?;
            match String::from_utf8(bytes) {
                Ok(text) => files.add(inside, text, limits),
                Err(error) => {
                    let position = error.utf8_error().valid_up_to();
                    let message = format!("the file is not UTF-8 (byte {position})");
                    let diagnostic = Diagnostic::new(FindingCode::PackNotUtf8, message);
                    files.refuse(inside, diagnostic.with_help("save it as UTF-8"));
                }
            }
        }
        Ok(files)
    }
}

fn join(inside: &str, name: &str) -> String {
    if inside.is_empty() {
        name.to_owned()
    } else {
        format!("{inside}/{name}")
    }
}

fn is_pack_file(path: &str) -> bool {
    path.ends_with(".toml") || path.ends_with(".rhai")
}
