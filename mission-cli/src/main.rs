//! The `mission` command: packs made, checked, tested, tried out, replayed and sent to a server.

mod cli;
mod commands;
#[cfg(feature = "database")]
mod database;
mod failure;
mod output;
mod pack;
mod replace_file;
mod server;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// A replay on several threads makes and drops small things all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo => commands::demo::run(),
        Command::New(args) => commands::new::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Fmt(args) => commands::fmt::run(&args),
        Command::Test(args) => commands::test::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Lsp(_) => commands::lsp::run(),
        Command::Push(args) => commands::push::run(&args),
        Command::Diff(args) => commands::diff::run(&args),
        Command::Pull(args) => commands::pull::run(&args),
        Command::Rollback(args) => commands::rollback::run(&args),
        Command::Shadow(args) => commands::shadow::run(&args),
        #[cfg(feature = "database")]
        Command::Audit(args) => commands::audit::run(&args),
        #[cfg(feature = "database")]
        Command::Backup(args) => commands::backup::run(&args),
        Command::ExportLog(args) => commands::export_log::run(&args),
        Command::Broker(args) => commands::broker::run(&args),
        Command::Token(args) => commands::token::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
