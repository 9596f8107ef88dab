//! The history as a log for `mission replay`.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Result,
    action::UserAction,
    answer::{decimal, field},
    history::{History, Moment},
    server::binary,
};

/// What a replay sums up to.
pub(crate) struct Replayed {
    pub(crate) users: BTreeMap<Uuid, UserTotals>,
    pub(crate) points: Decimal,
    pub(crate) grants: Decimal,
}

/// What it sums up to for one user.
#[derive(Default)]
pub(crate) struct UserTotals {
    pub(crate) points: Decimal,
    pub(crate) check_ins: Decimal,
    pub(crate) streak: Decimal,
    pub(crate) longest_streak: Decimal,
    pub(crate) missions: BTreeMap<String, Decimal>,
}

/// Checks the pack in a folder, writes the log beside it, and replays it.
pub(crate) fn run(folder: &Path, history: &History) -> Result<Replayed> {
    let (pack, log) = (folder.join("pack"), folder.join("log.jsonl"));
    let mission = binary("mission")?;
    let checked = Command::new(&mission).arg("check").arg(&pack).output()?;
    if !checked.status.success() {
        let findings = String::from_utf8_lossy(&checked.stdout).into_owned();
        return Err(format!("the generated pack is wrong:\n{findings}").into());
    }
    write_log(&log, history)?;
    let replayed = Command::new(&mission)
        .arg("replay")
        .arg(&pack)
        .arg("--events")
        .arg(&log)
        .args(["--format", "json", "--auto-claim=false"])
        .stderr(Stdio::inherit())
        .output()?;
    if !replayed.status.success() {
        return Err("`mission replay` failed".into());
    }
    read(&serde_json::from_slice(&replayed.stdout)?)
}

fn write_log(path: &Path, history: &History) -> Result<()> {
    let mut log = BufWriter::new(File::create(path)?);
    for (at, moments) in &history.instants {
        for moment in moments {
            let user = history.users.get(moment.user).copied().unwrap_or_default();
            for line in lines(*at, user, moment) {
                writeln!(log, "{line}")?;
            }
        }
    }
    Ok(log.flush()?)
}

fn lines(at: DateTime<Utc>, user: Uuid, moment: &Moment) -> Vec<Value> {
    let line = |kind: &str, data: Value| json!({"specversion": "1.0", "source": "agree", "type": kind, "subject": user, "time": at, "data": data});
    let mut lines = Vec::new();
    for act in &moment.actions {
        // With any command of a user's own comes the token's zone; a log says it beside the command.
        if let (true, Some(zone)) = (act.is_the_users_own(), moment.token_zone)
            && !matches!(act, UserAction::CheckIn)
        {
            lines.push(line("user.updated", json!({"zone": zone})));
        }
        lines.push(match act {
            UserAction::Move(zone) => line("user.updated", json!({"zone": zone})),
            UserAction::CheckIn => line("checkin", json!({"zone": moment.token_zone})),
            UserAction::Start(code) => line("task.start", json!({"mission": code})),
            UserAction::Progress(code, value) => {
                line("task.progress", json!({"mission": code, "value": value}))
            }
            UserAction::Complete(code) => line("task.complete", json!({"mission": code})),
            UserAction::Claim(code) => line("task.claim", json!({"mission": code})),
            UserAction::Event(activity) => {
                let mut event = activity.cloud_event(user);
                if let Some(fields) = event.as_object_mut() {
                    fields.insert("recordedtime".to_owned(), json!(at));
                }
                event
            }
        });
    }
    lines
}

fn read(report: &Value) -> Result<Replayed> {
    let mut users = BTreeMap::new();
    for (id, user) in field(report, "users")?.as_object().into_iter().flatten() {
        let missions = field(user, "missions")?;
        let codes = missions.as_object().into_iter().flatten();
        let missions = codes.map(|(code, _)| Ok((code.clone(), decimal(missions, code)?)));
        let totals = UserTotals {
            points: decimal(user, "points")?,
            check_ins: decimal(user, "check_ins")?,
            streak: decimal(user, "streak")?,
            longest_streak: decimal(user, "longest_streak")?,
            missions: missions.collect::<Result<_>>()?,
        };
        users.insert(id.parse()?, totals);
    }
    let totals = field(report, "totals")?;
    Ok(Replayed {
        users,
        points: decimal(totals, "points")?,
        grants: decimal(totals, "grants")?,
    })
}
