//! The layers of settings, before they are given their types.

use std::{collections::BTreeMap, fmt, path::Path};

use clap::{ArgMatches, parser::ValueSource};
use toml::{Table, Value};

use super::{
    ConfigError,
    keys::{self, KEYS, Key},
    secret_file,
};

/// The configuration file with every setting at its default, explained.
pub const DEFAULT_FILE: &str = include_str!("config.toml");

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(String),
    /// The environment.
    Variable(String),
    /// The configuration file.
    File(String),
    /// A file that holds nothing else.
    Secret {
        /// Which.
        path: String,
        /// What names it.
        named: Box<Origin>,
    },
    /// `--dev`.
    Development,
    /// The default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => write!(f, "from the flag `--{flag}`"),
            Origin::Variable(variable) => write!(f, "from the variable `{variable}`"),
            Origin::File(path) => write!(f, "from the file `{path}`"),
            Origin::Secret { path, named } => write!(f, "out of `{path}`, named {named}"),
            Origin::Development => f.write_str("from `--dev`"),
            Origin::Default => f.write_str("by default"),
        }
    }
}

/// A text for each setting that has one, with its origin. Empty texts count as not given, but where they mean something.
#[derive(Clone, Default)]
pub(super) struct Layers(BTreeMap<&'static str, (String, Origin)>);

impl Layers {
    /// The defaults.
    pub(super) fn defaults() -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        layers.take_file(DEFAULT_FILE, "config.toml", |_| Origin::Default)?;
        Ok(layers)
    }

    /// Puts a file on top.
    pub(super) fn take_path(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::UnreadableFile {
            path: name.clone(),
            reason: error.to_string(),
        })?;
        self.take_file(&text, &name, |path| Origin::File(path.to_owned()))
    }

    pub(super) fn take_file(
        &mut self,
        text: &str,
        path: &str,
        origin: impl Fn(&str) -> Origin,
    ) -> Result<(), ConfigError> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::InvalidFile {
                path: path.to_owned(),
                reason: error.to_string().trim_end().to_owned(),
            })?;
        let leaves = flat(&table, "");
        for (name, value) in &leaves {
            let (key, in_file) = match (keys::find(name), keys::find_file(name)) {
                (Some(key), _) => (key, false),
                (None, Some(key)) => (key, true),
                (None, None) => return Err(unknown(name, path)),
            };
            let text = plain(value).ok_or_else(|| ConfigError::InvalidValue {
                key: key.name,
                origin: origin(path),
                reason: "must be a text, a number, a truth value or a list of texts".to_owned(),
            })?;
            let both = || {
                leaves
                    .iter()
                    .filter(|(name, _)| key.names().any(|of_it| of_it == name))
                    .count()
                    == 2
            };
            if in_file && both() {
                return Err(given_twice(key, &origin(path), &origin(path)));
            }
            if in_file {
                self.put_file(key, &text, origin(path))?;
            } else {
                self.put(key.name, &text, origin(path));
            }
        }
        Ok(())
    }

    /// Puts what stands on the command line and in the environment on top.
    ///
    /// # Errors
    /// When a secret's file is of no use, or the secret is given besides.
    pub(super) fn take_matches(&mut self, matches: &ArgMatches) -> Result<(), ConfigError> {
        let given = |name: &'static str| {
            // A subcommand has some of them.
            let text = matches.try_get_one::<String>(name).ok()??;
            let origin = match matches.value_source(name) {
                Some(ValueSource::EnvVariable) => Origin::Variable(keys::variable(name)),
                _ => Origin::Flag(keys::flag(name)),
            };
            Some((text, origin))
        };
        for key in KEYS {
            match (given(key.name), key.file.and_then(given)) {
                (Some((_, direct)), Some((_, file))) => return Err(given_twice(key, &direct, &file)),
                (Some((text, origin)), None) => self.put(key.name, text, origin),
                (None, Some((path, origin))) => self.put_file(key, path, origin)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Puts what a secret's file holds on top.
    fn put_file(&mut self, key: &Key, path: &str, named: Origin) -> Result<(), ConfigError> {
        let path = path.trim();
        let text = secret_file::read(path).map_err(|reason| ConfigError::SecretFile {
            key: key.file.unwrap_or(key.name),
            origin: named.clone(),
            path: path.to_owned(),
            reason,
        })?;
        let path = path.to_owned();
        let named = Box::new(named);
        self.put(key.name, &text, Origin::Secret { path, named });
        Ok(())
    }

    /// Puts a development server's value where nobody said anything.
    pub(super) fn develop(&mut self, key: &'static str, text: &str) {
        if self
            .0
            .get(key)
            .is_none_or(|(_, origin)| *origin == Origin::Default)
        {
            self.put(key, text, Origin::Development);
        }
    }

    /// Puts another default in place of a setting's own.
    pub(super) fn default_to(&mut self, key: &'static str, text: &str) {
        if self.given(key).is_none() {
            self.put(key, text, Origin::Default);
        }
    }

    fn put(&mut self, key: &'static str, text: &str, origin: Origin) {
        if !text.trim().is_empty() || keys::find(key).is_some_and(|key| key.may_be_empty) {
            self.0.insert(key, (text.trim().to_owned(), origin));
        }
    }

    /// Where a setting that somebody set came from.
    pub(super) fn given(&self, key: &'static str) -> Option<&Origin> {
        let (_, origin) = self.0.get(key)?;
        (*origin != Origin::Default).then_some(origin)
    }

    /// A setting that has a value, with where it came from.
    pub(super) fn with_origin(&self, key: &'static str) -> Option<(&str, &Origin)> {
        self.0.get(key).map(|(text, origin)| (text.as_str(), origin))
    }

    /// The text of a setting.
    pub(super) fn get(&self, key: &'static str) -> Option<&str> {
        self.0.get(key).map(|(text, _)| text.as_str())
    }

    /// The value of a setting, if it has one.
    pub(super) fn read<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((text, origin)) = self.0.get(key) else {
            return Ok(None);
        };
        parse(text).map(Some).map_err(|reason| ConfigError::InvalidValue {
            key,
            origin: origin.clone(),
            reason,
        })
    }

    /// The value of a setting that has a default.
    pub(super) fn need<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        self.read(key, parse)?.ok_or_else(|| ConfigError::InvalidValue {
            key,
            origin: Origin::Default,
            reason: "must be given".to_owned(),
        })
    }
}

fn given_twice(key: &Key, direct: &Origin, file: &Origin) -> ConfigError {
    ConfigError::Conflict(format!(
        "`{}` is given ({direct}), and `{}` too ({file}): keep one of the two",
        key.name,
        key.file.unwrap_or(key.name)
    ))
}

/// Every leaf of the tables, by its dotted name.
fn flat(table: &Table, prefix: &str) -> Vec<(String, Value)> {
    let mut leaves = Vec::new();
    for (name, value) in table {
        let name = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Table(inner) => leaves.extend(flat(inner, &name)),
            leaf => leaves.push((name, leaf.clone())),
        }
    }
    leaves
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

fn unknown(name: &str, path: &str) -> ConfigError {
    let help = match keys::nearest(name, KEYS.iter().flat_map(Key::names)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "`mission-server --print-config` shows every setting".to_owned(),
    };
    ConfigError::UnknownSetting {
        path: path.to_owned(),
        key: name.to_owned(),
        help,
    }
}
