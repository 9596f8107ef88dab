//! `mission export-log`: what a server's users did, as a log to replay.

use std::{fs, process::ExitCode};

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    cli::ExportLog,
    failure::{CommandResult, Failure},
    output,
    server::{Server, all_pages},
};

/// When a line reached the server: a log is in this order.
#[derive(Deserialize)]
struct ReceivedTimes {
    time: DateTime<Utc>,
    recordedtime: Option<DateTime<Utc>>,
}

pub(crate) fn run(args: &ExportLog) -> CommandResult {
    let server = Server::new(&args.server)?;
    let progress = output::progress("{spinner} {pos} lines  {elapsed}");
    let lines = fetch(&server, args, progress.as_ref());
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    let mut lines = lines?;
    // The server lists user by user; what came at one time stays in that order.
    lines.sort_by_key(|(arrived, _)| *arrived);
    let mut log = String::new();
    for (_, line) in &lines {
        log.push_str(line.get());
        log.push('\n');
    }
    let Some(path) = &args.output else {
        output::print(&log)?;
        return Ok(ExitCode::SUCCESS);
    };
    fs::write(path, log)
        .map_err(|error| Failure::Failed(format!("cannot write `{}`: {error}", path.display())))?;
    output::line(&format!(
        "wrote {} into `{}`; replay them with `mission replay PACK --events {} --auto-claim=false`",
        output::count(lines.len(), "line"),
        path.display(),
        path.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

type ExportedLine = (DateTime<Utc>, Box<RawValue>);

fn fetch(
    server: &Server,
    args: &ExportLog,
    progress: Option<&ProgressBar>,
) -> Result<Vec<ExportedLine>, Failure> {
    let seen = |lines: usize| {
        if let Some(progress) = progress {
            progress.set_position(lines as u64);
        }
    };
    let lines = all_pages(|cursor| server.journal(args.user, cursor), seen)?;
    let with_arrival = |line: Box<RawValue>| {
        let times: ReceivedTimes = serde_json::from_str(line.get()).map_err(|error| {
            Failure::Failed(format!("the server sent a line that cannot be read: {error}"))
        })?;
        Ok((times.recordedtime.unwrap_or(times.time), line))
    };
    lines.into_iter().map(with_arrival).collect()
}
