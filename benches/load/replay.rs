//! How fast a recorded log goes through the engine.

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::json;
use uuid::Uuid;

use crate::{Result, server::binary};

const USERS: u32 = 1_000;
const DAYS: u32 = 20;
const A_DAY: u32 = 5;

/// Replays a generated log with `mission new`'s pack, and prints the lines of the log a second.
pub(crate) fn measure(folder: &Path) -> Result<()> {
    let folder = tempfile::tempdir_in(folder)?;
    let (pack, log) = (folder.path().join("pack"), folder.path().join("log.jsonl"));
    let mission = binary("mission")?;
    let made = Command::new(&mission)
        .arg("new")
        .arg(&pack)
        .stdout(Stdio::null())
        .status()?;
    if !made.success() {
        return Err("`mission new` failed".into());
    }
    let (lines, text) = log_lines()?;
    std::fs::write(&log, text)?;

    let begun = Instant::now();
    let replayed = Command::new(&mission)
        .arg("replay")
        .arg(&pack)
        .arg("--events")
        .arg(&log)
        .args(["--format", "json"])
        .stderr(Stdio::null())
        .output()?;
    let took = begun.elapsed();
    if !replayed.status.success() {
        return Err("`mission replay` failed".into());
    }
    let result: serde_json::Value = serde_json::from_slice(&replayed.stdout)?;
    println!(
        "\nreplay: {:.0} lines a second ({lines} lines, {USERS} users, {took:.2?} with start and reading; {} grants)",
        f64::from(lines) / took.as_secs_f64(),
        result["totals"]["grants"],
    );
    Ok(())
}

/// Every user checks in and watches four videos on every day.
fn log_lines() -> Result<(u32, String)> {
    let mut text = String::new();
    let mut lines = 0;
    for day in 0..DAYS {
        for turn in 0..A_DAY {
            for user in 0..USERS {
                let (kind, data) = match turn {
                    0 => ("checkin", json!({})),
                    _ => ("video.watched", json!({"seconds": 20 + 10 * turn})),
                };
                let second = user / 20;
                let event = json!({
                    "specversion": "1.0", "id": lines.to_string(), "source": "bench", "type": kind,
                    "subject": Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(user)),
                    "time": format!("2026-01-{:02}T1{turn}:00:{second:02}Z", day + 1), "data": data,
                });
                writeln!(text, "{event}")?;
                lines += 1;
            }
        }
    }
    Ok((lines, text))
}
