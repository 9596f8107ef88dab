//! `pack.toml`.

use mission_core::{
    PointsScale,
    user::{LevelTable, PointsCap},
};

use super::{
    document::Document,
    events::EventCatalog,
    fields::{Fields, Located},
    files,
    finding::FileReport,
};
use crate::{FindingCode, diagnostic::Diagnostic};

/// The contents of `pack.toml`.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) points_scale: Option<PointsScale>,
    pub(super) levels: Option<LevelTable>,
    pub(super) caps: Vec<PointsCap>,
    pub(super) events: Option<EventCatalog>,
}

pub(super) fn read_manifest(text: &str, report: &FileReport<'_>) -> Manifest {
    let document = Document::parse(text, report);
    if !document.whole {
        return Manifest::default();
    }
    let fields = document.fields(report, "pack.toml");
    let manifest = Manifest {
        name: pack_name(&fields),
        version: version(&fields),
        points_scale: fields.optional("points_scale"),
        levels: levels(&fields),
        caps: caps(&fields),
        events: EventCatalog::read(&fields),
    };
    fields.finish();
    manifest
}

/// The name: it stands in addresses.
fn pack_name(fields: &Fields<'_>) -> Option<String> {
    let name: Located<String> = fields.required("name")?;
    if files::is_name(&name.value) {
        return Some(name.value);
    }
    let message = "`name` must have 1 to 64 of the characters a-z, 0-9 and `-`, and not begin with `-`";
    let diagnostic = Diagnostic::new(FindingCode::PackBadValue, message).at(name.span);
    fields.report.add(match files::suggested_name(&name.value) {
        Some(better) => diagnostic.with_help(format!("write name = \"{better}\"")),
        None => diagnostic,
    });
    None
}

/// The version: a short text of the author's own.
fn version(fields: &Fields<'_>) -> Option<String> {
    let version: Located<String> = fields.required("version")?;
    let text = version.value.as_str();
    let good = (1..=64).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    if good {
        return Some(version.value);
    }
    let message = "`version` must have 1 to 64 characters, without space around it";
    fields
        .report
        .add(Diagnostic::new(FindingCode::PackBadValue, message).at(version.span));
    None
}

fn caps(fields: &Fields<'_>) -> Vec<PointsCap> {
    let caps = fields.tables("caps", "a cap").unwrap_or_default().into_iter();
    caps.map(|cap| {
        let read = PointsCap {
            category: cap.optional("category"),
            day: cap.optional("day"),
            week: cap.optional("week"),
            month: cap.optional("month"),
        };
        if (&read.day, &read.week, &read.month) == (&None, &None, &None) {
            let diagnostic = Diagnostic::new(
                FindingCode::PackMissingField,
                "a cap needs `day`, `week` or `month`",
            )
            .with_help("write how many points a user can earn in it, such as day = \"100\"");
            cap.report.add(diagnostic.at(cap.place.clone()));
        }
        cap.finish();
        read
    })
    .collect()
}

fn levels(fields: &Fields<'_>) -> Option<LevelTable> {
    fields.value("levels")?;
    let starts: Vec<Located<u64>> = fields.list("levels");
    let flaw = |message: String, span| {
        let help = "each number is the experience at which a level begins, such as [0, 100, 250]";
        fields.report.add(
            Diagnostic::new(FindingCode::PackBadLevels, message)
                .with_help(help)
                .at(span),
        );
    };
    match starts.first() {
        None => flaw("`levels` is empty".to_owned(), fields.span("levels")),
        Some(first) if first.value != 0 => {
            flaw(
                format!("`levels` must start at 0, not {}", first.value),
                first.span.clone(),
            );
        }
        Some(_) => {}
    }
    for pair in starts.windows(2) {
        if let [before, after] = pair
            && after.value <= before.value
        {
            let message = format!("`levels` must rise: {} comes after {}", after.value, before.value);
            flaw(message, after.span.clone());
        }
    }
    LevelTable::try_from(starts.into_iter().map(|start| start.value).collect::<Vec<_>>()).ok()
}
