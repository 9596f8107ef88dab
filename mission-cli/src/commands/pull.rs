//! `mission pull`: a server's pack into a folder.

use std::{collections::BTreeMap, fs, io, path::Path, process::ExitCode};

use mission_rules::pack::{Pack, PackFiles};

use super::rollback;
use crate::{
    cli::Pull,
    failure::{CommandResult, Failure},
    output, pack,
    server::Server,
};

pub(crate) fn run(args: &Pull) -> CommandResult {
    let server = Server::new(&args.server)?;
    let here = if args.pack.exists() {
        pack::read(&args.pack)?.into_map()
    } else {
        BTreeMap::new()
    };
    let name = name(args, &here)?;
    let files = match args.version {
        Some(version) => rollback::version(&server, &name, version)?,
        None => server.get(&name, None)?.ok_or_else(|| {
            let address = server.address();
            Failure::Failed(format!("{address} has no pack `{name}`; --name names another"))
        })?,
    };
    // A server's paths are not to be trusted: what leads out of the folder is refused here.
    let files = PackFiles::from_map(files);
    if let Some(refused) = files.refused().first() {
        return Err(Failure::Failed(format!(
            "the server's pack holds `{}`: {}",
            refused.file, refused.diagnostic.message
        )));
    }
    let files = files.into_map();
    let lost: Vec<&String> = here
        .iter()
        .filter(|(path, text)| files.get(*path) != Some(*text))
        .map(|(path, _)| path)
        .collect();
    if !lost.is_empty() && !args.force {
        let lost: Vec<String> = lost.iter().map(|path| format!("`{path}`")).collect();
        return Err(Failure::Failed(format!(
            "{} differ from the server's; --force overwrites them, `mission diff` shows how",
            lost.join(", ")
        )));
    }
    for path in here.keys().filter(|path| !files.contains_key(*path)) {
        let path = args.pack.join(path);
        fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
    }
    for (path, text) in &files {
        let path = args.pack.join(path);
        write(&path, text).map_err(|error| unwritable(&path, &error))?;
    }
    output::line(&format!(
        "wrote `{name}` from {} into `{}`: {}",
        server.address(),
        args.pack.display(),
        output::count(files.len(), "file")
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The pack's name: as asked for, else as the folder's `pack.toml` says, else the folder's own.
fn name(args: &Pull, here: &BTreeMap<String, String>) -> Result<String, Failure> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    if let (Some(pack), _) = Pack::load(&PackFiles::from_map(here.clone())) {
        return Ok(pack.name);
    }
    let folder = args.pack.file_name().and_then(|name| name.to_str());
    folder
        .map(str::to_owned)
        .ok_or_else(|| Failure::Unusable("say with --name which pack".to_owned()))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write `{}`: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}
