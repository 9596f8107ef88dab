//! What the JSON Schemas of a pack's files say of a key or value.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use mission_rules::pack::{JSON_SCHEMAS, JsonSchema};
use serde_json::Value;

static SCHEMAS: LazyLock<HashMap<&str, Value>> = LazyLock::new(|| {
    let parsed = JSON_SCHEMAS.iter().filter_map(|schema| {
        let value = serde_json::from_str(schema.text).ok()?;
        Some((schema.name, value))
    });
    parsed.collect()
});

/// What can stand at a place: one schema, or several of which one holds. A list counts as what it holds.
#[derive(Clone, Debug)]
pub(super) struct SchemaNode(Vec<&'static Value>);

impl SchemaNode {
    /// What the file of a path in the pack holds.
    pub(super) fn of_file(path: &str) -> Option<Self> {
        let schema = JsonSchema::of_file(path)?;
        SCHEMAS.get(schema.name).map(|schema| SchemaNode(vec![schema]))
    }

    /// What the value behind keys is.
    pub(super) fn at(&self, path: &[String]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |node, key| node.below(key))
    }

    fn below(&self, key: &str) -> Option<Self> {
        let inside = self.each().into_iter().filter_map(|schema| {
            let property = schema
                .get("properties")
                .and_then(|properties| properties.get(key));
            property.or_else(|| {
                schema
                    .get("additionalProperties")
                    .filter(|schema| schema.is_object())
            })
        });
        let inside: Vec<&Value> = inside.collect();
        (!inside.is_empty()).then_some(SchemaNode(inside))
    }

    /// Every schema that can hold, with those of a list's items.
    fn each(&self) -> Vec<&'static Value> {
        let mut all = self.0.clone();
        let mut looked_at = 0;
        while let Some(schema) = all.get(looked_at).copied() {
            looked_at += 1;
            let one_of = ["oneOf", "anyOf"]
                .into_iter()
                .filter_map(|name| schema.get(name)?.as_array())
                .flatten();
            all.extend(one_of);
            all.extend(schema.get("items"));
        }
        all
    }

    /// The keys that a table can have here.
    pub(super) fn keys(&self) -> BTreeMap<&'static str, SchemaNode> {
        let properties = self
            .each()
            .into_iter()
            .filter_map(|schema| schema.get("properties")?.as_object());
        properties
            .flatten()
            .map(|(name, schema)| (name.as_str(), SchemaNode(vec![schema])))
            .collect()
    }

    /// The values that it can have, as TOML writes them, where there are only some.
    pub(super) fn choices(&self) -> Vec<String> {
        let mut choices = Vec::new();
        for schema in self.each() {
            let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            choices.extend(listed.chain(schema.get("const")).map(Value::to_string));
            if schema.get("type").and_then(Value::as_str) == Some("boolean") {
                choices.extend(["true", "false"].map(str::to_owned));
            }
        }
        choices
    }

    pub(super) fn description(&self) -> Option<&'static str> {
        self.each()
            .into_iter()
            .find_map(|schema| schema.get("description")?.as_str())
    }

    pub(super) fn default(&self) -> Option<String> {
        self.each()
            .into_iter()
            .find_map(|schema| schema.get("default"))
            .map(Value::to_string)
    }

    /// The type, in an author's words.
    pub(super) fn kind(&self) -> String {
        let mut kinds: Vec<&str> = Vec::new();
        for schema in &self.0 {
            kinds.extend(kinds_of(schema));
        }
        kinds.dedup();
        kinds.join(" or ")
    }

    /// Whether it can be a table.
    pub(super) fn is_table(&self) -> bool {
        self.alternatives().any(is_table)
    }

    /// Whether it can be a list of tables.
    pub(super) fn is_list_of_tables(&self) -> bool {
        self.alternatives()
            .filter_map(|schema| schema.get("items"))
            .any(is_table)
    }

    fn alternatives(&self) -> impl Iterator<Item = &'static Value> {
        let nested = self.0.iter().filter_map(|schema| schema.get("oneOf")?.as_array());
        self.0.iter().copied().chain(nested.flatten())
    }
}

fn is_table(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

fn kinds_of(schema: &'static Value) -> Vec<&'static str> {
    let name = |kind: &'static str| match kind {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        "array" => "list",
        "object" => "table",
        other => other,
    };
    match (
        schema.get("type"),
        schema.get("oneOf").or_else(|| schema.get("anyOf")),
    ) {
        (Some(Value::String(kind)), _) => vec![name(kind)],
        (Some(Value::Array(kinds)), _) => kinds.iter().filter_map(Value::as_str).map(name).collect(),
        (_, Some(Value::Array(alternatives))) => alternatives.iter().flat_map(kinds_of).collect(),
        _ if schema.get("enum").is_some() => vec!["text"],
        _ => Vec::new(),
    }
}
