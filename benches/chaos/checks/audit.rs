//! A second opinion: `mission audit` recounts the database.

use std::process::Command;

use super::Check;
use crate::{Result, server::binary};

/// Audits the database with the command that operators have.
pub(crate) fn audit(database: &str) -> Result<Check> {
    let mut command = Command::new(binary("mission")?);
    command.args(["audit", "--database", database]);
    let output = tokio::task::block_in_place(|| command.output())?;
    let told = String::from_utf8_lossy(&output.stdout);
    let lines = told.lines().map(str::trim);
    match output.status.code() {
        Some(0) => {
            let told: Vec<&str> = lines.collect();
            Ok(Check::new(
                format!("mission audit: {}", told.join("; ")),
                Vec::new(),
            ))
        }
        Some(1) => Ok(Check::new("mission audit", lines.map(str::to_owned).collect())),
        _ => Err(format!("mission audit: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
