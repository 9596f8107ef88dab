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
