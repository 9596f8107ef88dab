//! Reads a whole pack and reports everything that is wrong with it at once.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use mission_core::{event::InnerEvent, mission::MissionCode, points::PointsScale, ports::rules::Hook};
use rayon::prelude::*;

use super::{
    Finding, Pack, PackFiles, PackHook, PackMission, PackPolicy,
    case_file::{CaseFile, read_cases},
    completable::check_completable,
    file_kind::{FileKind, check_place},
    finding::FileReport,
    funding::check_funding,
    hooks::{diagnose, unused_hook},
    manifest::{Manifest, read_manifest},
    mission_file::{MissionFile, read_mission},
    policy_file::{read_check_in, read_referral},
    property::{Property, PropertyCheck, check_property},
    references::{self, PlacedMission},
    risk_file::{self, read_risk},
    rule_paths,
    shadow::check_shadows,
};
use crate::{FieldSchema, FindingCode, Scripts, diagnostic::Diagnostic};

pub(super) fn load(
    files: &PackFiles,
    scripts: &Scripts,
    now: Option<DateTime<Utc>>,
) -> (Option<Pack>, Vec<Finding>) {
    let mut findings = files.refused().to_vec();
    let manifest = manifest(files, &mut findings);
    let scale = manifest.points_scale.unwrap_or_default();
    let check_in = files.get("checkin.toml").and_then(|text| {
        let reader = |text, report: &FileReport<'_>| read_check_in(text, report, scale);
        read("checkin.toml", text, reader, &mut findings)
    });
    let referral = files.get("referral.toml").and_then(|text| {
        let reader = |text, report: &FileReport<'_>| read_referral(text, report, scale);
        read("referral.toml", text, reader, &mut findings)
    });
    let risk = files
        .get("risk.toml")
        .map(|text| read("risk.toml", text, read_risk, &mut findings));
    let mut missions: Vec<PlacedMission<'_>> = Vec::new();
    let mut cases: Vec<(&str, CaseFile)> = Vec::new();
    let texts: Vec<(&str, &str)> = files.iter().collect();
    let read_files: Vec<(ReadFile, Vec<Finding>)> = texts
        .par_iter()
        .map(|(path, text)| read_file(path, text, scale, now))
        .collect();
    for ((path, _), (file, found)) in texts.iter().zip(read_files) {
        findings.extend(found);
        match file {
            ReadFile::Mission(mission) => missions.push((path, mission)),
            ReadFile::Cases(file) => cases.push((path, file)),
            ReadFile::Other => {}
        }
    }
    findings.extend(files.paths().filter_map(check_place));
    let catalog = manifest.events.as_ref();
    references::check_codes(&missions, &mut findings);
    references::check_requires(&missions, &mut findings);
    references::check_completions(&missions, &mut findings);
    check_shadows(&missions, &mut findings);
    references::check_loops(&missions, &mut findings);
    check_completable(&missions, &mut findings);
    references::check_languages(&missions, &mut findings);
    references::check_cases(&cases, &missions, catalog, &mut findings);
    references::check_risk_cases(&cases, risk.is_some(), &mut findings);
    if let Some(catalog) = catalog {
        references::check_triggers(&missions, catalog, &mut findings);
    }
    let script_paths = references::resolve_scripts(files, &missions, risk.as_ref(), &mut findings);
    let schemas = rule_paths::schemas_of(&missions, catalog);
    // No script needs another.
    let checked: Vec<CheckedMission> = missions
        .par_iter()
        .zip(&schemas)
        .map(|((path, mission), schema)| {
            let script = script_paths.get(*path).copied();
            CheckedMission::of(
                path,
                mission,
                schema,
                script.and_then(|path| Some((path, files.get(path)?))),
                scripts,
            )
        })
        .collect();
    let mut hooks: BTreeMap<&str, Vec<PackHook>> = BTreeMap::new();
    for ((path, _), checked) in missions.iter().zip(checked) {
        findings.extend(checked.findings);
        if let (Some(script), Some(of_script)) = (script_paths.get(*path), checked.hooks) {
            hooks.insert(script, of_script);
        }
    }
    let risk_script = script_paths
        .get("risk.toml")
        .and_then(|path| Some((*path, files.get(path)?)));
    if let Some((path, source)) = risk_script {
        let (found, of_script) = risk_file::check_script(path, source, scripts);
        findings.extend(found);
        hooks.extend(of_script.map(|of_script| (path, of_script)));
    }
    findings.extend(unused_hooks(files, &hooks, &missions, &script_paths));
    let mut by_code: HashMap<&MissionCode, usize> = HashMap::new();
    for (n, (_, mission)) in missions.iter().enumerate() {
        if let Some(code) = &mission.code {
            by_code.entry(&code.value).or_insert(n);
        }
    }
    for property in properties_of(&cases) {
        let found = by_code.get(&property.mission.value);
        let Some(((path, mission), schema)) = found.and_then(|&n| missions.get(n).zip(schemas.get(n))) else {
            continue;
        };
        let hooks = match (&mission.script, script_paths.get(*path)) {
            (None, _) => Some(&[][..]),
            (Some(_), script) => script.and_then(|script| hooks.get(script)).map(Vec::as_slice),
        };
        let check = PropertyCheck {
            text: files.get(&property.file).unwrap_or_default(),
            schema,
            hooks,
            scripts,
        };
        findings.extend(check_property(property, &check));
    }
    for (path, mission) in &missions {
        // A script may pay anything.
        let pays_as_written = mission.script.is_none()
            || script_paths
                .get(*path)
                .and_then(|script| hooks.get(script))
                .is_some_and(|hooks| hooks.iter().all(|defined| defined.hook != Hook::Reward));
        if pays_as_written {
            let found = check_funding(mission, &manifest.caps).into_iter();
            findings.extend(found.map(|found| Finding::new(*path, found)));
        }
    }
    sort(&mut findings);
    // Two missions with one script find the same in it.
    findings.dedup();
    bound(&mut findings);
    if findings.iter().any(Finding::is_error) {
        return (None, findings);
    }
    let risk = risk
        .zip(risk_script)
        .and_then(|(risk, (_, source))| risk.with_script(source));
    let script_of = |file: &str| {
        script_paths
            .get(file)
            .and_then(|path| files.get(path))
            .map(str::to_owned)
    };
    let mut pack_missions = Vec::with_capacity(missions.len());
    pack_missions.extend(missions.into_iter().filter_map(|(file, mission)| {
        let mission = *mission;
        let mut definition = mission.definition?;
        definition.script = script_of(file);
        for (trigger, place) in definition.trigger.iter_mut().zip(&mission.triggers) {
            // Those of the engine's own events need no declaration.
            if InnerEvent::of(&trigger.event).is_none() {
                trigger.fields = place.declared_fields(catalog).unwrap_or_default();
            }
        }
        Some(PackMission {
            file: file.to_owned(),
            definition,
        })
    }));
    let Manifest {
        name,
        version,
        points_scale,
        levels,
        caps,
        events,
    } = manifest;
    let (mut mission_cases, mut check_in_cases) = (Vec::new(), Vec::new());
    let (mut risk_cases, mut properties) = (Vec::new(), Vec::new());
    for (_, file) in cases {
        mission_cases.extend(file.cases);
        check_in_cases.extend(file.check_in_cases);
        risk_cases.extend(file.risk_cases);
        properties.extend(file.properties);
    }
    let pack = Pack {
        name: name.unwrap_or_default(),
        version: version.unwrap_or_default(),
        policy: PackPolicy {
            check_in,
            referral,
            points_scale,
            levels,
            risk,
        },
        caps,
        events,
        missions: pack_missions,
        cases: mission_cases,
        check_in_cases,
        risk_cases,
        properties,
        hooks: hooks.into_values().flatten().collect(),
    };
    (Some(pack), findings)
}

