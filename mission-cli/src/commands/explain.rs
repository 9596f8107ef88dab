//! `mission explain`: why a user can do a mission, or cannot.

use std::{path::Path, process::ExitCode};

use mission_core::{
    UserId,
    task::{Availability, Condition, Explanation, ToDo},
};
use mission_rules::{
    pack::Pack,
    run::{Options, Replay as Run},
};
use serde_json::Value;

use super::replay;
use crate::{
    cli::{Explain, ExplainFormat, Replay, ReplayFormat},
    failure::{CommandResult, Failure},
    output::{self, BAD, FAINT, GOOD, WARN},
    pack,
    server::Server,
};

pub(crate) fn run(args: &Explain) -> CommandResult {
    let explanation = match (&args.pack, args.server.given()) {
        (Some(pack), _) => by_pack(pack, args)?,
        (None, Some(server)) => Server::new(&server)?.explanation(args.user, &args.mission)?,
        (None, None) => return Err(Failure::Unusable("give a pack or --server".to_owned())),
    };
    match args.format {
        ExplainFormat::Json => {
            let json =
                serde_json::to_string(&explanation).map_err(|error| Failure::Failed(error.to_string()))?;
            output::line(&json)?;
        }
        ExplainFormat::Human => tell(&explanation)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// As the engine has it in memory, after what a log says.
fn by_pack(folder: &Path, args: &Explain) -> Result<Explanation, Failure> {
    let scripts = pack::scripts();
    let (pack, _) = pack::load(folder, &scripts)?;
    require_mission(&pack, args)?;
    let played = match &args.events {
        Some(events) => {
            let log = Replay {
                pack: folder.to_owned(),
                events: events.clone(),
                against: None,
                segments: Vec::new(),
                format: ReplayFormat::Human,
                auto_claim: true,
                keep_going: false,
                threads: None,
            };
            replay::play(&log)?.runs.into_iter().next()
        }
        None => None,
    };
    let mut run = played.unwrap_or_else(|| Run::new(&pack, &scripts, Options::default()));
    let at = args.at.or_else(|| args.events.is_none().then(chrono::Utc::now));
    run.explain(UserId(args.user), &args.mission, at, &scripts)
        .map_err(|error| Failure::Failed(error.to_string()))
}

fn require_mission(pack: &Pack, args: &Explain) -> Result<(), Failure> {
    let mut codes = pack.missions.iter().map(|mission| &mission.definition.code);
    if codes.any(|code| *code == args.mission) {
        return Ok(());
    }
    let codes: Vec<String> = pack
        .missions
        .iter()
        .map(|mission| format!("`{}`", mission.definition.code))
        .collect();
    Err(Failure::Failed(format!(
        "the pack has no mission `{}`; it has {}",
        args.mission,
        codes.join(", ")
    )))
}

fn tell(explanation: &Explanation) -> std::io::Result<()> {
    let (style, words) = match explanation.availability {
        Availability::Available => (GOOD, "can be started"),
        Availability::InProgress => (GOOD, "is in progress"),
        Availability::Unavailable => (BAD, "cannot be done"),
    };
    let refusal = explanation
        .refusal
        .as_ref()
        .map(|code| format!(": {code}"))
        .unwrap_or_default();
    output::line(&format!(
        "`{}` {style}{words}{style:#}{refusal}",
        explanation.mission
    ))?;
    for (at, condition) in explanation.conditions.iter().enumerate() {
        tell_condition(condition, explanation.decided_by == Some(at))?;
    }
    for to_do in &explanation.to_do {
        output::line(&format!("to do: {}", words_of(to_do)))?;
    }
    Ok(())
}

fn tell_condition(condition: &Condition, decides: bool) -> std::io::Result<()> {
    let (style, mark) = match condition.holds {
        Some(true) => (GOOD, "yes"),
        Some(false) => (BAD, "no "),
        None => (WARN, "?  "),
    };
    let seen = match (&condition.seen, condition.holds) {
        (_, None) => "shows with an event".to_owned(),
        (Value::Null, _) => "saw nothing".to_owned(),
        (seen, _) => format!("saw {seen}"),
    };
    let decides = if decides { "  <- decides" } else { "" };
    output::line(&format!(
        "  {style}{mark}{style:#} {}  {FAINT}{seen}{FAINT:#}{decides}",
        condition.condition
    ))?;
    if let Some(failure) = &condition.failure {
        output::line(&format!("      it failed: {}", failure.message))?;
    }
    for line in &condition.lines {
        let values: Vec<String> = line
            .values
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        output::line(&format!(
            "      {FAINT}{:>3} |{FAINT:#} {}  {FAINT}{}{FAINT:#}",
            line.line,
            line.code,
            values.join(", ")
        ))?;
    }
    Ok(())
}

fn words_of(to_do: &ToDo) -> String {
    match to_do {
        ToDo::Start => "start it".to_owned(),
        ToDo::WaitUntil { at } => format!("wait until {}", mission_core::ports::rules::rfc3339(*at)),
        ToDo::CompleteMission { code } => format!("complete `{code}` first"),
        ToDo::Progress {
            current,
            target,
            remaining,
            event,
        } => match event {
            Some(event) => format!("{remaining} more by `{event}` ({current} of {target})"),
            None => format!("{remaining} more ({current} of {target})"),
        },
        ToDo::Evidence { evidence_type } => {
            let name = serde_json::to_value(evidence_type).unwrap_or_default();
            format!("show evidence: {}", name.as_str().unwrap_or_default())
        }
        ToDo::Complete => "complete the task".to_owned(),
        ToDo::AwaitReview => "wait for the review".to_owned(),
    }
}
