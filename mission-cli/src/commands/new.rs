//! `mission new`: a pack to start from.

use std::{fs, io, path::Path, process::ExitCode};

use mission_rules::pack::{JSON_SCHEMAS, SCHEMA_FOLDER, template};

use crate::{
    cli::New,
    failure::{CommandResult, Failure},
    output,
};

pub(crate) fn run(args: &New) -> CommandResult {
    let folder = &args.dir;
    must_be_free(folder)?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let files = template::files(&name.unwrap_or_default());
    for (path, text) in &files {
        write(&folder.join(path), text)?;
    }
    schemas(folder)?;
    let shown = folder.display();
    output::line(&format!(
        "made the pack `{shown}` with {}; next:\n  mission check {shown}\n  mission test {shown}",
        output::count(files.len(), "file")
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn must_be_free(folder: &Path) -> Result<(), Failure> {
    let taken = |why: &str| {
        Err(Failure::Unusable(format!(
            "`{}` {why}; name a new folder",
            folder.display()
        )))
    };
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => taken("is not empty"),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => taken(&format!("cannot be used: {error}")),
    }
}

/// Writes the schemas that the files of a pack name in their first line.
pub(crate) fn schemas(pack: &Path) -> Result<(), Failure> {
    for schema in JSON_SCHEMAS {
        write(&pack.join(SCHEMA_FOLDER).join(schema.file), schema.text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = match path.parent() {
        Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::write(path, text)),
        None => fs::write(path, text),
    };
    written.map_err(|error| Failure::Failed(format!("cannot write `{}`: {error}", path.display())))
}
