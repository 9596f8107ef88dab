//! `mission lsp`: a language server for packs, over the standard input and output.

mod buffers;
mod checker;
mod code_action;
mod completion;
mod definition;
mod diagnostics;
mod hover;
mod lines;
mod pack_file;
mod script;
mod server;
mod snapshot;
#[cfg(test)]
mod tests;
mod toml;
mod workspace;

use std::process::ExitCode;

use lsp_server::Connection;

use crate::failure::{CommandResult, Failure, exit};

/// Serves an editor until it says `exit`, or goes away.
pub(crate) fn run() -> CommandResult {
    let (connection, threads) = Connection::stdio();
    let end = server::serve(&connection);
    // What is still to be written is written before the command ends.
    drop(connection);
    match end {
        Ok(server::End::Exit) => {
            threads.join()?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(server::End::Gone) => match threads.join() {
            Ok(()) => Ok(exit::failed()),
            Err(error) => Err(Failure::Failed(format!(
                "cannot read what the editor sends: {error}"
            ))),
        },
        Err(error) => Err(Failure::Failed(format!(
            "the editor does not keep to the protocol: {error}"
        ))),
    }
}
