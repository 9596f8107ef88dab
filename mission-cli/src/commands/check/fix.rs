//! `mission check --fix`: what has only one way out is changed, each file at once or not at all.

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    path::Path,
};

use mission_rules::pack::{FixedFile, fixed_files};

use super::Checked;
use crate::{
    cli::{Check, CheckFormat},
    commands::diff::unified,
    failure::Failure,
    output::{self, GOOD},
    pack,
};

/// Shows what is changed, and changes it unless it is only to be shown. Answers whether files were written.
pub(super) fn run(args: &Check, folder: &Path, checked: &Checked) -> Result<bool, Failure> {
    let fixed = fixed_files(&checked.findings, &checked.files);
    let mut told = String::new();
    for FixedFile { file, text, .. } in &fixed {
        let path = match pack::root(folder).as_str() {
            "" => file.clone(),
            root => format!("{root}/{file}"),
        };
        let before = checked.files.get(file).unwrap_or_default();
        told.push_str(&unified(&path, &path, before, text));
        if !args.dry_run {
            write(&folder.join(file), before, text).map_err(|why| not_fixed(&path, &why))?;
        }
    }
    let fixes = fixed.iter().map(|file| file.fixes).sum::<usize>();
    let verb = if args.dry_run { "to fix" } else { "fixed" };
    told.push_str(&format!(
        "{GOOD}{verb}{GOOD:#}: {} in {}\n\n",
        output::count(fixes, "finding"),
        output::count(fixed.len(), "file")
    ));
    match args.format {
        CheckFormat::Human => output::print(&told)?,
        // The standard output is for a program.
        CheckFormat::Json | CheckFormat::Sarif => output::tell(&told),
    }
    Ok(!args.dry_run && !fixed.is_empty())
}

/// Why a file stayed as it was.
#[derive(Debug, thiserror::Error)]
enum Unfixed {
    #[error("it was changed meanwhile; check again")]
    Changed,
    #[error("{0}")]
    Io(#[from] io::Error),
}

fn not_fixed(path: &str, why: &Unfixed) -> Failure {
    Failure::Failed(format!("`{path}` is as it was: {why}"))
}

/// Puts a new text in place of a file that still has the old one. Whoever reads it sees one of the two.
fn write(path: &Path, before: &str, after: &str) -> Result<(), Unfixed> {
    // A link stays one.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(&path);
    let permissions: Permissions = fs::metadata(&path)?.permissions();
    let mut new = tempfile::Builder::new()
        .prefix(".mission-check-")
        .tempfile_in(folder)?;
    new.write_all(after.as_bytes())?;
    new.as_file().set_permissions(permissions)?;
    new.as_file().sync_all()?;
    if fs::read(&path)? != before.as_bytes() {
        return Err(Unfixed::Changed);
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
        assert!(matches!(write(&path, "mine", "fixed"), Err(Unfixed::Changed)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        write(&path, "theirs", "fixed").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "fixed");
        // Nothing else is left behind.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
