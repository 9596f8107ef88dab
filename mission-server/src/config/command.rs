//! The command line.

use std::{ffi::OsString, path::Path};

use clap::{Arg, ArgAction, Command, value_parser};

use super::{ConfigError, Settings, environment, keys::KEYS, layers::Layers};

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Action {
    /// Serve.
    Serve(Box<Settings>),
    /// Print [`super::DEFAULT_FILE`].
    PrintConfig,
}

/// The command line as it is documented by `--help`.
#[must_use]
pub fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .env(environment::CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(OsString))
        .help("A configuration file; see --print-config");
    let print = Arg::new("print-config")
        .long("print-config")
        .action(ArgAction::SetTrue)
        .help("Print a configuration file with every setting at its default, explained, and exit");
    let settings = KEYS.iter().map(|key| {
        let arg = Arg::new(key.name)
            .long(key.flag())
            .env(key.variable())
            // A secret must not show in `--help`.
            .hide_env_values(true)
            .value_name(key.value)
            .help(key.help)
            .help_heading(key.heading);
        if key.is_switch() {
            arg.num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
        } else {
            arg
        }
    });
    Command::new("mission-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The mission engine over HTTP")
        .after_help(
            "Flags are stronger than variables, variables than the configuration file.\n\
             Try it out: mission-server --dev",
        )
        .args([config, print])
        .args(settings)
}

/// Reads the command line, the environment and the file. `--help`, `--version` and flags that are none end the
/// process, as usual.
///
/// # Errors
/// When the server cannot start with these settings.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Action, ConfigError> {
    let matches = command().get_matches_from(arguments);
    if matches.get_flag("print-config") {
        return Ok(Action::PrintConfig);
    }
    environment::check(std::env::vars_os())?;
    let mut layers = Layers::defaults()?;
    if let Some(path) = matches
        .get_one::<OsString>("config")
        .filter(|path| !path.is_empty())
    {
        layers.take_path(Path::new(path))?;
    }
    layers.take_matches(&matches);
    Settings::from_layers(layers).map(|settings| Action::Serve(Box::new(settings)))
}
