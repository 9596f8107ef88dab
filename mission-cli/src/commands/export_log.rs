//! `mission export-log`: what a server's users did, as a log to replay.

mod mask;

use std::{fs, process::ExitCode};

use chrono::{DateTime, Utc};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    cli::ExportLog,
    failure::{CommandResult, Failure},
    output, pack,
    server::{Server, all_pages},
};
use mask::{Mask, MaskKey, Words};

/// When a line reached the server: a log is in this order.
#[derive(Deserialize)]
struct ReceivedTimes {
    time: DateTime<Utc>,
    recordedtime: Option<DateTime<Utc>>,
}

pub(crate) fn run(args: &ExportLog) -> CommandResult {
    // What is wrong with the arguments is told before anybody waits for a server.
    let masking = args.mask.then(|| masking(args)).transpose()?;
    let server = Server::new(&args.server)?;
    let progress = output::progress("{spinner} {pos} lines  {elapsed}");
    let lines = fetch(&server, args, progress.as_ref());
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    let mut lines = lines?;
    // The server lists user by user; what came at one time stays in that order.
    lines.sort_by_key(|(arrived, _)| *arrived);
    let count = lines.len();
    let lines = match masking {
        Some((key, words)) => masked(key, words, &lines)?,
        None => lines.into_iter().map(|(_, line)| line.get().to_owned()).collect(),
    };
    let mut log = lines.join("\n");
    if !log.is_empty() {
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
        output::count(count, if args.mask { "masked line" } else { "line" }),
        path.display(),
        path.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The key and the texts that stay.
fn masking(args: &ExportLog) -> Result<(MaskKey, Words), Failure> {
    let key = match &args.mask_key_file {
        Some(path) => MaskKey::read(path)?,
        None => MaskKey::random()?,
    };
    let words = match &args.mask_for {
        Some(folder) => Words::of(&pack::read(folder)?),
        None => Words::default(),
    };
    Ok((key, words))
}

fn masked(key: MaskKey, words: Words, lines: &[ExportedLine]) -> Result<Vec<String>, Failure> {
    let lines = lines.iter().map(|(_, line)| serde_json::from_str(line.get()));
    let lines: Vec<Value> = lines
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(&error))?;
    let mask = Mask::new(key, words, &lines);
    Ok(lines
        .into_iter()
        .map(|line| mask.line(line).to_string())
        .collect())
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::Failed(format!("the server sent a line that cannot be read: {error}"))
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
        let times: ReceivedTimes = serde_json::from_str(line.get()).map_err(|error| unreadable(&error))?;
        Ok((times.recordedtime.unwrap_or(times.time), line))
    };
    lines.into_iter().map(with_arrival).collect()
}
