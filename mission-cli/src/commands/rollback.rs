//! `mission rollback`: an earlier version of a pack put back in place on its server.

use std::{collections::BTreeMap, path::Path};

use mission_rules::pack::PackFiles;

use super::push;
use crate::{
    cli::Rollback,
    failure::{CommandResult, Failure},
    server::{PackVersion, Server},
};

pub(crate) fn run(args: &Rollback) -> CommandResult {
    let server = Server::new(&args.server)?;
    let files = version(&server, &args.pack, args.version)?;
    let label = format!("version {}", args.version);
    let place = format!("{} {label}", args.pack);
    let files = PackFiles::from_map(files);
    push::put_in_place(&server, &files, Path::new(&place), &label, &args.how)
}

/// The files of a pack as a version of it has them; else what versions there are.
pub(crate) fn version(
    server: &Server,
    name: &str,
    version: u64,
) -> Result<BTreeMap<String, String>, Failure> {
    if let Some(files) = server.get(name, Some(version))? {
        return Ok(files);
    }
    let address = server.address();
    let kept = server.versions(name)?;
    Err(Failure::Failed(if kept.is_empty() {
        format!("{address} has no pack `{name}`")
    } else {
        let kept: Vec<String> = kept.iter().map(PackVersion::to_string).collect();
        format!(
            "{address} keeps no version {version} of `{name}`; it has\n  {}",
            kept.join("\n  ")
        )
    }))
}
