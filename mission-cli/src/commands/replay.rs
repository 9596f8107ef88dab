//! `mission replay`: what the users of a log would have earned.

mod charts;
mod difference;
mod log;
mod page;
mod play;
mod summary;
pub(super) mod table;

use std::process::ExitCode;

use mission_rules::run::{Comparison, Report};

use crate::{
    cli::{Replay, ReplayFormat},
    failure::{CommandResult, Failure, exit},
    output,
};
use page::Page;

pub(super) use play::play;

pub(crate) fn run(args: &Replay) -> CommandResult {
    let played = play(args)?;
    let reports = played
        .runs
        .into_iter()
        .map(|run| run.finish().map_err(|error| Failure::Failed(error.to_string())))
        .collect::<Result<Vec<Report>, Failure>>()?;
    let page = Page {
        packs: &played.packs,
        log: &args.events,
        bad_lines: played.bad_lines,
    };
    match (reports.as_slice(), args.format) {
        ([report], ReplayFormat::Json) => output::line(&report.to_json())?,
        ([report], ReplayFormat::Human) => output::print(&summary::of_one(report))?,
        ([report], ReplayFormat::Html) => output::line(&page.of_one(report))?,
        ([before, after], format) => {
            let comparison = Comparison::of(before, after, &args.segments);
            match format {
                ReplayFormat::Json => output::line(&comparison.to_json())?,
                ReplayFormat::Human => output::print(&difference::of_two(&comparison, before))?,
                ReplayFormat::Html => output::line(&page.of_two(&comparison, [before, after]))?,
            }
        }
        _ => {}
    }
    if played.bad_lines > 0 {
        output::error(&format!(
            "{} could not be read and are not counted",
            output::count(played.bad_lines, "line")
        ));
        return Ok(exit::failed());
    }
    Ok(ExitCode::SUCCESS)
}
