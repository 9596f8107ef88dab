//! One mission that comes without a pack, as over HTTP: checked as a pack of it alone would be.

use std::{collections::BTreeMap, ops::Range};

use chrono::{DateTime, Utc};
use mission_core::{PointsScale, mission::Definition};
use serde_json::Value;

use super::{Pack, PackFiles};
use crate::{
    Scripts,
    diagnostic::{Diagnostic, line_column},
};

/// What is found in a definition: where, as a JSON pointer into it, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionFinding {
    /// The field, such as `/reward/points`; empty for the whole.
    pub pointer: String,
    /// What is wrong, or probably not meant.
    pub diagnostic: Diagnostic,
}

const MISSION: &str = "missions/mission.toml";
const SCRIPT: &str = "rules/script.rhai";

/// Everything that `mission check` would say of a definition with its script, in a pack of a points scale, at an instant. What it requires, and what a shadow mission is
/// compared with, is left to whoever knows the other missions.
///
/// ```
/// use mission_core::PointsScale;
/// use mission_rules::{Scripts, pack::check_definition};
/// let mut definition = mission_core::testing::definition("read-it");
/// definition.script = Some("fn reward(ctx) { #{ points: ctx.user.tgas } }".to_owned());
/// let now = "2026-01-05T10:00:00Z".parse()?;
/// let findings = check_definition(&definition, &Scripts::default(), PointsScale::default(), now);
/// assert_eq!(findings[0].pointer, "/script");
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn check_definition(
    definition: &Definition,
    scripts: &Scripts,
    scale: PointsScale,
    now: DateTime<Utc>,
) -> Vec<DefinitionFinding> {
    let mut definition = definition.clone();
    definition.requires.clear();
    definition.shadow_of = None;
    let script = definition.script.take();
    let mut files = BTreeMap::new();
    files.insert(
        "pack.toml".to_owned(),
        format!(
            "name = \"mission\"\nversion = \"1.0.0\"\npoints_scale = {}\n",
            u8::from(scale)
        ),
    );
    definition.rules_script = script.as_ref().map(|_| SCRIPT.to_owned());
    files.extend(script.clone().map(|source| (SCRIPT.to_owned(), source)));
    // What the domain can hold can be written as JSON.
    let value = serde_json::to_value(&definition).unwrap_or_default();
    let written = Toml::of(&value);
    files.insert(MISSION.to_owned(), written.text.clone());
    let (_, findings) = Pack::load_at(&PackFiles::from_map(files), scripts, now);
    let placed = findings.into_iter().map(|finding| {
        let mut diagnostic = finding.diagnostic;
        let span = diagnostic.span.take();
        let pointer = if finding.file == SCRIPT {
            if let (Some(span), Some(source)) = (span, &script) {
                let (line, column) = line_column(source, span.start);
                diagnostic.message = format!("{line}:{column}: {}", diagnostic.message);
            }
            "/script".to_owned()
        } else {
            span.map_or_else(String::new, |span| written.pointer_at(span.start))
        };
        DefinitionFinding { pointer, diagnostic }
    });
    placed.collect()
}

/// A JSON object as TOML, one field a line, with the place of every value in it.
#[derive(Default)]
struct Toml {
    text: String,
    places: Vec<(Range<usize>, String)>,
}

impl Toml {
    fn of(value: &Value) -> Toml {
        let mut toml = Toml::default();
        for (key, value) in value.as_object().into_iter().flatten() {
            if !value.is_null() {
                let start = toml.text.len();
                let pointer = format!("/{}", escaped(key));
                toml.key(key);
                toml.value(value, &pointer);
                toml.places.push((start..toml.text.len(), pointer));
                toml.text.push('\n');
            }
        }
        toml
    }

    fn key(&mut self, key: &str) {
        self.string(key);
        self.text.push_str(" = ");
    }

    fn value(&mut self, value: &Value, pointer: &str) {
        let start = self.text.len();
        match value {
            Value::Null => self.text.push_str("\"\""),
            Value::Bool(truth) => self.text.push_str(if *truth { "true" } else { "false" }),
            Value::Number(number) => {
                let digits = number.to_string();
                // TOML's fractions are binary: a decimal is written as a text, as in a pack.
                if digits.contains(['.', 'e', 'E']) {
                    self.string(&digits);
                } else {
                    self.text.push_str(&digits);
                }
            }
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.text.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        self.text.push_str(", ");
                    }
                    self.value(item, &format!("{pointer}/{n}"));
                }
                self.text.push(']');
            }
            Value::Object(fields) => {
                self.text.push_str("{ ");
                let present = fields.iter().filter(|(_, value)| !value.is_null());
                for (n, (key, value)) in present.enumerate() {
                    if n > 0 {
                        self.text.push_str(", ");
                    }
                    let start = self.text.len();
                    let pointer = format!("{pointer}/{}", escaped(key));
                    self.key(key);
                    self.value(value, &pointer);
                    self.places.push((start..self.text.len(), pointer));
                }
                self.text.push_str(" }");
            }
        }
        self.places.push((start..self.text.len(), pointer.to_owned()));
    }

    /// A basic string: JSON's escapes are TOML's, but for the delete character.
    fn string(&mut self, text: &str) {
        let quoted = Value::String(text.to_owned()).to_string();
        self.text.push_str(&quoted.replace('\u{7f}', "\\u007F"));
    }

    /// The innermost value that a byte of the text belongs to.
    fn pointer_at(&self, at: usize) -> String {
        let around = self.places.iter().filter(|(range, _)| range.contains(&at));
        around
            .min_by_key(|(range, _)| range.len())
            .map_or_else(String::new, |(_, pointer)| pointer.clone())
    }
}

/// A key as a JSON pointer holds it.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use mission_core::{
        mission::{Operator, Rule},
        testing::definition,
    };

    use super::*;

    fn found(definition: &Definition) -> Vec<(String, &'static str)> {
        let findings = check_definition(
            definition,
            &Scripts::default(),
            PointsScale::default(),
            DateTime::UNIX_EPOCH,
        );
        findings
            .into_iter()
            .map(|finding| (finding.pointer, finding.diagnostic.code.as_str()))
            .collect()
    }

    #[test]
    fn a_good_definition_has_no_findings() {
        let mut good = definition("good");
        good.reward.points = mission_core::testing::points("12.5");
        good.category = "del \u{7f}".to_owned();
        assert_eq!(found(&good), []);
    }

    #[test]
    fn findings_have_a_pointer_to_their_field() {
        let rule = |rule_type: &str| Rule {
            rule_type: rule_type.to_owned(),
            operator: Operator::Gte,
            value: "3".to_owned(),
            metadata: serde_json::Map::new(),
        };
        let mut bad = definition("bad");
        bad.rules = vec![rule("user.level"), rule("user.lvel")];
        bad.script = Some("fn reward(ctx) {\n    #{ points: ctx.user.tgas }\n}\n".to_owned());
        let findings = check_definition(
            &bad,
            &Scripts::default(),
            PointsScale::default(),
            DateTime::UNIX_EPOCH,
        );
        let pointers: Vec<&str> = findings.iter().map(|finding| finding.pointer.as_str()).collect();
        assert!(pointers.contains(&"/rules/1/rule_type"), "{findings:?}");
        let script = findings
            .iter()
            .find(|finding| finding.pointer == "/script")
            .unwrap();
        assert!(script.diagnostic.message.starts_with("2:"), "{script:?}");
    }
}
