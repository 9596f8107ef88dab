//! Typical mistakes in a pack, and what its author is told.

mod examples;
mod hopeless;
mod mistakes;
mod properties;
mod reading;
mod reports;
mod risk;
mod running;

use std::collections::BTreeMap;

use super::{CaseOutcome, Finding, Pack, PackFiles, report};

/// A small pack without findings: the contract's examples.
const GOOD: [(&str, &str); 6] = [
    (
        "pack.toml",
        "name = \"demo\"\nversion = \"1.0\"\npoints_scale = 2\nlevels = [0, 100, 250]\n\n\
         [events.\"video.watched\"]\nfields = { seconds = \"integer\", country = \"string\" }\n",
    ),
    ("checkin.toml", include_str!("good/checkin.toml")),
    ("referral.toml", "points = \"100\"\n"),
    ("missions/watch.toml", include_str!("good/watch.toml")),
    (
        "rules/watch.rhai",
        "fn progress(ctx) { if ctx.event.data.seconds >= 30 { 1 } else { 0 } }\n",
    ),
    ("tests/watch.toml", include_str!("good/cases.toml")),
];

/// The good pack with one text replaced in one file.
fn with(file: &str, from: &str, to: &str) -> PackFiles {
    let mut files: BTreeMap<&str, String> = GOOD.map(|(path, text)| (path, text.to_owned())).into();
    let text = files.get_mut(file).expect("a file of the good pack");
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
    *text = text.replace(from, to);
    PackFiles::from_map(files)
}

/// The good pack with one more file.
fn and(file: &str, text: &str) -> PackFiles {
    PackFiles::from_map(GOOD.into_iter().chain([(file, text)]))
}

/// The good pack without one of its files.
fn without(file: &str) -> PackFiles {
    PackFiles::from_map(GOOD.into_iter().filter(|(path, _)| *path != file))
}

fn good() -> Pack {
    let files = PackFiles::from_map(GOOD);
    let (pack, findings) = Pack::load(&files);
    assert_eq!(
        findings,
        Vec::<Finding>::new(),
        "{}",
        report::human(&findings, &files, "", false)
    );
    pack.expect("a pack without findings")
}
