//! `mission broker`: messages that a server could not take, and events that it could not send.

use std::{fmt::Write as _, process::ExitCode};

use serde_json::Value;

use crate::{
    cli::{Broker, BrokerAction, DeadLetterArgs, InspectFormat},
    failure::{CommandResult, Failure},
    output::{self, BAD, FAINT},
    server::{DeadLetter, ParkedEvent, Server, SettleResult, all_pages},
};

/// How much of a body is shown.
const SHOWN: usize = 200;

pub(crate) fn run(args: &Broker) -> CommandResult {
    match &args.action {
        BrokerAction::Inspect(args) => inspect(&Server::new(&args.server)?, args.format),
        BrokerAction::Requeue(args) => {
            let server = Server::new(&args.server)?;
            settle(args, "sent back", |id| server.requeue(id))
        }
        BrokerAction::Drop(args) => {
            let server = Server::new(&args.server)?;
            settle(args, "dropped", |id| server.drop_letters(id))
        }
        BrokerAction::Retry(args) => {
            let server = Server::new(&args.server)?;
            let retried = server.retry(args.id.as_deref())?.retried;
            output::line(&format!(
                "{} tried again; those that are refused once more are parked again",
                output::count(retried, "event")
            ))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn inspect(server: &Server, format: InspectFormat) -> CommandResult {
    let parked = all_pages(|cursor| server.parked(cursor), |_| ())?;
    let letters = all_pages(|cursor| server.dead_letters(cursor), |_| ())?;
    let text = match format {
        InspectFormat::Human => shown(&letters, &parked)?,
        InspectFormat::Json => {
            let all = serde_json::json!({"dead_letters": letters, "parked_events": parked});
            format!("{all:#}\n")
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn shown(letters: &[DeadLetter], parked: &[ParkedEvent]) -> Result<String, Failure> {
    let mut out = String::new();
    let write = |out: &mut String| -> std::fmt::Result {
        writeln!(out, "{}", output::count(letters.len(), "dead letter"))?;
        for letter in letters {
            let field = |name: &str| text(letter.get(name).unwrap_or(&Value::Null));
            let body = letter.get("body").map(Value::to_string).unwrap_or_default();
            let cut: String = body.chars().take(SHOWN).collect();
            let more = if cut.len() < body.len() { "…" } else { "" };
            writeln!(
                out,
                "\n{}  {FAINT}{}  {}/{}{FAINT:#}",
                field("id"),
                field("died_at"),
                field("exchange"),
                field("routing_key")
            )?;
            writeln!(out, "  {BAD}{}{BAD:#}\n  {cut}{more}", field("reason"))?;
        }
        if !letters.is_empty() {
            out.push_str(
                "\nPut right what was wrong, then `mission broker requeue ID` (or --all) sends it back; `mission broker \
                 drop ID` throws it away.\n",
            );
        }
        writeln!(out, "\n{} could not leave", output::count(parked.len(), "event"))?;
        for event in parked {
            let field = |name: &str| event.get(name).unwrap_or(&Value::Null);
            writeln!(
                out,
                "\n{}  {FAINT}{} of {} {}, {} tries, again at {}, {} behind it{FAINT:#}",
                text(field("event_id")),
                text(field("type")),
                text(field("root_kind")),
                text(field("root_id")),
                field("attempts"),
                text(field("retry_at")),
                field("behind")
            )?;
            writeln!(out, "  {BAD}{}{BAD:#}", text(field("reason")))?;
        }
        if !parked.is_empty() {
            out.push_str("\n`mission broker retry [EVENT_ID]` has them tried again at once.\n");
        }
        Ok(())
    };
    write(&mut out).map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(out)
}

/// One letter, or all that were there at the beginning: a call takes a thousand at most.
fn settle(
    args: &DeadLetterArgs,
    done: &str,
    act: impl Fn(Option<&str>) -> Result<SettleResult, Failure>,
) -> CommandResult {
    let mut settled = act(args.id.as_deref())?;
    let there = settled.letters + settled.left;
    if args.all {
        while settled.letters < there {
            let more = act(None)?;
            if more.letters == 0 {
                break;
            }
            settled.letters += more.letters;
            settled.left = more.left;
        }
    }
    output::line(&format!(
        "{} {done}, {} left",
        output::count(settled.letters, "dead letter"),
        settled.left
    ))?;
    Ok(ExitCode::SUCCESS)
}
