//! The database that a command opens by itself, without a server.

use std::fs;

use tokio::runtime::Runtime;

use crate::{cli::Database, failure::Failure};

/// The address, as it was given.
pub(crate) fn address(args: &Database) -> Result<String, Failure> {
    match (&args.database_file, &args.database) {
        (Some(path), _) => {
            let read = fs::read_to_string(path);
            let text = read.map_err(|error| Failure::Unusable(format!("cannot read `{}`: {error}", path.display())))?;
            Ok(text.trim().to_owned())
        }
        (None, Some(address)) => Ok(address.clone()),
        (None, None) => Err(Failure::Unusable(
            "name a database: `--database sqlite://mission.db`, `--database-file FILE`, or MISSION_DATABASE_URL".to_owned(),
        )),
    }
}

/// What the drivers run on.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Unusable(format!("cannot start: {error}")))
}
