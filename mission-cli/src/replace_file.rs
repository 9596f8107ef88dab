//! A file of an author's, changed in place.

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// A file stayed as it was.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is as it was: {why}", .path.display())]
pub(crate) struct NotReplaced {
    path: PathBuf,
    why: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("it was changed meanwhile; try again")]
    Changed,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<NotReplaced> for Failure {
    fn from(error: NotReplaced) -> Self {
        Failure::Failed(error.to_string())
    }
}

/// Puts a new text in place of a file that still has the old one. Whoever reads it sees one of the two.
pub(crate) fn replace_file(path: &Path, before: &str, after: &str) -> Result<(), NotReplaced> {
    replace(path, before, after).map_err(|why| NotReplaced {
        path: path.to_owned(),
        why,
    })
}

fn replace(path: &Path, before: &str, after: &str) -> Result<(), Reason> {
    // A link stays one.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(&path);
    let permissions: Permissions = fs::metadata(&path)?.permissions();
    let mut new = tempfile::Builder::new().prefix(".mission-").tempfile_in(folder)?;
    new.write_all(after.as_bytes())?;
    new.as_file().set_permissions(permissions)?;
    new.as_file().sync_all()?;
    if fs::read(&path)? != before.as_bytes() {
        return Err(Reason::Changed);
    }
    new.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pack.toml");
        fs::write(&path, "theirs").unwrap();
        assert!(matches!(replace(&path, "mine", "fixed"), Err(Reason::Changed)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        replace(&path, "theirs", "fixed").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "fixed");
        // Nothing else is left behind.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