/// A file as it was read by itself.
enum ReadFile {
    Mission(Box<MissionFile>),
    Cases(CaseFile),
    /// One that is read elsewhere, or by nobody.
    Other,
}

fn read_file(
    path: &str,
    text: &str,
    scale: PointsScale,
    now: Option<DateTime<Utc>>,
) -> (ReadFile, Vec<Finding>) {
    let mut findings = Vec::new();
    let file = match FileKind::of(path) {
        FileKind::Mission => {
            let reader = |text, report: &FileReport<'_>| read_mission(text, report, scale, now);
            ReadFile::Mission(Box::new(read(path, text, reader, &mut findings)))
        }
        FileKind::Cases => ReadFile::Cases(read(path, text, read_cases, &mut findings)),
        FileKind::Known | FileKind::Stray => ReadFile::Other,
    };
    (file, findings)
}

fn properties_of<'c>(cases: &'c [(&str, CaseFile)]) -> impl Iterator<Item = &'c Property> {
    cases.iter().flat_map(|(_, file)| &file.properties)
}

fn read<'f, T>(
    path: &'f str,
    text: &'f str,
    reader: impl FnOnce(&'f str, &FileReport<'f>) -> T,
    findings: &mut Vec<Finding>,
) -> T {
    let report = FileReport::new(path);
    let value = reader(text, &report);
    findings.extend(report.into_findings());
    value
}

