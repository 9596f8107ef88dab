//! Why a command did not do what it was asked, and the exit code that says so.

use std::{io, process::ExitCode};

use crate::output;

/// The exit codes of every command.
pub(crate) mod exit {
    use std::process::ExitCode;

    /// It failed: findings, failing cases, a bad line, a refusal of the server.
    pub(crate) fn failed() -> ExitCode {
        ExitCode::from(1)
    }

    /// It could not even begin: bad arguments, an unreadable pack.
    pub(crate) fn unusable() -> ExitCode {
        ExitCode::from(2)
    }
}

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked for failed: exit 1.
    #[error("{0}")]
    Failed(String),
    /// It could not begin: exit 2.
    #[error("{0}")]
    Unusable(String),
    /// It could not begin, and why was shown already: exit 2.
    #[error("the pack has errors")]
    BrokenPack,
    /// It failed, and why was shown already: exit 1.
    #[error("the pack has errors")]
    Shown,
    /// The output went nowhere.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

/// What a command ends with.
pub(crate) type CommandResult = Result<ExitCode, Failure>;

impl Failure {
    /// The same failure for a command that knows no other code than 1.
    pub(crate) fn into_failed(self) -> Failure {
        match self {
            Failure::Unusable(why) => Failure::Failed(why),
            Failure::BrokenPack => Failure::Shown,
            failed => failed,
        }
    }

    /// Tells the user, and says with which code to exit.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            // The reader has seen enough, as in `mission check pack | head`.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Failure::BrokenPack => exit::unusable(),
            Failure::Shown => exit::failed(),
            Failure::Failed(_) | Failure::Output(_) => {
                output::error(&self.to_string());
                exit::failed()
            }
            Failure::Unusable(_) => {
                output::error(&self.to_string());
                exit::unusable()
            }
        }
    }
}
