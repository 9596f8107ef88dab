//! What only a look at the whole pack can tell: codes, requirements, scripts, events, languages.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::Range,
};

use mission_core::{
    event::InnerEvent,
    mission::{MissionCode, Operator},
};

use super::{
    Finding, PackFiles,
    case_file::{COMMANDS, Case, CaseFile},
    events::EventCatalog,
    fields::Located,
    files::relative_path,
    goal::RequiredMission,
    mission_file::MissionFile,
    risk_file::RiskFile,
};
use crate::{
    FindingCode,
    diagnostic::Diagnostic,
    suggest::{self, in_quotes},
};

/// A mission and the path of its file.
pub(super) type PlacedMission<'a> = (&'a str, Box<MissionFile>);

/// Reports codes that two missions have.
pub(super) fn check_codes(missions: &[PlacedMission<'_>], findings: &mut Vec<Finding>) {
    let mut first: HashMap<&MissionCode, (&str, Range<usize>)> = HashMap::new();
    for (file, mission) in missions {
        let Some(code) = &mission.code else { continue };
        if let Some((first_file, span)) = first.get(&code.value) {
            let message = format!("another mission has the code `{}`", code.value);
            let diagnostic = Diagnostic::new(FindingCode::PackDuplicateCode, message)
                .with_help("codes are unique: give one of the two another")
                .at(code.span.clone());
            findings.push(Finding::new(*file, diagnostic).with_related(
                *first_file,
                span.clone(),
                "the code is first used here",
            ));
        } else {
            first.insert(&code.value, (file, code.span.clone()));
        }
    }
}

/// Whether a mission's code is unreadable or another's: it may be the one that somebody names in vain.
pub(super) fn has_uncertain_codes(missions: &[PlacedMission<'_>]) -> bool {
    let mut seen = HashSet::new();
    missions
        .iter()
        .any(|(_, mission)| mission.code.as_ref().is_none_or(|code| !seen.insert(&code.value)))
}

/// Reports requirements that are unknown, or that in the end require their own mission.
pub(super) fn check_requires(missions: &[PlacedMission<'_>], findings: &mut Vec<Finding>) {
    let mut by_code: HashMap<&MissionCode, usize> = HashMap::new();
    let mut shared: HashSet<&MissionCode> = HashSet::new();
    for (n, (_, mission)) in missions.iter().enumerate() {
        if let Some(code) = &mission.code
            && by_code.insert(&code.value, n).is_some()
        {
            shared.insert(&code.value);
        }
    }
    let compared = compared(by_code.keys().copied());
    // For each mission the missions that it requires, with the place where it says so.
    let uncertain = has_uncertain_codes(missions);
    let mut edges: Vec<Vec<(usize, &Range<usize>)>> = vec![Vec::new(); missions.len()];
    for (n, (file, mission)) in missions.iter().enumerate() {
        // One of two with the same code was meant to have another, and does not require itself.
        if mission
            .code
            .as_ref()
            .is_some_and(|code| shared.contains(&code.value))
        {
            continue;
        }
        for required in &mission.requires {
            let RequiredMission { code, is_needed } = required;
            let itself = mission.code.as_ref().is_some_and(|own| own.value == code.value);
            match by_code.get(&code.value) {
                Some(_) if itself => {
                    let diagnostic =
                        Diagnostic::new(FindingCode::PackRequiresCycle, "a mission cannot require itself");
                    findings.push(Finding::new(*file, diagnostic.at(code.span.clone())));
                }
                Some(&other) if *is_needed => edges[n].push((other, &code.span)),
                Some(_) => {}
                None if uncertain => {}
                None => findings.push(Finding::new(*file, unknown_mission(code, &compared, in_quotes))),
            }
        }
    }
    let kind = CycleKind {
        code: FindingCode::PackRequiresCycle,
        verb: "requires",
        what: "nobody can do these missions",
        help: "take one of the requirements out",
    };
    report_cycles(missions, edges, &kind, findings);
}

/// Reports rules and missions that read the completions of a mission that there is not.
pub(super) fn check_completions(missions: &[PlacedMission<'_>], findings: &mut Vec<Finding>) {
    let codes: HashSet<&MissionCode> = missions
        .iter()
        .filter_map(|(_, mission)| mission.code.as_ref())
        .map(|code| &code.value)
        .collect();
    if has_uncertain_codes(missions) {
        return;
    }
    let compared = compared(codes.iter().copied());
    for (file, mission) in missions {
        for place in &mission.rules {
            let Some(named) = place.rule.rule_type.strip_prefix("completions.") else {
                continue;
            };
            let Ok(code) = named.parse::<MissionCode>() else {
                continue;
            };
            if !codes.contains(&code) {
                let named = Located {
                    value: code,
                    span: place.path.clone(),
                };
                let written = |code: &str| in_quotes(&format!("completions.{code}"));
                findings.push(Finding::new(*file, unknown_mission(&named, &compared, written)));
            }
        }
    }
}

/// Reports missions that complete each other in a circle: each is moved by the completion of the one before, which it
/// names by a rule on `event.data.mission`.
pub(super) fn check_loops(missions: &[PlacedMission<'_>], findings: &mut Vec<Finding>) {
    let by_code: HashMap<&str, usize> = missions
        .iter()
        .enumerate()
        .filter_map(|(n, (_, mission))| Some((mission.code.as_ref()?.value.as_str(), n)))
        .collect();
    let mut edges: Vec<Vec<(usize, &Range<usize>)>> = vec![Vec::new(); missions.len()];
    for (n, (_, mission)) in missions.iter().enumerate() {
        let completed = InnerEvent::MissionCompleted.event_type();
        if !mission
            .triggers
            .iter()
            .any(|trigger| trigger.event.value == completed)
        {
            continue;
        }
        for place in &mission.rules {
            if place.rule.rule_type == "event.data.mission"
                && matches!(place.rule.operator, Operator::Eq | Operator::In)
            {
                let named = place.rule.value.split(',').map(str::trim);
                let named = named.filter_map(|code| by_code.get(code));
                edges[n].extend(named.map(|&other| (other, &place.value)));
            }
        }
    }
    let kind = CycleKind {
        code: FindingCode::PackTriggerLoop,
        verb: "waits for",
        what: "these missions wait for each other",
        help: "a mission is not moved by what its own completion led to: let one of them wait for something else",
    };
    report_cycles(missions, edges, &kind, findings);
}

/// For each mission those that it leads to, with the place where it says so.
type Edges<'a> = [Vec<(usize, &'a Range<usize>)>];

fn report_cycles(
    missions: &[PlacedMission<'_>],
    mut edges: Vec<Vec<(usize, &Range<usize>)>>,
    kind: &CycleKind,
    findings: &mut Vec<Finding>,
) {
    // What can be reached in the end is taken away, layer by layer; what stays leads into a cycle.
    let mut required_by: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (n, required) in edges.iter().enumerate() {
        for (other, _) in required {
            required_by[*other].push(n);
        }
    }
    let mut open: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut free: Vec<usize> = (0..edges.len()).filter(|&n| open[n] == 0).collect();
    while let Some(n) = free.pop() {
        for &above in &required_by[n] {
            open[above] -= 1;
            if open[above] == 0 {
                free.push(above);
            }
        }
    }
    for required in &mut edges {
        required.retain(|(other, _)| open[*other] > 0);
    }
    let mut walked = vec![false; edges.len()];
    for start in (0..edges.len()).filter(|&n| open[n] > 0) {
        let (mut path, mut n) = (Vec::new(), start);
        while !walked[n] {
            walked[n] = true;
            path.push(n);
            let Some((next, _)) = edges[n].first() else { break };
            n = *next;
        }
        if let Some(position) = path.iter().position(|&seen| seen == n) {
            findings.extend(cycle(missions, &edges, &path[position..], kind));
        }
    }
}

/// What leads from one mission to the next, and what is said of a circle of it.
struct CycleKind {
    code: FindingCode,
    verb: &'static str,
    what: &'static str,
    help: &'static str,
}

fn cycle(
    missions: &[PlacedMission<'_>],
    edges: &Edges<'_>,
    members: &[usize],
    kind: &CycleKind,
) -> Option<Finding> {
    let code = |n: usize| missions[n].1.code.as_ref().map_or("", |code| code.value.as_str());
    let first = *members.first()?;
    let names: Vec<&str> = members.iter().chain([&first]).map(|&n| code(n)).collect();
    let (_, span) = edges[first].first()?;
    let path = names.join(&format!(" {} ", kind.verb));
    let diagnostic = Diagnostic::new(kind.code, format!("{}: {path}", kind.what))
        .with_help(kind.help)
        .at((*span).clone());
    Some(Finding::new(missions[first].0, diagnostic))
}

/// The codes that a misspelled one is compared with.
pub(super) fn compared<'c>(codes: impl Iterator<Item = &'c MissionCode>) -> Vec<&'c str> {
    let mut codes: Vec<&str> = codes.map(MissionCode::as_str).collect();
    codes.sort_unstable();
    codes.truncate(suggest::MOST_COMPARED);
    codes
}

pub(super) fn unknown_mission(
    wanted: &Located<MissionCode>,
    codes: &[&str],
    written: impl FnOnce(&str) -> String,
) -> Diagnostic {
    let message = format!("the pack has no mission `{}`", wanted.value);
    let diagnostic = Diagnostic::new(FindingCode::PackUnknownMission, message).at(wanted.span.clone());
    match suggest::suggest(wanted.value.as_str(), codes.iter().copied()) {
        Some(meant) => diagnostic.with_suggestion(&meant, Some(wanted.span.clone()), written),
        None => diagnostic.with_help("name a mission by the `code` in its file"),
    }
}

/// Finds the script of every mission, and of `risk.toml`; reports those that are not there, and scripts that no mission names.
///
/// Answers each script's path by the path of the file that names it.
pub(super) fn resolve_scripts<'f>(
    files: &'f PackFiles,
    missions: &[PlacedMission<'_>],
    risk: Option<&RiskFile>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, &'f str> {
    let scripts: BTreeSet<&str> = files
        .iter()
        .map(|(path, _)| path)
        .filter(|path| path.ends_with(".rhai"))
        .collect();
    let mut resolved = BTreeMap::new();
    let mut used = BTreeSet::new();
    let of_missions = missions
        .iter()
        .map(|(file, mission)| (*file, mission.script.as_ref()));
    let of_risk = risk.map(|risk| ("risk.toml", risk.script.as_ref()));
    for (file, named) in of_missions.chain(of_risk) {
        let Some(named) = named else { continue };
        match relative_path(&named.value) {
            Err(()) => {
                let diagnostic = Diagnostic::new(
                    FindingCode::PackScriptOutside,
                    format!("`{}` is no path inside the pack", named.value),
                )
                .with_help("name it from the pack's folder, such as \"rules/watch.rhai\"")
                .at(named.span.clone());
                findings.push(Finding::new(file, diagnostic));
            }
            Ok(path) => match scripts.get(path.as_str()) {
                Some(script) => {
                    used.insert(*script);
                    resolved.insert(file.to_owned(), *script);
                }
                // A file that is there but could not be taken has its own finding.
                None if files.refused().iter().any(|refused| refused.file == path) => {}
                None => findings.push(Finding::new(file, missing_script(named, &path, &scripts))),
            },
        }
    }
    // A mission that could not be read, or that names a script wrongly, may be the one that uses them.
    let settled = |(file, mission): &PlacedMission<'_>| match mission.script {
        Some(_) => resolved.contains_key(*file),
        None => mission.definition.is_some(),
    };
    let is_risk_settled = risk.is_none() || resolved.contains_key("risk.toml");
    if is_risk_settled && missions.iter().all(settled) {
        for script in scripts.iter().filter(|script| !used.contains(*script)) {
            let diagnostic = Diagnostic::new(FindingCode::PackUnusedScript, "no mission uses this script")
                .with_help(format!(
                    "name it in a mission, as rules_script = \"{script}\", or delete it"
                ))
                .at(0..0);
            findings.push(Finding::new(*script, diagnostic));
        }
    }
    resolved
}

fn missing_script(named: &Located<String>, path: &str, scripts: &BTreeSet<&str>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        FindingCode::PackMissingScript,
        format!("the pack has no script `{path}`"),
    )
    .at(named.span.clone());
    match suggest::suggest(path, scripts.iter().copied().take(suggest::MOST_COMPARED)) {
        Some(meant) => diagnostic.with_suggestion(&meant, Some(named.span.clone()), in_quotes),
        None if !path.ends_with(".rhai") => diagnostic.with_help("a script's name ends in `.rhai`"),
        None => diagnostic.with_help("make the file; paths start at the pack's folder"),
    }
}

/// Reports triggers whose event the pack does not declare.
pub(super) fn check_triggers(
    missions: &[PlacedMission<'_>],
    catalog: &EventCatalog,
    findings: &mut Vec<Finding>,
) {
    for (file, mission) in missions {
        // A command is none in any pack: that is said already.
        let named = mission
            .triggers
            .iter()
            .flat_map(|trigger| [Some(&trigger.event), trigger.reverses.as_ref()])
            .flatten();
        for event in named {
            if !COMMANDS.contains(&event.value.as_str())
                && InnerEvent::of(&event.value).is_none()
                && let Some(diagnostic) = catalog.objection(event)
            {
                findings.push(Finding::new(*file, diagnostic));
            }
        }
    }
}

/// Reports texts that lack a language which the same text of another mission has.
pub(super) fn check_languages<'m>(missions: &'m [PlacedMission<'_>], findings: &mut Vec<Finding>) {
    for name in ["title", "description"] {
        let text = |mission: &'m MissionFile| match name {
            "title" => mission.title.as_ref(),
            _ => mission.description.as_ref(),
        };
        let all: BTreeSet<&String> = missions
            .iter()
            .filter_map(|(_, mission)| text(mission))
            .flat_map(|l| &l.value)
            .collect();
        for (file, mission) in missions {
            let Some(languages) = text(mission) else { continue };
            let missing: Vec<&str> = all
                .iter()
                .filter(|tag| !languages.value.contains(tag))
                .map(|tag| tag.as_str())
                .collect();
            if !missing.is_empty() {
                let message = format!(
                    "`{name}` has no text in {}, as those of other missions have",
                    missing.join(", ")
                );
                let diagnostic =
                    Diagnostic::new(FindingCode::PackMissingTranslation, message).at(languages.span.clone());
                findings.push(Finding::new(*file, diagnostic));
            }
        }
    }
}

/// Reports cases about missions and events that there are not, and names that two cases have.
pub(super) fn check_cases(
    files: &[(&str, CaseFile)],
    missions: &[PlacedMission<'_>],
    catalog: Option<&EventCatalog>,
    findings: &mut Vec<Finding>,
) {
    let codes: BTreeSet<&MissionCode> = missions
        .iter()
        .filter_map(|(_, mission)| mission.code.as_ref())
        .map(|code| &code.value)
        .collect();
    let compared = compared(codes.iter().copied());
    let uncertain = has_uncertain_codes(missions);
    let mut names: HashMap<&str, (&str, Range<usize>)> = HashMap::new();
    for (file, cases) in files {
        for case in &cases.cases {
            if !codes.contains(&case.mission.value) && !uncertain {
                findings.push(Finding::new(
                    *file,
                    unknown_mission(&case.mission, &compared, in_quotes),
                ));
            }
            findings.extend(unknown_events(case, catalog));
            findings.extend(contradicting_data(case, catalog));
        }
        let of_risk = cases.risk_cases.iter().filter_map(|case| case.mission.as_ref());
        let named = cases.properties.iter().map(|property| &property.mission);
        for mission in named.chain(of_risk) {
            if !codes.contains(&mission.value) && !uncertain {
                findings.push(Finding::new(
                    *file,
                    unknown_mission(mission, &compared, in_quotes),
                ));
            }
        }
        let named = cases.cases.iter().map(|case| &case.name);
        let named = named.chain(cases.check_in_cases.iter().map(|case| &case.name));
        let named = named.chain(cases.risk_cases.iter().map(|case| &case.name));
        for name in named.chain(cases.properties.iter().map(|property| &property.name)) {
            if let Some((first, span)) = names.get(name.value.as_str()) {
                let message = format!("another case has the name \"{}\"", name.value);
                let diagnostic = Diagnostic::new(FindingCode::PackDuplicateCase, message)
                    .with_help("reports and `--filter` know a case by its name")
                    .at(name.span.clone());
                findings.push(Finding::new(*file, diagnostic).with_related(
                    *first,
                    span.clone(),
                    "it is first used here",
                ));
            } else {
                names.insert(&name.value, (file, name.span.clone()));
            }
        }
    }
}

/// Cases of risk in a pack that judges none.
pub(super) fn check_risk_cases(files: &[(&str, CaseFile)], is_judged: bool, findings: &mut Vec<Finding>) {
    if is_judged {
        return;
    }
    for (file, cases) in files {
        for case in &cases.risk_cases {
            let message = "there is no `risk.toml`, so nothing is judged for its risk";
            let diagnostic = Diagnostic::new(FindingCode::PackMissingHook, message)
                .with_help("write one that names a script with `fn risk(ctx)`, or take the case out")
                .at(case.name.span.clone());
            findings.push(Finding::new(*file, diagnostic));
        }
    }
}

/// Data of events that is not as `pack.toml` declares it: the server would reject such an event.
fn contradicting_data(case: &Case, catalog: Option<&EventCatalog>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for event in &case.events {
        let declared = catalog.and_then(|catalog| catalog.fields(&event.event_type.value));
        let Some(declared) = declared.filter(|fields| !fields.is_empty()) else {
            continue;
        };
        for (name, value) in &event.data {
            let place = event.data_places.get(name);
            let diagnostic = match declared.get(name) {
                Some(wanted) if wanted.fits(value) => continue,
                Some(wanted) => Diagnostic::new(
                    FindingCode::PackEventData,
                    format!("`{name}` must be {}, as pack.toml declares it", wanted.plain()),
                ),
                None => {
                    let message = format!(
                        "pack.toml declares no field `{name}` of `{}`",
                        event.event_type.value
                    );
                    let diagnostic = Diagnostic::new(FindingCode::PackEventData, message).into_warning();
                    let key = place.map(|place| place.key.clone());
                    match suggest::suggest(name, declared.keys().map(String::as_str)) {
                        Some(meant) => diagnostic.with_suggestion(&meant, key, str::to_owned),
                        None => diagnostic.with_help("declare it there, or take it out"),
                    }
                }
            };
            let place = place.map_or(&event.event_type.span, |place| &place.value);
            findings.push(Finding::new(case.file.as_str(), diagnostic.at(place.clone())));
        }
    }
    findings
}

fn unknown_events(case: &Case, catalog: Option<&EventCatalog>) -> Vec<Finding> {
    let Some(catalog) = catalog else { return Vec::new() };
    let activity = case.events.iter().map(|event| &event.event_type);
    activity
        .filter(|event| !COMMANDS.contains(&event.value.as_str()) && !event.value.starts_with("task."))
        .filter_map(|event| {
            let diagnostic = catalog.objection(event)?.into_warning();
            Some(Finding::new(case.file.as_str(), diagnostic))
        })
        .collect()
}
