//! What is wrong with the settings: which one, where it came from, and the way out.

use super::layers::Origin;

/// The server cannot start with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file `{path}`: {reason}")]
    UnreadableFile {
        /// Which.
        path: String,
        /// What the operating system said.
        reason: String,
    },
    /// The configuration file is no TOML.
    #[error("the configuration file `{path}` is no TOML: {reason}")]
    InvalidFile {
        /// Which.
        path: String,
        /// What is wrong, with the place.
        reason: String,
    },
    /// The configuration file has a setting that there is not.
    #[error("the configuration file `{path}` has an unknown setting `{key}`; {help}")]
    UnknownSetting {
        /// The file.
        path: String,
        /// The setting.
        key: String,
        /// What may have been meant.
        help: String,
    },
    /// There is a `MISSION_*` variable that no setting reads.
    #[error(
        "the variable `{variable}` is no setting of this server; {help}`mission-server --help` lists every variable"
    )]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// What may have been meant.
        help: String,
    },
    /// A variable is set to nothing.
    #[error(
        "the variable `{variable}` is empty; give it a value or unset it (`mission-server --help` lists every variable)"
    )]
    EmptyVariable {
        /// The variable.
        variable: String,
    },
    /// A setting's value is of no use.
    #[error("`{key}` ({origin}) {reason}")]
    InvalidValue {
        /// The setting.
        key: &'static str,
        /// Where the value came from.
        origin: Origin,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A secret's file is of no use.
    #[error("the file `{path}` that `{key}` names ({origin}) {reason}")]
    SecretFile {
        /// The setting that names it.
        key: &'static str,
        /// Where the name came from.
        origin: Origin,
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no key for tokens.
    #[error(
        "there is no key for tokens, so nobody could be let in.\n\
         Set exactly one of:\n\
         \x20 MISSION_JWT_SECRET      a shared secret, at least 32 bytes (HS256);\n\
         \x20                         MISSION_JWT_SECRET_FILE names a file that holds it\n\
         \x20 MISSION_JWT_JWKS_URL    the address of your identity provider's keys (RS256, ES256, EdDSA)\n\
         \x20 MISSION_JWT_JWKS_FILE   a file with such keys\n\
         or start with `--dev` to try things out with a development key."
    )]
    NoKey,
    /// Settings that exclude each other.
    #[error("{0}")]
    Conflict(String),
}
