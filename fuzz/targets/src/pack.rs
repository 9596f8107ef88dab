//! Any map of files is a pack or has findings, and says so without a panic; every report can print any finding.
//!
//! The input is text: a line `=== path` begins a file.

use mission_rules::{
    Severity,
    pack::{
        Pack, PackFiles,
        report::{human, json, sarif},
    },
};

/// Reads the text as a pack.
///
/// # Panics
/// When a finding or a mission is not what it must be.
pub fn pack(bytes: &[u8]) {
    let text = crate::text(bytes);
    let mut parts = text.split("=== ");
    parts.next();
    let files = PackFiles::from_map(parts.filter_map(|part| part.split_once('\n')));

    let (pack, findings) = Pack::load(&files);

    let has_error = findings
        .iter()
        .any(|finding| finding.diagnostic.severity == Severity::Error);
    assert_eq!(
        pack.is_none(),
        has_error,
        "a pack is refused for its errors, and for nothing else"
    );
    if let Some(pack) = &pack {
        for mission in &pack.missions {
            assert_eq!(
                mission.definition.validation_errors(),
                [],
                "what passed the check is fit for the engine"
            );
        }
    }
    let printed = human(&findings, &files, "", false);
    assert_eq!(
        printed.is_empty(),
        findings.is_empty(),
        "no finding is left unsaid"
    );
    let _ = json(&findings, &files);
    let _ = sarif(&findings, &files, "");
}
