//! The command line.

use std::{ffi::OsString, path::Path};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{
    ConfigError, Settings, effective, environment,
    keys::{self, KEYS, Key},
    layers::Layers,
    settings::{self, OF_A_WALLET, WalletSettings},
};

/// The action that the command line asks for.
#[derive(Clone, Debug)]
pub enum Action {
    /// Serve.
    Serve(Box<Settings>),
    /// Book what comes out of the wallet's queue.
    Wallet(Box<WalletSettings>),
    /// Print this configuration file: [`super::DEFAULT_FILE`] with the values in force.
    PrintConfig(String),
    /// Say whether the server would start with these settings.
    CheckConfig(Result<Box<Settings>, ConfigError>),
}

/// The command line as it is documented by `--help`.
#[must_use]
pub fn command() -> Command {
    let config = config_file();
    let print = Arg::new("print-config")
        .long("print-config")
        .action(ArgAction::SetTrue)
        .help("Print a configuration file with every setting, explained, its value in force and where that came from, and exit");
    let check = Arg::new("check-config")
        .long("check-config")
        .action(ArgAction::SetTrue)
        .help("Say whether the server would start with these settings (exit 0) or not (exit 1); connects to nothing");
    let settings = KEYS.iter().flat_map(args_of);
    Command::new("mission-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The mission engine over HTTP")
        .after_help(
            "Flags are stronger than variables, variables than the configuration file.\n\
             Try it out: mission-server --dev",
        )
        .args([config, print, check])
        .args(settings)
        .args_conflicts_with_subcommands(true)
        .subcommand(wallet())
}

fn config_file() -> Arg {
    Arg::new("config")
        .long("config")
        .env(environment::CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(OsString))
        .help("A configuration file; see --print-config")
}

fn wallet() -> Command {
    let settings = OF_A_WALLET.iter().filter_map(|name| keys::find(name));
    Command::new("wallet")
        .about("Run the embedded wallet as a process of its own, on a database of its own, fed by RabbitMQ")
        .long_about(
            "Run the embedded wallet as a process of its own, on a database of its own, fed by RabbitMQ.\n\n\
             It books every grant once, however often it is delivered, and serves /health, /health/live, /health/ready and \
             /metrics. Without settings of its own it listens on 127.0.0.1:8081 and keeps its ledger in sqlite://wallet.db.",
        )
        .after_help(
            "Example:\n  mission-server wallet --amqp-url amqp://guest:guest@127.0.0.1:5672/%2f --database-url sqlite://wallet.db",
        )
        .arg(config_file())
        .args(settings.flat_map(args_of))
}

/// A setting's flag, and that of the file which may hold it.
fn args_of(key: &'static Key) -> impl Iterator<Item = Arg> {
    let arg = |name: &'static str| {
        Arg::new(name)
            .long(keys::flag(name))
            .env(keys::variable(name))
            // A secret must not show in `--help`.
            .hide_env_values(true)
            .help_heading(key.heading)
    };
    let value = arg(key.name)
        .value_name(key.value)
        .help(format!("{}{}", key.help, key.unit()));
    let value = if key.is_switch() {
        value
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
    } else {
        value
    };
    let file = key.file.map(|name| {
        let help = format!("A file that holds what --{} would say", keys::flag(key.name));
        arg(name).value_name("FILE").help(help)
    });
    [value].into_iter().chain(file)
}

/// Reads the command line, the environment and the file. `--help`, `--version` and flags that are none end the
/// process, as usual.
///
/// # Errors
/// When the server cannot start with these settings.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Action, ConfigError> {
    let matches = command().get_matches_from(arguments);
    if let Some(("wallet", matches)) = matches.subcommand() {
        let settings = layers(matches).and_then(WalletSettings::from_layers)?;
        return Ok(Action::Wallet(Box::new(settings)));
    }
    if matches.get_flag("print-config") {
        let mut layers = layers(&matches)?;
        settings::settle(&mut layers)?;
        return effective::file(&layers).map(Action::PrintConfig);
    }
    let settings = layers(&matches).and_then(Settings::from_layers).map(Box::new);
    if matches.get_flag("check-config") {
        return Ok(Action::CheckConfig(settings));
    }
    settings.map(Action::Serve)
}

fn layers(matches: &ArgMatches) -> Result<Layers, ConfigError> {
    environment::check(std::env::vars_os())?;
    let mut layers = Layers::defaults()?;
    if let Some(path) = matches
        .get_one::<OsString>("config")
        .filter(|path| !path.is_empty())
    {
        layers.take_path(Path::new(path))?;
    }
    layers.take_matches(matches)?;
    Ok(layers)
}
