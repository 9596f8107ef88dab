//! `mission push`: a pack to a server.

use std::process::ExitCode;

use crate::{
    cli::Push,
    failure::{Failure, Outcome},
    output, pack,
    server::Server,
};

pub(crate) fn run(args: &Push) -> Outcome {
    let server = Server::new(&args.server)?;
    let (pack, files) = pack::load(&args.pack, &pack::scripts()).map_err(Failure::into_failed)?;
    let pushed = server.put(&pack.name, &files, !args.draft)?;
    output::line(&format!(
        "`{}` is in place on {} as version {}",
        pack.name,
        server.address(),
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
    Ok(ExitCode::SUCCESS)
}
