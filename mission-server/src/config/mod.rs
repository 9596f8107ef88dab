//! Settings: from flags, `MISSION_*` variables and a TOML file, in that order of strength.
//!
//! The weakest layer is [`DEFAULT_FILE`], a commented file that holds every default and documents every setting;
//! `mission-server --print-config` prints it with the values in force. A setting `a.b_c` of the file is `MISSION_A_B_C` in the environment and
//! `--a-b-c` on the command line.

mod command;
mod effective;
mod environment;
mod error;
mod keys;
mod layers;
mod secret_file;
mod settings;
#[cfg(test)]
mod tests;
mod values;

pub use command::{Action, command, read};
pub use effective::EffectiveSetting;
pub use error::ConfigError;
pub use layers::DEFAULT_FILE;
pub use settings::{
    DatabaseSettings, FraudSettings, JwtKeys, JwtSettings, LogFormat, LogSettings, PackSource, ReadyRequires,
    RetentionSettings, Settings, TlsSettings, UploadSettings, WalletSettings,
};
pub use values::{DatabaseUrl, PostgresUrl};
