//! How many events a second a replay takes in on one core, and how much of that is reading the lines.
//!
//! `cargo run --release -p mission-rules --example replay_speed [EVENTS]`
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::{fmt::Write as _, time::Instant};

use mission_rules::{
    Limits, Scripts, StoppedStopwatch,
    pack::{Pack, PackFiles},
    run::{Options, Replay},
};

const PLAIN: &str = r#"
code = "watch"
type = "watch_video"
frequency = "daily"
target = 3
auto_start = true
title = { en = "Watch" }
description = { en = "Watch three videos." }
trigger = { event = "video.watched" }
reward = { points = "50" }
"#;
const RULE: &str = r#"
[[rules]]
rule_type = "event.data.seconds"
operator = "gte"
value = "30"
"#;
const SCRIPT: &str = "fn progress(ctx) { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }";

fn pack(mission: String) -> Result<Pack, Box<dyn std::error::Error>> {
    let files = PackFiles::from_map([
        ("pack.toml", "name = \"speed\"\nversion = \"1\"\n".to_owned()),
        ("rules/watch.rhai", SCRIPT.to_owned()),
        ("missions/watch.toml", mission),
    ]);
    let (pack, findings) = Pack::load(&files);
    pack.ok_or_else(|| format!("{findings:?}").into())
}

/// Lines of a thousand users, each with an event every hour and a half.
fn log(events: usize, event_type: &str) -> String {
    let mut text = String::new();
    let begin = chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default();
    let data = |n: usize| match event_type {
        "checkin" => String::new(),
        _ => format!(r#","data":{{"seconds":{}}}"#, 20 + n % 60),
    };
    for n in 0..events {
        let user = uuid::Uuid::from_u128(0x7000_u128 << 64 | 0x8000_u128 << 48 | (n % 1000) as u128);
        let time = begin + chrono::Duration::milliseconds(i64::try_from(n).unwrap_or_default() * 5400);
        let time = time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let _ = writeln!(
            text,
            r#"{{"specversion":"1.0","id":"e{n}","source":"/videos","type":"{event_type}","subject":"{user}","time":"{time}"{}}}"#,
            data(n)
        );
    }
    text
}

fn measure(
    name: &str,
    mission: String,
    event_type: &str,
    events: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let scripts = Scripts::new(Limits::default(), std::sync::Arc::new(StoppedStopwatch));
    let text = log(events, event_type);
    let mut replay = Replay::new(&pack(mission)?, &scripts, Options::default());
    let started = Instant::now();
    for line in text.lines() {
        replay.line(line)?;
    }
    let report = replay.finish()?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{name:<28} {:>9.0} events/s   {} grants, {} points",
        events as f64 / seconds,
        report.totals.grants,
        report.totals.points
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let events = std::env::args().nth(1).map_or(Ok(300_000), |text| text.parse())?;
    measure("no mission triggered", PLAIN.to_owned(), "page.seen", events)?;
    measure("check-ins, most refused", PLAIN.to_owned(), "checkin", events)?;
    measure("one daily mission", PLAIN.to_owned(), "video.watched", events)?;
    measure(
        "with a declarative rule",
        format!("{PLAIN}{RULE}"),
        "video.watched",
        events,
    )?;
    let scripted = format!("{PLAIN}rules_script = \"rules/watch.rhai\"\n");
    measure("with a script", scripted, "video.watched", events)?;
    Ok(())
}
