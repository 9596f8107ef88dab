//! The `MISSION_*` variables of the process.

use std::ffi::OsString;

use super::{
    ConfigError,
    keys::{self, KEYS},
};

const PREFIX: &str = "MISSION_";
/// Names the configuration file.
pub(super) const CONFIG: &str = "MISSION_CONFIG";
/// Variables of the command `mission`, which may stand in the same environment.
const OF_THE_COMMAND: &[&str] = &["MISSION_SERVER", "MISSION_TOKEN"];
/// Variables of the tests begin so.
const OF_TESTS: &str = "MISSION_TEST_";
/// A variable of the tests so near to a setting is a misspelt setting.
const MISSPELT: usize = 2;

/// Refuses variables that begin with `MISSION_` and that no setting reads, or that are empty.
pub(super) fn check(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<(), ConfigError> {
    let known: Vec<String> = KEYS
        .iter()
        .flat_map(keys::Key::names)
        .map(keys::variable)
        .chain([CONFIG.to_owned()])
        .collect();
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) || is_foreign(&name, &known) {
            continue;
        }
        if !known.contains(&name) {
            return Err(unknown(name, &known));
        }
        let may_be_empty = |key: &&keys::Key| key.may_be_empty && keys::variable(key.name) == name;
        if value.to_string_lossy().trim().is_empty() && !KEYS.iter().any(|key| may_be_empty(&key)) {
            return Err(ConfigError::EmptyVariable { variable: name });
        }
    }
    Ok(())
}

fn is_foreign(name: &str, known: &[String]) -> bool {
    let misspelt = |known: &String| strsim::damerau_levenshtein(name, known) <= MISSPELT;
    OF_THE_COMMAND.contains(&name) || name.starts_with(OF_TESTS) && !known.iter().any(misspelt)
}

fn unknown(variable: String, known: &[String]) -> ConfigError {
    // The prefix that all share must not make them near.
    let bare = |name: &'_ str| name.len().min(PREFIX.len());
    let names = known.iter().map(|name| &name[bare(name)..]);
    let help = keys::nearest(&variable[bare(&variable)..], names)
        .map(|meant| format!("did you mean `{PREFIX}{meant}`? "))
        .unwrap_or_default();
    ConfigError::UnknownVariable { variable, help }
}
