//! The packs that authors copy are without fault, and show what they say they show.

use std::{collections::BTreeSet, path::Path};

use mission_core::{check_in::CheckInPolicy, mission::MissionCode, serde_name};

use super::{Finding, Pack, PackFiles, report};
use crate::pack::template;

pub(super) fn starter() -> Pack {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/packs/starter");
    let files = PackFiles::from_dir(&folder).expect("the starter pack is in the repository");
    flawless(&files)
}

fn flawless(files: &PackFiles) -> Pack {
    let (pack, findings) = Pack::load(files);
    assert_eq!(
        findings,
        Vec::<Finding>::new(),
        "{}",
        report::human(&findings, files, "", false)
    );
    pack.expect("a pack without findings")
}

#[test]
fn the_starter_pack_shows_everything() {
    let pack = starter();
    let definitions = || pack.missions.iter().map(|mission| &mission.definition);
    let types: BTreeSet<String> = definitions().map(|d| serde_name(d.mission_type)).collect();
    assert_eq!(types.len(), 6, "{types:?}");
    let frequencies: BTreeSet<String> = definitions().map(|d| serde_name(d.frequency)).collect();
    assert_eq!(frequencies.len(), 5, "{frequencies:?}");
    let evidence: BTreeSet<String> = definitions()
        .filter_map(|d| d.evidence.as_ref())
        .map(|e| serde_name(e.evidence_type))
        .collect();
    assert_eq!(evidence.len(), 5, "{evidence:?}");
    for hook in ["eligible", "progress", "verify", "reward"] {
        let defines = |script: &String| script.contains(&format!("fn {hook}(ctx)"));
        assert!(
            definitions().filter_map(|d| d.script.as_ref()).any(defines),
            "{hook}"
        );
    }
    assert!(definitions().any(|d| !d.requires.is_empty() && d.starts_at.is_some()));
    assert!(definitions().any(|d| d.budget.is_some()));
    assert!(definitions().any(|d| d.cooldown_seconds > 0));
    let tested: BTreeSet<&MissionCode> = pack.cases.iter().map(|case| &case.mission.value).collect();
    assert_eq!(tested.len(), pack.missions.len(), "every mission has a case");
    assert_eq!(
        pack.policy.check_in,
        Some(CheckInPolicy::default()),
        "the file spells the defaults out"
    );
}

#[test]
fn the_template_is_flawless_and_carries_no_policy() {
    let pack = flawless(&PackFiles::from_map(template::files("demo")));
    assert_eq!(pack.carried_policy(), None);
    assert!(!pack.cases.is_empty());
}

/// The mission, the script with all four hooks, and the cases that the documentation shows.
pub(super) fn documented() -> Pack {
    let files = PackFiles::from_map([
        ("pack.toml", "name = \"documented\"\nversion = \"1.0.0\"\n"),
        (
            "missions/watch-3-videos.toml",
            include_str!("documented/mission.toml"),
        ),
        ("rules/watch.rhai", include_str!("documented/watch.rhai")),
        ("tests/watch.toml", include_str!("documented/cases.toml")),
    ]);
    let (pack, findings) = Pack::load(&files);
    // It shows every hook, and asks for no evidence.
    let codes: Vec<&str> = findings
        .iter()
        .map(|finding| finding.diagnostic.code.as_str())
        .collect();
    assert_eq!(codes, ["script/unused-hook"]);
    pack.expect("a pack without errors")
}
