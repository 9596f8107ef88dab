//! `mission-server`: the mission engine over HTTP.

use std::{io::Write, process::ExitCode};

use mission_server::{
    config::{self, Action},
    lifecycle,
};

/// A request allocates much, and briefly: a fifth of the server's processor time went to the system's allocator
/// (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What cannot work with these settings ends with this code; what fails later with 1.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    match config::read(std::env::args_os()) {
        Ok(Action::Serve(settings)) => lifecycle::run(*settings),
        Ok(Action::Wallet(settings)) => lifecycle::run_wallet(*settings),
        Ok(Action::CheckConfig(settings)) => lifecycle::check(settings),
        Ok(Action::PrintConfig(file)) => match std::io::stdout().lock().write_all(file.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // Whoever starts the server reads this; it is no log line yet.
            let _ = writeln!(std::io::stderr().lock(), "mission-server: {error}");
            ExitCode::from(UNUSABLE)
        }
    }
}
