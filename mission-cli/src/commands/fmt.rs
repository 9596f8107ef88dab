//! `mission fmt`: the files of a pack, written in one way.

use std::process::ExitCode;

use mission_rules::pack::{self as packs, FormatError};

use super::diff::unified;
use crate::{
    cli::Fmt,
    failure::{CommandResult, exit},
    output, pack,
    replace_file::replace_file,
};

pub(crate) fn run(args: &Fmt) -> CommandResult {
    let files = pack::read(&args.pack)?;
    let scripts = pack::scripts();
    let (mut changed, mut unreadable) = (0_usize, 0_usize);
    for (path, text) in files.iter() {
        let place = args.pack.join(path);
        match packs::format(path, text, &scripts) {
            Ok(formatted) if formatted == text => continue,
            Ok(formatted) if args.check => {
                let shown = place.display().to_string();
                output::print(&unified(
                    &shown,
                    &format!("{shown} (formatted)"),
                    text,
                    &formatted,
                ))?;
            }
            Ok(formatted) => {
                replace_file(&place, text, &formatted)?;
                output::line(&format!("formatted {}", place.display()))?;
            }
            Err(error @ (FormatError::Unreadable(_) | FormatError::Changed)) => {
                output::error(&format!("{}: {error}", place.display()));
                unreadable += 1;
                continue;
            }
        }
        changed += 1;
    }
    let shown = args.pack.display();
    let count = output::count(changed, "file");
    output::line(&match (changed, args.check) {
        (0, _) => format!("`{shown}`: nothing to format"),
        (_, true) => format!("`{shown}`: {count} to format; run `mission fmt {shown}`"),
        (_, false) => format!("`{shown}`: {count} formatted"),
    })?;
    Ok(if unreadable > 0 || (args.check && changed > 0) {
        exit::failed()
    } else {
        ExitCode::SUCCESS
    })
}