fn manifest(files: &PackFiles, findings: &mut Vec<Finding>) -> Manifest {
    match files.get("pack.toml") {
        Some(text) => read("pack.toml", text, read_manifest, findings),
        None => {
            let diagnostic = Diagnostic::new(
                FindingCode::PackNoManifest,
                "there is no `pack.toml`, so this is no pack",
            )
            .with_help("make one with `name` and `version`, or start with `mission new DIR`");
            // It may be among what was refused.
            let refused = files.refused();
            let is_explained = |found: &Finding| {
                found.file == "pack.toml" || found.diagnostic.code == FindingCode::PackTooManyFiles
            };
            if !refused.iter().any(is_explained) {
                findings.push(Finding::new("pack.toml", diagnostic));
            }
            Manifest::default()
        }
    }
}

/// What is found in a mission's rules and in its script.
struct CheckedMission {
    findings: Vec<Finding>,
    /// The script's hooks, if it compiles.
    hooks: Option<Vec<PackHook>>,
}

impl CheckedMission {
    fn of(
        path: &str,
        mission: &MissionFile,
        schema: &FieldSchema,
        script: Option<(&str, &str)>,
        scripts: &Scripts,
    ) -> Self {
        let of_rules = rule_paths::check_rules(mission, schema).into_iter();
        let mut findings: Vec<Finding> = of_rules.map(|found| Finding::new(path, found)).collect();
        let mut hooks = None;
        if let Some((script, source)) = script {
            let (found, of_script) = diagnose(script, source, schema, scripts);
            findings.extend(found);
            hooks = of_script;
        }
        CheckedMission { findings, hooks }
    }
}

/// Finds hooks that none of the missions with their script ever asks.
fn unused_hooks(
    files: &PackFiles,
    hooks: &BTreeMap<&str, Vec<PackHook>>,
    missions: &[PlacedMission<'_>],
    script_paths: &BTreeMap<String, &str>,
) -> Vec<Finding> {
    // What the missions of each script have: evidence to verify, an event to count.
    let mut asked: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for (file, mission) in missions {
        if let Some(script) = script_paths.get(*file) {
            let (verify, progress) = asked.entry(*script).or_default();
            // A mission that could not be read may ask.
            let definition = mission.definition.as_ref();
            *verify |= definition.is_none_or(|definition| definition.evidence.is_some());
            *progress |= definition.is_none_or(|definition| !definition.trigger.is_empty());
        }
    }
    let mut findings = Vec::new();
    for (script, (verify, progress)) in asked {
        let (Some(text), Some(hooks)) = (files.get(script), hooks.get(script)) else {
            continue;
        };
        let is_of_risk = script_paths.get("risk.toml") == Some(&script);
        if !is_of_risk && hooks.iter().any(|defined| defined.hook == Hook::Risk) {
            let message = "nobody ever asks `risk` of a mission's script";
            let help = "move it into the script that `risk.toml` names";
            findings.push(unused_hook((script, text), Hook::Risk, message, help));
        }
        for (hook, is_asked, needs) in [
            (Hook::Verify, verify, "`[evidence]`"),
            (Hook::Progress, progress, "`[trigger]`"),
        ] {
            if !is_asked && hooks.iter().any(|defined| defined.hook == hook) {
                let message = format!("nobody ever asks `{hook}`: no mission with this script has {needs}");
                let help = format!("add {needs} to the mission, or take the hook out");
                findings.push(unused_hook((script, text), hook, message, help));
            }
        }
    }
    findings
}

/// By file and place; errors before warnings at the same place.
fn sort(findings: &mut [Finding]) {
    let key = |finding: &Finding| {
        let at = finding
            .diagnostic
            .span
            .as_ref()
            .map(|span| (span.start, span.end));
        (finding.file.clone(), at, finding.diagnostic.severity)
    };
    findings.sort_by_cached_key(key);
}

/// The most findings of each severity: beyond them nobody reads on, and showing them would take for ever.
const MOST_FINDINGS: usize = 500;

/// Leaves out what is beyond the bound, and says so.
fn bound(findings: &mut Vec<Finding>) {
    let all = findings.len();
    let (mut errors, mut warnings) = (0, 0);
    findings.retain(|finding| {
        let count = if finding.is_error() {
            &mut errors
        } else {
            &mut warnings
        };
        *count += 1;
        *count <= MOST_FINDINGS
    });
    if let (Some(last), left_out @ 1..) = (findings.last(), all - findings.len()) {
        let message = format!("{left_out} more findings are left out");
        let diagnostic = Diagnostic::new(FindingCode::PackMoreFindings, message);
        findings.push(Finding::new(last.file.clone(), diagnostic));
    }
}
