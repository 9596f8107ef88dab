//! `mission backup`: a copy of a SQLite database that is in use.

use std::process::ExitCode;

use indicatif::{HumanBytes, ProgressBar};
use mission_server::store::sqlite::{Backup as Copied, BackupError, BackupProgress, ExistingFile, back_up};
use serde_json::json;

use crate::{
    cli::{Backup, BackupFormat},
    database,
    failure::{CommandResult, Failure},
    output::{self, GOOD},
};

pub(crate) fn run(args: &Backup) -> CommandResult {
    let address = database::address(&args.database)?;
    check_kind(&address)?;
    let existing = if args.force {
        ExistingFile::Replace
    } else {
        ExistingFile::Keep
    };
    let progress = output::progress("{spinner} {msg} {bytes} of {total_bytes}  {elapsed} {wide_bar}");
    let copied = database::runtime()?.block_on(back_up(&address, &args.to, existing, &mut |now| {
        show(progress.as_ref(), now);
    }));
    if let Some(progress) = &progress {
        progress.finish_and_clear();
    }
    let copied = copied.map_err(|error| failure(&error))?;
    match args.format {
        BackupFormat::Human => output::line(&in_words(args, &copied))?,
        BackupFormat::Json => {
            let object = json!({
                "file": args.to, "bytes": copied.bytes, "migration": copied.migration,
                "last_command_at": copied.last_command_at,
            });
            output::line(&object.to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Only a SQLite database is copied here.
fn check_kind(address: &str) -> Result<(), Failure> {
    if address.starts_with("sqlite:") {
        return Ok(());
    }
    let why = if address.starts_with("postgres://") || address.starts_with("postgresql://") {
        "PostgreSQL is copied by its own programs: `pg_dump --format=custom` for one moment, `pg_basebackup` and an archive of its \
         write-ahead log for every moment; docs/backup.md has both, step by step"
    } else {
        "name a SQLite database: `--database sqlite://mission.db`"
    };
    Err(Failure::Unusable(why.to_owned()))
}

/// Bad arguments are unusable; what fails later has failed.
fn failure(error: &BackupError) -> Failure {
    let why = error.to_string();
    match error {
        BackupError::Exists(_) => Failure::Unusable(format!("{why} (`--force`)")),
        BackupError::Open(_) | BackupError::Foreign { .. } | BackupError::Itself(_) => Failure::Unusable(why),
        BackupError::Write { .. } | BackupError::Copy(_) | BackupError::Damaged(_) => Failure::Failed(why),
    }
}

fn show(progress: Option<&ProgressBar>, now: BackupProgress) {
    let Some(progress) = progress else { return };
    match now {
        BackupProgress::Copying { bytes, of_bytes } => {
            progress.set_message("copied");
            progress.set_length(of_bytes);
            progress.set_position(bytes);
        }
        BackupProgress::Checking => {
            progress.set_message("checking");
            progress.tick();
        }
    }
}

fn in_words(args: &Backup, copied: &Copied) -> String {
    let until = copied.last_command_at.map_or_else(
        || "without a command in its journal".to_owned(),
        |at| format!("up to a command of {}", at.to_rfc3339()),
    );
    format!(
        "{}: {}, {until}; {GOOD}whole{GOOD:#}",
        args.to.display(),
        HumanBytes(copied.bytes)
    )
}
