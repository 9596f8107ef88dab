//! The configuration file with the values in force in place of the defaults, and where each came from.

use std::fmt::Write as _;

use serde::Serialize;
use toml::{Table, Value};
use utoipa::ToSchema;

use super::{
    ConfigError, DEFAULT_FILE,
    keys::{self, KEYS, Key},
    layers::{Layers, Origin},
    values,
};
use crate::telemetry;

/// A setting in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EffectiveSetting {
    /// Its name in the file.
    #[schema(example = "http.body_limit")]
    pub name: &'static str,
    /// Its value; secrets are masked.
    pub value: String,
    /// Where it came from.
    #[schema(example = "by default")]
    pub origin: String,
}

/// All settings that have a value.
pub(super) fn settings(layers: &Layers) -> Vec<EffectiveSetting> {
    let in_force = KEYS.iter().filter_map(|key| {
        let (value, origin) = layers.with_origin(key.name)?;
        Some(EffectiveSetting {
            name: key.name,
            value: shown(key, value),
            origin: origin.to_string(),
        })
    });
    in_force.collect()
}

/// Writes [`DEFAULT_FILE`] anew, with what is in force. Secrets are masked.
pub(super) fn file(layers: &Layers) -> Result<String, ConfigError> {
    let defaults: Table =
        DEFAULT_FILE
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::InvalidFile {
                path: "config.toml".to_owned(),
                reason: error.to_string(),
            })?;
    let mut text = String::with_capacity(DEFAULT_FILE.len() * 2);
    let mut table = "";
    for line in DEFAULT_FILE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
        }
        let written = key_of(line, table)
            .and_then(|key| Some((key, layers.with_origin(key.name)?)))
            .map(|(key, (value, origin))| in_force(key, value, origin, &defaults));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", written.as_deref().unwrap_or(line));
    }
    Ok(text)
}

/// The setting that a line gives, or would give were it no comment.
fn key_of(line: &str, table: &str) -> Option<&'static Key> {
    let (name, _) = line.trim_start_matches("# ").split_once(" = ")?;
    if table.is_empty() {
        keys::find(name)
    } else {
        keys::find(&format!("{table}.{name}"))
    }
}

fn in_force(key: &Key, value: &str, origin: &Origin, defaults: &Table) -> String {
    let last = key.name.rsplit('.').next().unwrap_or(key.name);
    let shown = shown(key, value);
    let written = written(&shown, default_of(key, defaults));
    // What is masked would be of no use in a file.
    let comment = if shown == value { "" } else { "# " };
    format!("{comment}{last} = {written}  # {origin}")
}

/// The value for people's eyes.
fn shown(key: &Key, value: &str) -> String {
    match key.name {
        "database.url" => values::database_url(value).map_or_else(|_| MASK.to_owned(), |url| url.to_string()),
        "redis.url" | "amqp.url" => telemetry::mask(value).into_owned(),
        "jwt.jwks_url" => values::web_url(value).map_or_else(
            |_| MASK.to_owned(),
            |mut url| {
                values::hide_secrets(&mut url);
                url.to_string()
            },
        ),
        _ if key.file.is_some() => MASK.to_owned(),
        _ => value.to_owned(),
    }
}

const MASK: &str = "***";

/// The value as TOML, of the type of its default.
fn written(text: &str, default: Option<&Value>) -> String {
    let value = match default {
        Some(Value::Integer(_)) => text.replace('_', "").parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => values::switch(text).ok().map(Value::Boolean),
        Some(Value::Array(_)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(
                items.map(|item| Value::String(item.to_owned())).collect(),
            ))
        }
        _ => None,
    };
    value
        .unwrap_or_else(|| Value::String(text.to_owned()))
        .to_string()
}

fn default_of<'t>(key: &Key, defaults: &'t Table) -> Option<&'t Value> {
    let mut parts = key.name.split('.');
    let first = defaults.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}
