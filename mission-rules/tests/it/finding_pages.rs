//! The pages of `docs/rules`: each code has one, and its examples give what it says.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use mission_rules::{
    FindingCode, Scripts, Severity,
    pack::{Finding, Pack, PackFiles, PackLimits, fixed_files},
};

/// What the examples stand in, as the index says.
const PACK: &str = "name = \"demo\"\nversion = \"1.0.0\"\n";
const MISSION: &str = "code = \"watch\"\ntype = \"watch_video\"\nfrequency = \"daily\"\n\
    title = { en = \"Watch\" }\ndescription = { en = \"Watch a video.\" }\n";
const WITH_SCRIPT: &str = "rules_script = \"rules/watch.rhai\"\n\n[trigger]\nevent = \"video.watched\"\n\n\
    [evidence]\ntype = \"watch_duration\"\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules")
}

/// The section of a page below a heading.
fn section(code: FindingCode, heading: &str) -> &'static str {
    let found = code.page().split_once(&format!("\n## {heading}\n"));
    assert!(found.is_some(), "{code} has no section `{heading}`");
    let (_, rest) = found.unwrap();
    rest.split_once("\n## ").map_or(rest, |(section, _)| section)
}

/// The language and the text of each fenced block.
fn blocks(section: &str) -> Vec<(&str, &str)> {
    let fenced = section.split("```").skip(1).step_by(2);
    let blocks: Vec<_> = fenced.filter_map(|block| block.split_once('\n')).collect();
    assert!(!blocks.is_empty(), "no example in {section}");
    blocks
}

/// The pack of an example: its files are written into it, its commands are run there.
fn pack_of(section: &str) -> PackFiles {
    let pack = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = pack.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let (mut files, mut commands) = (Vec::new(), Vec::new());
    for (language, text) in blocks(section) {
        let named = text.split_once('\n').and_then(|(first, rest)| {
            let path = first.strip_prefix("# ").or_else(|| first.strip_prefix("// "))?;
            Some((path, rest))
        });
        assert!(
            language == "sh" || named.is_some(),
            "the block names no file:\n{text}"
        );
        match named {
            Some(file) if language != "sh" => files.push(file),
            _ => commands.push(text),
        }
    }
    let has = |start: &str| files.iter().any(|(path, _)| path.starts_with(start));
    write("pack.toml", PACK);
    if !has("missions/") {
        let script = if has("rules/") { WITH_SCRIPT } else { "" };
        write("missions/watch.toml", &format!("{MISSION}{script}"));
    }
    for (path, text) in files {
        write(path, text);
    }
    // A thousandth of the most files shows the same, and takes no minute.
    assert_eq!(PackLimits::default().max_files, 250_000);
    let limits = PackLimits {
        max_files: 250,
        ..PackLimits::default()
    };
    for command in commands {
        let command = command.replace("250001", "251");
        let run = Command::new("sh")
            .args(["-euc", &command])
            .current_dir(pack.path())
            .status();
        assert!(run.unwrap().success(), "{command}");
    }
    PackFiles::from_dir_within(pack.path(), &limits).unwrap()
}

/// What the check and the cases say of a pack.
fn findings(files: &PackFiles) -> Vec<Finding> {
    let scripts = Scripts::default();
    let (pack, mut findings) = Pack::load_at(files, &scripts, "2026-01-05T10:00:00Z".parse().unwrap());
    for pack in pack.iter() {
        for case in pack.all_cases() {
            findings.extend(pack.run_case(case, &scripts).findings());
        }
    }
    findings
}

#[test]
fn the_wrong_example_gives_the_finding_and_the_right_one_none() {
    let mut lies = Vec::new();
    for code in FindingCode::ALL {
        let files = pack_of(section(*code, "Wrong"));
        let wrong = findings(&files);
        let mut found: BTreeSet<FindingCode> = wrong.iter().map(|finding| finding.diagnostic.code).collect();
        // It comes with the findings that it counts.
        if *code == FindingCode::PackMoreFindings {
            found.remove(&FindingCode::PackUnknownField);
        }
        if found != BTreeSet::from([*code]) {
            lies.push(format!("{code}: the wrong example gives {wrong:#?}"));
        }
        let worst = wrong.iter().map(|finding| finding.diagnostic.severity).min();
        if *code != FindingCode::PackMoreFindings
            && worst != Some(code.severity())
            && !HAS_WARNING_EXAMPLE.contains(code)
        {
            lies.push(format!("{code}: the wrong example is {worst:?}"));
        }
        let right = findings(&pack_of(section(*code, "Right")));
        if !right.is_empty() {
            lies.push(format!("{code}: the right example gives {right:#?}"));
        }
    }
    assert!(lies.is_empty(), "{}", lies.join("\n"));
}

/// Codes that are an error at their worst, and whose page shows what is told more often, a warning.
const HAS_WARNING_EXAMPLE: [FindingCode; 1] = [FindingCode::ScriptTypeConflict];

#[test]
fn a_fix_mends_what_it_is_offered_for() {
    let mut mended = BTreeSet::new();
    for code in FindingCode::ALL {
        let files = pack_of(section(*code, "Wrong"));
        let before = findings(&files);
        let fixed = fixed_files(&before, &files);
        if before.iter().all(|finding| finding.diagnostic.fix.is_none()) {
            assert_eq!(fixed, [], "{code}");
            continue;
        }
        let mut texts = files.into_map();
        texts.extend(fixed.into_iter().map(|fixed| (fixed.file, fixed.text)));
        let after = findings(&PackFiles::from_map(texts));
        assert_eq!(after, [], "{code}");
        mended.insert(code.as_str());
    }
    let expected = [
        "pack/bad-value",
        "pack/missing-script",
        "pack/never-holds",
        "pack/unknown-event",
        "pack/unknown-field",
        "pack/unknown-mission",
        "pack/unknown-path",
        "pack/unknown-type",
        "pack/wrong-type",
        "script/misspelled-hook",
        "script/syntax",
        "script/type-conflict",
        "script/unknown-field",
        "script/unknown-function",
    ];
    assert_eq!(mended, expected.into());
}

#[test]
fn a_page_begins_with_the_code_and_what_it_says() {
    for code in FindingCode::ALL {
        let severity = match code.severity() {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
        };
        let head = format!("# {code}\n\n**{severity}**: {}.\n\n", code.summary());
        assert!(
            code.page().starts_with(&head),
            "{code} does not begin with\n{head}"
        );
        assert!(!section(*code, "When to ignore it").trim().is_empty(), "{code}");
    }
}

#[test]
fn the_index_lists_every_code_and_no_page_is_without_one() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows: Vec<String> = FindingCode::ALL
        .iter()
        .map(|code| {
            let severity = match code.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!("| [`{code}`]({code}.md) | {severity} | {} |", code.summary())
        })
        .collect();
    let listed: Vec<&str> = index.lines().filter(|line| line.starts_with("| [`")).collect();
    assert_eq!(listed, rows);
    let mut pages = BTreeSet::new();
    for group in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if group.is_dir() {
            pages.extend(fs::read_dir(group).unwrap().map(|page| page.unwrap().path()));
        }
    }
    let wanted = FindingCode::ALL
        .iter()
        .map(|code| folder().join(format!("{code}.md")));
    assert_eq!(pages, wanted.collect());
}
