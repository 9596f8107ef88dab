//! Does anything get lost, or happen twice, while everything breaks? Servers are killed, PostgreSQL, Redis and RabbitMQ
//! restarted, disks fill up and fail, connections are cut in the middle of commits and confirmations, while users, operators
//! and other services go on; in the end the databases, the wallet, the queues and what was answered must agree.
//!
//! ```text
//! cargo build --workspace --bins
//! target/debug/chaos [--database postgres|sqlite] [--seconds N] [--kills N] [--seed N] [--users N] [--instances N] [--keep]
//! ```
//!
//! PostgreSQL, Redis and RabbitMQ must be installed; private ones are started. `mission-server` and `mission` are taken
//! from the folder of this program. Disks break where this user may mount loop devices; else that is left out, and said. It
//! ends with 1 where anything is lost. A seed gives the same decisions again, not the same timing.

#![expect(clippy::print_stdout, reason = "it reports")]

mod checks;
mod client;
mod database;
mod facts;
mod faults;
mod final_checks;
mod inbound;
#[path = "../../mission-server/tests/support/services.rs"]
mod installed;
mod instances;
mod load;
mod load_state;
mod missions;
mod options;
mod processes;
#[path = "../../mission-server/tests/it/proxy.rs"]
#[expect(clippy::unwrap_used, reason = "it is that of the tests")]
mod proxy;
mod recorder;
mod run;
#[path = "../load/server.rs"]
#[expect(dead_code, reason = "the load generator measures the server as well")]
mod server;
mod services;
mod volume;

use std::{error::Error, os::unix::fs::PermissionsExt, process::ExitCode};

use options::Options;
use processes::Watchdog;

/// What can go wrong here is reported as it is.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::read()?;
    println!("{options}");
    let folder = tempfile::Builder::new()
        .prefix("chaos")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()?;
    let watchdog = Watchdog::start(folder.path(), options.keep)?;
    let outcome = run::run(&options, folder.path(), &watchdog).await;
    if options.keep {
        println!("the logs are left in {}", folder.keep().display());
    }
    match outcome {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => {
            println!("FAILED with: {options}");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(format!("{options}: {error}").into()),
    }
}
