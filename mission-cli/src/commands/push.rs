//! `mission push`: a pack to a server, once it is checked and tested and somebody has seen what changes.

use std::{
    io::{self, BufRead as _},
    path::Path,
    process::ExitCode,
};

use mission_rules::pack::{CaseOutcome, PackFiles};

use super::{diff, test};
use crate::{
    cli::{Push, PutArgs},
    failure::{CommandResult, Failure},
    output, pack,
    server::{PushResult, Server},
};

pub(crate) fn run(args: &Push) -> CommandResult {
    let server = Server::new(&args.server)?;
    let files = pack::read(&args.pack).map_err(Failure::into_failed)?;
    put_in_place(&server, &files, &args.pack, "here", &args.how)
}

/// Checks and tests a pack, shows how it differs from what is in force, asks, and puts it in place. `place` is where its files
/// are, for messages, and `label` what stands before their paths in the difference.
pub(crate) fn put_in_place(
    server: &Server,
    files: &PackFiles,
    place: &Path,
    label: &str,
    how: &PutArgs,
) -> CommandResult {
    let scripts = pack::scripts();
    let pack = pack::checked(files, place, &scripts).map_err(Failure::into_failed)?;
    let outcomes = test::run_all(&pack, &test::Selection::everything(&scripts));
    if !outcomes.iter().all(CaseOutcome::passed) {
        output::tell(&test::human(&outcomes, files, &pack::root(place)));
        return Err(Failure::Failed(format!(
            "`{}` does not pass its own tests; nothing was pushed",
            pack.name
        )));
    }
    let theirs = server.get(&pack.name, None)?.unwrap_or_default();
    let changes = diff::changes(&theirs, &files.clone().into_map(), label);
    if changes.is_empty() {
        output::line(&format!(
            "`{}` is the same here and on {}; there is nothing to push",
            pack.name,
            server.address()
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&changes)?;
    if how.dry_run {
        output::line("nothing was pushed: this was a dry run")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !how.yes && !is_wanted(&pack.name, server.address())? {
        let message = "nothing was pushed; answer `y`, or give --yes, to put the pack in place";
        return Err(Failure::Failed(message.to_owned()));
    }
    tell(
        &pack.name,
        server.address(),
        &server.put(&pack.name, files, !how.draft)?,
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Asks on the standard error, so that the output stays the diff; where nobody answers, the answer is no.
fn is_wanted(pack: &str, address: &str) -> Result<bool, Failure> {
    output::tell(&format!("put `{pack}` in place on {address}? [y/N] "));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.is_empty() {
        output::tell("\n");
    }
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn tell(pack: &str, address: &str, pushed: &PushResult) -> Result<(), Failure> {
    output::line(&format!(
        "`{pack}` is in place on {address} as version {}",
        pushed.version
    ))?;
    for (code, mission) in &pushed.missions {
        output::line(&format!("  {code}  {}", mission.status))?;
    }
    for code in &pushed.archived_missions {
        output::line(&format!(
            "  {code}  archived, because the pack no longer holds it"
        ))?;
    }
    let open = &pushed.open_tasks;
    if open.kept > 0 {
        output::line(&format!(
            "the missions stay as they were for {} that run already",
            output::count(open.kept, "open task")
        ))?;
    }
    if open.moved > 0 {
        output::line(&format!(
            "taken along by `apply_to_running`: {}",
            output::count(open.moved, "open task")
        ))?;
    }
    Ok(())
}
