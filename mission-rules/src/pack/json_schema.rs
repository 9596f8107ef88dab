//! JSON Schemas of a pack's files, so that editors complete them and mark mistakes while they are written.

use super::file_kind::FileKind;

/// One schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonSchema {
    /// What it describes: `mission`, `pack`, `checkin`, `referral`, `risk` or `cases`.
    pub name: &'static str,
    /// Its file.
    pub file: &'static str,
    /// The schema, as JSON.
    pub text: &'static str,
}

/// The folder in a pack where its files look for the schemas. It is hidden, so it is no part of the pack.
pub const SCHEMA_FOLDER: &str = ".schemas";

/// The schemas of all files of a pack.
///
/// ```
/// use mission_rules::pack::JSON_SCHEMAS;
/// let names: Vec<&str> = JSON_SCHEMAS.iter().map(|schema| schema.name).collect();
/// assert_eq!(names, ["pack", "mission", "checkin", "referral", "risk", "cases"]);
/// ```
pub const JSON_SCHEMAS: [JsonSchema; 6] = [
    JsonSchema {
        name: "pack",
        file: "pack.schema.json",
        text: include_str!("../../schemas/pack.schema.json"),
    },
    JsonSchema {
        name: "mission",
        file: "mission.schema.json",
        text: include_str!("../../schemas/mission.schema.json"),
    },
    JsonSchema {
        name: "checkin",
        file: "checkin.schema.json",
        text: include_str!("../../schemas/checkin.schema.json"),
    },
    JsonSchema {
        name: "referral",
        file: "referral.schema.json",
        text: include_str!("../../schemas/referral.schema.json"),
    },
    JsonSchema {
        name: "risk",
        file: "risk.schema.json",
        text: include_str!("../../schemas/risk.schema.json"),
    },
    JsonSchema {
        name: "cases",
        file: "cases.schema.json",
        text: include_str!("../../schemas/cases.schema.json"),
    },
];

impl JsonSchema {
    /// The schema of a file, by its path in the pack.
    ///
    /// ```
    /// use mission_rules::pack::JsonSchema;
    /// assert_eq!(JsonSchema::of_file("missions/watch.toml").map(|schema| schema.name), Some("mission"));
    /// assert_eq!(JsonSchema::of_file("notes/watch.toml"), None);
    /// ```
    #[must_use]
    pub fn of_file(path: &str) -> Option<&'static JsonSchema> {
        let name = match FileKind::of(path) {
            FileKind::Mission => "mission",
            FileKind::Cases => "cases",
            FileKind::Known => path.strip_suffix(".toml")?,
            FileKind::Stray => return None,
        };
        JSON_SCHEMAS.iter().find(|schema| schema.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        path::Path,
    };

    use serde_json::{Value, json};

    use super::*;
    use crate::pack::{Pack, PackFiles, decode::FromToml, template};

    fn validator(name: &str) -> jsonschema::Validator {
        let schema = JSON_SCHEMAS.iter().find(|schema| schema.name == name).unwrap();
        let schema: Value = serde_json::from_str(schema.text).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
        jsonschema::validator_for(&schema).unwrap()
    }

    fn packs() -> Vec<PackFiles> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packs");
        let mut packs: Vec<PackFiles> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| PackFiles::from_dir(&entry.unwrap().path()).unwrap())
            .collect();
        packs.push(PackFiles::from_map(template::files("demo")));
        let judged = "rules_script = \"rules/risk.rhai\"\nflag_at = 50\nrefuse_at = 90\nmode = \"observe\"\n";
        packs.push(PackFiles::from_map([("risk.toml", judged)]));
        packs
    }

    fn as_json(text: &str) -> Value {
        let table = toml::de::DeTable::parse(text).unwrap().into_inner();
        Value::from_toml(&toml::de::DeValue::Table(table)).unwrap()
    }

    #[test]
    fn every_file_of_every_example_fits_its_schema() {
        let validators: BTreeMap<&str, _> = JSON_SCHEMAS
            .map(|schema| (schema.name, validator(schema.name)))
            .into();
        let mut looked_at = BTreeSet::new();
        for files in packs() {
            for (path, text) in files.iter() {
                let Some(kind) = JsonSchema::of_file(path).map(|schema| schema.name) else {
                    continue;
                };
                let faults: Vec<String> = validators[kind]
                    .iter_errors(&as_json(text))
                    .map(|fault| format!("{}: {fault}", fault.instance_path()))
                    .collect();
                assert_eq!(faults, Vec::<String>::new(), "{path}");
                looked_at.insert(kind);
            }
        }
        assert_eq!(looked_at.len(), JSON_SCHEMAS.len());
    }

    /// The names that the reader knows at the top of a file, as it tells them of one that it does not know.
    fn known(path: &str, rest: &str) -> BTreeSet<String> {
        let manifest = "name = \"a\"\nversion = \"1\"\n";
        let mut files = BTreeMap::from([("pack.toml".to_owned(), manifest.to_owned())]);
        let text = format!(
            "qqqqqqqqqqqqqqqq = 1\n{}{rest}",
            if path == "pack.toml" { manifest } else { "" }
        );
        files.insert(path.to_owned(), text);
        let (_, findings) = Pack::load(&PackFiles::from_map(files));
        let found = findings
            .iter()
            .find(|found| found.diagnostic.code == "pack/unknown-field")
            .unwrap();
        let help = found.diagnostic.help.as_deref().unwrap();
        help.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn a_schema_has_the_fields_that_the_reader_has() {
        for (name, path) in [
            ("pack", "pack.toml"),
            ("mission", "missions/a.toml"),
            ("checkin", "checkin.toml"),
            ("referral", "referral.toml"),
            ("cases", "tests/a.toml"),
        ] {
            let schema = JSON_SCHEMAS.iter().find(|schema| schema.name == name).unwrap();
            let schema: Value = serde_json::from_str(schema.text).unwrap();
            let fields = schema["properties"].as_object().unwrap();
            let mut read = known(path, "");
            // It is refused with a word of its own.
            read.remove("script");
            assert_eq!(fields.keys().cloned().collect::<BTreeSet<_>>(), read, "{name}");
        }
    }

    #[test]
    fn typical_mistakes_are_marked_by_the_schema_too() {
        let good = json!({
            "code": "a", "type": "custom", "frequency": "daily", "title": {"en": "a"}, "description": {"en": "b"},
        });
        let mission = validator("mission");
        assert!(mission.is_valid(&good));
        for (field, value) in [
            ("frequency", json!("dayly")),
            ("code", json!("A B")),
            ("traget", json!(3)),
            ("title", json!("one text")),
            ("reward", json!({"point": "5"})),
            ("trigger", json!({"evnt": "x"})),
            ("trigger", json!({"event": "x", "reverses": "y"})),
            ("count", json!("distinct")),
            ("requires", json!([{"any_of": ["a", "a"]}])),
            (
                "rules",
                json!([{"rule_type": "user.level", "operator": "ge", "value": "3"}]),
            ),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            assert!(!mission.is_valid(&bad), "{bad}");
        }
    }
}
