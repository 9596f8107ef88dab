//! `mission completions`: a script for a shell.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::{
    cli::{Cli, Completions},
    failure::CommandResult,
    output,
};

pub(crate) fn run(args: &Completions) -> CommandResult {
    // Into memory first: the generator panics when its output goes nowhere.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mission", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
