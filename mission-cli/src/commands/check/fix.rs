//! `mission check --fix`: what has only one way out is changed, each file at once or not at all.

use std::path::Path;

use mission_rules::pack::{FixedFile, fixed_files};

use super::Checked;
use crate::{
    cli::{Check, CheckFormat},
    commands::diff::unified,
    failure::Failure,
    output::{self, GOOD},
    pack,
    replace_file::replace_file,
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
            replace_file(&folder.join(file), before, text)?;
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
