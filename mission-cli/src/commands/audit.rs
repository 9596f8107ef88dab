//! `mission audit`: a database recounted.

use std::{io, process::ExitCode, sync::Arc};

use chrono::{Duration, Utc};
use indicatif::ProgressBar;
use mission_core::{event::LateWindow, serde_name};
use mission_rules::{Limits, MonotonicStopwatch, Scripts};
use mission_server::audit::{AuditListener, AuditOptions, AuditProgress, AuditReport, Deviation, audit};
use serde::Serialize;

use crate::{
    cli::{Audit, AuditFormat},
    database,
    failure::{CommandResult, Failure, exit},
    output::{self, BAD, FAINT, GOOD},
};

pub(crate) fn run(args: &Audit) -> CommandResult {
    let address = database::address(&args.database)?;
    let runtime = database::runtime()?;
    let progress = output::progress("{spinner} {pos} of {len} users  {msg}  {elapsed} {wide_bar}");
    let mut listing = Listing::new(args.format);
    let mut told = Ok(());
    let scripts = Scripts::new(Limits::default(), Arc::new(MonotonicStopwatch::start()));
    let options = AuditOptions {
        now: Utc::now(),
        late_window: LateWindow {
            behind: Duration::days(i64::from(args.late_days)),
            ..LateWindow::default()
        },
        compiler: &scripts,
    };
    let report = runtime.block_on(audit(
        &address,
        options,
        AuditListener {
            deviation: &mut |deviation| {
                if told.is_ok() {
                    told = suspended(progress.as_ref(), || listing.add(&deviation));
                }
            },
            progress: &mut |now| show(progress.as_ref(), now),
        },
    ));
    if let Some(progress) = &progress {
        progress.finish_and_clear();
    }
    told?;
    let report = report.map_err(|error| Failure::Unusable(error.to_string()))?;
    listing.end(&report)?;
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        exit::failed()
    })
}

fn show(progress: Option<&ProgressBar>, now: AuditProgress) {
    if let Some(progress) = progress {
        progress.set_length(now.of_users);
        progress.set_position(now.users);
        progress.set_message(output::count(now.grants, "grant"));
    }
}

/// Writes while no progress bar stands in the way.
fn suspended(progress: Option<&ProgressBar>, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match progress {
        Some(progress) => progress.suspend(write),
        None => write(),
    }
}

/// Deviations on their way to the output, one by one, so that there may be any number.
struct Listing {
    format: AuditFormat,
    listed: u64,
}

impl Listing {
    fn new(format: AuditFormat) -> Self {
        Listing { format, listed: 0 }
    }

    fn add(&mut self, deviation: &Deviation) -> io::Result<()> {
        self.listed += 1;
        match self.format {
            AuditFormat::Human => output::line(&in_words(deviation)),
            AuditFormat::Json => {
                let before = if self.listed == 1 {
                    "{\"deviations\":["
                } else {
                    ","
                };
                output::print(&format!("{before}\n{}", json(deviation)?))
            }
        }
    }

    fn end(&self, report: &AuditReport) -> io::Result<()> {
        match self.format {
            AuditFormat::Human => output::print(&summary(report)),
            AuditFormat::Json => {
                let before = if self.listed == 0 {
                    "{\"deviations\":["
                } else {
                    "\n"
                };
                output::line(&format!("{before}],\"report\":{}}}", json(report)?))
            }
        }
    }
}

fn json(value: &impl Serialize) -> io::Result<String> {
    serde_json::to_string(value).map_err(io::Error::from)
}

fn in_words(deviation: &Deviation) -> String {
    let mut about = String::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            about.push_str(&format!("  {name} {value}"));
        }
    };
    add("user", deviation.user.map(|id| id.to_string()));
    add("mission", deviation.mission.map(|id| id.to_string()));
    add("reward", deviation.reward.map(|id| id.to_string()));
    add("of", deviation.of.clone());
    let command = deviation.command.as_ref().map_or(String::new(), |command| {
        format!(
            "\n  {FAINT}command {} {} of {}{FAINT:#}",
            command.number,
            command.name,
            command.at.to_rfc3339()
        )
    });
    format!(
        "{BAD}{}{BAD:#}{about}\n  expected {}\n  found    {}{command}",
        serde_name(deviation.kind),
        deviation.expected,
        deviation.found
    )
}

fn summary(report: &AuditReport) -> String {
    let mut text = format!(
        "{}, {}, {} ({} of the rewards recounted), {}, {}\n",
        output::count(report.users, "user"),
        output::count(report.rewards, "reward"),
        output::count(report.grants, "grant"),
        report.recounted,
        output::count(report.bookings, "booking"),
        output::count(report.commands, "command"),
    );
    for (why, count) in &report.unchecked {
        text.push_str(&format!(
            "not looked at: {count} {}\n",
            serde_name(why).replace('_', " ")
        ));
    }
    if report.is_clean() {
        text.push_str(&format!("{GOOD}everything agrees{GOOD:#}\n"));
    } else {
        for (kind, count) in &report.deviations {
            text.push_str(&format!("{BAD}{count}{BAD:#} {}\n", serde_name(kind)));
        }
    }
    text
}
