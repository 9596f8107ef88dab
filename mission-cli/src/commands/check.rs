//! `mission check`: what is wrong with a pack.

use std::process::ExitCode;

use mission_rules::pack::{
    Pack,
    report::{self, Counts},
};

use crate::{
    cli::{Check, CheckFormat},
    failure::{CommandResult, exit},
    output::{self, BAD, GOOD, WARN},
    pack,
};

pub(crate) fn run(args: &Check) -> CommandResult {
    let files = pack::read(&args.pack)?;
    let (_, findings) = Pack::load_at(&files, &pack::scripts(), chrono::Utc::now());
    let counts = Counts::of(&findings);
    match args.format {
        CheckFormat::Human => {
            output::print(&report::human(&findings, &files, &pack::root(&args.pack), true))?;
            let (style, word) = match (counts.errors, counts.warnings) {
                (0, 0) => (GOOD, "ok"),
                (0, _) => (WARN, "ok"),
                _ => (BAD, "failed"),
            };
            output::line(&format!(
                "{style}{word}{style:#}: `{}`: {counts}",
                args.pack.display()
            ))?;
        }
        CheckFormat::Json => output::line(&report::json(&findings, &files).to_string())?,
        CheckFormat::Sarif => {
            output::line(&report::sarif(&findings, &files, &pack::root(&args.pack)).to_string())?;
        }
    }
    Ok(
        if counts.errors > 0 || (args.deny_warnings && counts.warnings > 0) {
            exit::failed()
        } else {
            ExitCode::SUCCESS
        },
    )
}
