//! The documents: every link within the repository leads somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All documents of the repository, what is built left out.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
                documents(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The text without blocks of code, in which brackets are no links.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// Where links lead to.
fn targets(prose: &str) -> Vec<&str> {
    let parts = prose.split("](").skip(1);
    parts.filter_map(|rest| rest.split([')', ' ']).next()).collect()
}

/// What a heading is called in an address, as GitHub does it.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let name = line.trim_start_matches('#').trim().to_lowercase();
            let kept = name.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_page_that_is_there() {
    let mut found = Vec::new();
    documents(&root(), &mut found);
    assert!(found.len() > 8, "{found:?}");
    let mut checked = 0;
    for document in found {
        let text = fs::read_to_string(&document).unwrap();
        for target in targets(&prose(&text)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let page = if path.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(path)
            };
            let shown = document.display();
            assert!(page.exists(), "{shown} links to `{target}`, which is not there");
            if !anchor.is_empty() {
                let headings = anchors(&fs::read_to_string(&page).unwrap());
                assert!(
                    headings.iter().any(|heading| heading == anchor),
                    "{shown} links to `{target}`; there is {headings:?}"
                );
            }
        }
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn pages_that_settings_name_are_there() {
    let settings = mission_server::config::DEFAULT_FILE;
    let named = settings
        .split(['(', ' ', ')'])
        .filter(|word| word.starts_with("docs/"));
    let named: Vec<&str> = named.collect();
    assert!(named.len() >= 2, "{named:?}");
    for page in named {
        assert!(root().join(page).exists(), "{page}");
    }
}

/// A file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words of a text that begin in one way.
fn words<'t>(text: &'t str, beginning: &str) -> Vec<&'t str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(beginning))
        .collect()
}

#[test]
fn alerts_and_dashboards_ask_for_metrics_that_there_are() {
    let known = read("docs/metrics.md");
    let dashboard = read("deploy/grafana/dashboards/mission.json");
    let panels: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(panels["panels"].as_array().unwrap().len() > 8);
    let mut asked = 0;
    for text in [dashboard, read("docs/alerts.yml")] {
        for name in words(&text, "mission_") {
            let name = ["_count", "_bucket", "_sum"]
                .iter()
                .find_map(|part| name.strip_suffix(part))
                .unwrap_or(name);
            assert!(
                known.contains(&format!("`{name}`")),
                "{name} is not in docs/metrics.md"
            );
            asked += 1;
        }
    }
    assert!(asked > 25, "{asked}");
}

#[test]
fn what_is_deployed_sets_what_there_is() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_mission-server"))
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let known = words(&help, "MISSION_");
    for path in [
        "compose.yaml",
        "Containerfile",
        "deploy/kubernetes/mission.yaml",
        "docs/kubernetes.md",
    ] {
        for name in words(&read(path), "MISSION_")
            .into_iter()
            .filter(|name| name.len() > "MISSION_".len())
        {
            assert!(known.contains(&name), "{path}: {name} is no setting");
        }
    }
}
