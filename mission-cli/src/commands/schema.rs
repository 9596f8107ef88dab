//! `mission schema`: JSON Schemas of a pack's files, for editors.

use std::process::ExitCode;

use mission_rules::pack::{JSON_SCHEMAS, SCHEMA_FOLDER};

use super::new;
use crate::{
    cli::Schema,
    failure::{CommandResult, Failure},
    output, pack,
};

pub(crate) fn run(args: &Schema) -> CommandResult {
    if let Some(wanted) = &args.print {
        let Some(schema) = JSON_SCHEMAS.iter().find(|schema| schema.name == wanted) else {
            let names = JSON_SCHEMAS.map(|schema| schema.name).join(", ");
            return Err(Failure::Unusable(format!(
                "there is no schema `{wanted}`; there are {names}"
            )));
        };
        output::print(schema.text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(folder) = &args.pack else {
        return Err(Failure::Unusable(
            "name a pack's folder to write the schemas into, or one to --print".to_owned(),
        ));
    };
    // What is no pack gets none.
    drop(pack::read(folder)?);
    new::schemas(folder)?;
    output::line(&format!(
        "wrote {} into `{}`; an editor finds them by a first line such as\n  #:schema ../{SCHEMA_FOLDER}/mission.schema.json",
        output::count(JSON_SCHEMAS.len(), "schema"),
        folder.join(SCHEMA_FOLDER).display()
    ))?;
    Ok(ExitCode::SUCCESS)
}
