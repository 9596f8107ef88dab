//! What the files of a pack name, for tools that help to write them: it is there for a pack with errors too.

use std::{collections::BTreeMap, ops::Range};

use mission_core::{PointsScale, event::InnerEvent};

use super::{
    EventCatalog, PackFiles,
    file_kind::FileKind,
    files::relative_path,
    finding::FileReport,
    manifest::read_manifest,
    mission_file::{MissionFile, read_mission},
    rule_paths::schema_of,
};
use crate::FieldSchema;

/// Where a mission's code stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissionPlace {
    /// The path of its file.
    pub file: String,
    /// The bytes of its code there.
    pub span: Range<usize>,
}

/// The missions, scripts and events of a pack, and which fields the context of each script has.
///
/// ```
/// use mission_rules::pack::{PackFiles, PackIndex};
/// let files = PackFiles::from_map([("missions/a.toml", "code = \"a\"\nunknown = 1\nrules_script = \"rules/a.rhai\"\n")]);
/// let index = PackIndex::of(&files);
/// assert_eq!(index.mission("a").map(|place| place.file.as_str()), Some("missions/a.toml"));
/// assert_eq!(index.schemas_of_script("rules/a.rhai").len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct PackIndex {
    missions: BTreeMap<String, MissionPlace>,
    /// By script, each once: the contexts of many missions have the same fields.
    schemas: BTreeMap<String, Vec<FieldSchema>>,
    scripts: Vec<String>,
    catalog: Option<EventCatalog>,
}

impl PackIndex {
    /// Looks through a pack.
    #[must_use]
    pub fn of(files: &PackFiles) -> Self {
        let catalog = files.get("pack.toml").and_then(|text| {
            let report = FileReport::new("pack.toml");
            read_manifest(text, &report).events
        });
        let mut index = PackIndex {
            catalog,
            ..PackIndex::default()
        };
        for (path, text) in files.iter() {
            if path.ends_with(".rhai") {
                index.scripts.push(path.to_owned());
            } else if FileKind::of(path) == FileKind::Mission {
                index.add_mission(path, &mission_file(path, text));
            }
        }
        index
    }

    fn add_mission(&mut self, path: &str, mission: &MissionFile) {
        if let Some(code) = &mission.code {
            let place = MissionPlace {
                file: path.to_owned(),
                span: code.span.clone(),
            };
            self.missions.entry(code.value.to_string()).or_insert(place);
        }
        let named = mission
            .script
            .as_ref()
            .and_then(|script| relative_path(&script.value).ok());
        if let Some(script) = named {
            let schema = schema_of(mission, self.catalog.as_ref());
            let known = self.schemas.entry(script).or_default();
            if !known.contains(&schema) {
                known.push(schema);
            }
        }
    }

    /// Where the mission of a code stands.
    #[must_use]
    pub fn mission(&self, code: &str) -> Option<&MissionPlace> {
        self.missions.get(code)
    }

    /// The codes of all missions.
    pub fn mission_codes(&self) -> impl Iterator<Item = &str> {
        self.missions.keys().map(String::as_str)
    }

    /// The paths of all scripts.
    pub fn scripts(&self) -> impl Iterator<Item = &str> {
        self.scripts.iter().map(String::as_str)
    }

    /// The events that `pack.toml` declares, and the engine's own.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let declared = self.catalog.iter().flat_map(EventCatalog::names);
        declared.chain(InnerEvent::ALL.map(InnerEvent::event_type))
    }

    /// The fields of the context in which a script runs: those of every mission that names it, or of a mission of
    /// which nothing is known.
    #[must_use]
    pub fn schemas_of_script(&self, script: &str) -> Vec<FieldSchema> {
        match self.schemas.get(script) {
            Some(known) => known.clone(),
            None => vec![FieldSchema::default()],
        }
    }

    /// The fields of the context in which the rules of a mission are judged, by the text of its file.
    #[must_use]
    pub fn schema_of_mission(&self, text: &str) -> FieldSchema {
        schema_of(&mission_file("", text), self.catalog.as_ref())
    }
}

/// A mission's file without what is to be said of it.
fn mission_file(path: &str, text: &str) -> MissionFile {
    read_mission(text, &FileReport::new(path), PointsScale::default(), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FieldKind;

    #[test]
    fn a_broken_pack_is_indexed_as_far_as_it_goes() {
        let mission = |code: &str, event: &str| {
            format!(
                "code = \"{code}\"\nrules_script = \"./rules/a.rhai\"\nwrong = 1\n[trigger]\nevent = \"{event}\"\n"
            )
        };
        let mut files = PackFiles::from_map([
            (
                "pack.toml",
                "wrong = 1\n[events.a]\nx = \"integer\"\n[events.b]\ny = \"string\"\n".to_owned(),
            ),
            ("missions/a.toml", mission("first", "a")),
            ("missions/b.toml", mission("second", "b")),
            ("missions/c.toml", mission("third", "b")),
            ("missions/d.toml", "code = \"fourth\"\n[[broken".to_owned()),
            ("rules/a.rhai", "fn".to_owned()),
        ]);
        let index = PackIndex::of(&files);
        assert_eq!(
            index.mission_codes().collect::<Vec<_>>(),
            ["first", "fourth", "second", "third"]
        );
        assert_eq!(index.scripts().collect::<Vec<_>>(), ["rules/a.rhai"]);
        let events: Vec<&str> = index.events().collect();
        assert_eq!(
            events,
            [
                "a",
                "b",
                "mission.completed",
                "checkin.completed",
                "level.reached"
            ]
        );
        let schemas = index.schemas_of_script("rules/a.rhai");
        let kinds = ["event.data.x", "event.data.y"]
            .map(|path| schemas.iter().map(|schema| schema.kind(path)).collect::<Vec<_>>());
        assert_eq!(
            kinds,
            [[Some(FieldKind::Whole), None], [None, Some(FieldKind::Text)]]
        );
        assert_eq!(
            index.schemas_of_script("rules/none.rhai"),
            [FieldSchema::default()]
        );
        assert_eq!(
            index.schema_of_mission(&mission("new", "a")).kind("event.data.y"),
            None
        );
        files.lay_over("missions/a.toml", "code = \"else\"");
        assert_eq!(PackIndex::of(&files).mission("first"), None);
    }

    #[test]
    fn what_is_laid_over_a_file_is_all_that_is_said_of_it() {
        let mut files = PackFiles::from_map([("pack.toml", "a"), ("rules/a.rhai", "b")]);
        files.lay_over("rules/a.rhai", "x".repeat(2 << 20));
        assert_eq!((files.get("rules/a.rhai"), files.refused().len()), (None, 1));
        files.lay_over("rules/a.rhai", "c");
        assert_eq!((files.get("rules/a.rhai"), files.refused().len()), (Some("c"), 0));
        for none in ["notes.md", "../up.toml", "/etc/a.toml", ""] {
            files.lay_over(none, "d");
        }
        assert_eq!(files.iter().count(), 2);
    }
}
