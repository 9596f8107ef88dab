//! `mission shadow`: what a shadow mission would have granted, and where it differs from the mission that pays.

use std::process::ExitCode;

use chrono::SecondsFormat;
use mission_core::mission::MissionTotals;
use serde_json::Value;

use super::replay::table::table;
use crate::{
    cli::{Shadow, ShadowFormat},
    failure::CommandResult,
    output,
    server::{Server, ShadowReport},
};

pub(crate) fn run(args: &Shadow) -> CommandResult {
    let answer = Server::new(&args.server)?.shadow(&args.mission)?;
    match args.format {
        ShadowFormat::Json => output::line(&Value::to_string(&answer))?,
        ShadowFormat::Human => output::print(&told(&ShadowReport::of(answer)?))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn told(report: &ShadowReport) -> String {
    let ShadowReport {
        mission,
        shadow_of,
        since,
        users,
        is_partial,
        shadow,
        live,
        completed_by,
        differences,
        health,
    } = report;
    let Some(since) = since else {
        return format!("`{mission}` has heard of nothing yet\n");
    };
    let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut text = format!("`{mission}` since {since}, {}", output::count(*users, "user"));
    text.push_str(match is_partial {
        true => " of more: the first by id\n\n",
        false => "\n\n",
    });
    let live = shadow_of.as_ref().zip(live.as_ref());
    let rows = std::iter::once(row(mission.as_str(), shadow))
        .chain(live.map(|(code, live)| row(code.as_str(), live)));
    text.push_str(&table(
        &["mission", "started", "completed", "grants", "points"],
        rows.collect(),
    ));
    if let Some(by) = completed_by {
        text.push_str(&format!(
            "completed by {}: {} both, {} the shadow mission only, {} the other only\n\n",
            output::count(by.both + by.shadow_only + by.live_only, "user"),
            by.both,
            by.shadow_only,
            by.live_only,
        ));
    }
    let rows = differences.iter().map(|difference| {
        vec![
            difference.user_id.to_string(),
            difference.points.normalize().to_string(),
            difference.shadow.points.normalize().to_string(),
            difference.live.points.normalize().to_string(),
            difference.shadow.completed.to_string(),
            difference.live.completed.to_string(),
        ]
    });
    let titles = [
        "user",
        "difference",
        "would have",
        "has",
        "completions",
        "of the other",
    ];
    text.push_str(&table(&titles, rows.collect()));
    if let Some(reason) = &health.last_reason {
        text.push_str(&format!(
            "{} of its rules in the last hour: {reason}\n",
            output::count(health.failures_last_hour, "failure")
        ));
    }
    text
}

fn row(code: &str, totals: &MissionTotals) -> Vec<String> {
    vec![
        code.to_owned(),
        totals.started.to_string(),
        totals.completed.to_string(),
        totals.grants.to_string(),
        totals.points.normalize().to_string(),
    ]
}
