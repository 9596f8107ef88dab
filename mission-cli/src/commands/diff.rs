//! `mission diff`: a pack against the one on a server.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    process::ExitCode,
};

use similar::TextDiff;

use crate::{
    cli::Diff,
    failure::{CommandResult, Failure, exit},
    output::{self, BAD, GOOD},
    pack,
    server::Server,
};

pub(crate) fn run(args: &Diff) -> CommandResult {
    let server = Server::new(&args.server)?;
    let (pack, files) = pack::load(&args.pack, &pack::scripts()).map_err(Failure::into_failed)?;
    let Some(theirs) = server.get(&pack.name, None)? else {
        return Err(Failure::Failed(format!(
            "{} has no pack `{}`; `mission push` puts it there",
            server.address(),
            pack.name
        )));
    };
    let text = changes(&theirs, &files.into_map(), "here");
    if text.is_empty() {
        output::line(&format!(
            "`{}` is the same here and on {}",
            pack.name,
            server.address()
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&text)?;
    Ok(exit::failed())
}

/// From the server's files to ours, whose paths are shown below `label`; empty where they are the same.
pub(crate) fn changes(
    theirs: &BTreeMap<String, String>,
    ours: &BTreeMap<String, String>,
    label: &str,
) -> String {
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut text = String::new();
    for path in paths {
        let old = theirs.get(path).map_or("", String::as_str);
        let new = ours.get(path).map_or("", String::as_str);
        if ours.contains_key(path) != theirs.contains_key(path) || old != new {
            text.push_str(&unified(
                &format!("server/{path}"),
                &format!("{label}/{path}"),
                old,
                new,
            ));
        }
    }
    text
}

/// From one text to another, each with its name.
pub(crate) fn unified(old_name: &str, new_name: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let plain = diff.unified_diff().header(old_name, new_name).to_string();
    let mut text = String::new();
    for line in plain.lines() {
        // Writing into a string cannot fail.
        let _ = match line.as_bytes().first() {
            Some(b'+') => writeln!(text, "{GOOD}{line}{GOOD:#}"),
            Some(b'-') => writeln!(text, "{BAD}{line}{BAD:#}"),
            _ => writeln!(text, "{line}"),
        };
    }
    text
}
