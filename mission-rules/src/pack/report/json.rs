//! For programs: one object with every finding, lines and columns included.

use serde_json::{Value, json};

use super::{Counts, Finding, PackFiles, Region, region, region_of, severity_name};

/// `{"findings":[{"file","code","helpUri","severity","message","help"?,"fix"?,"span"?,"line"?,"column"?,…}],"errors":n,"warnings":n}`.
///
/// `fix` is `{"start","end","replacement"}` where there is only one way out: the bytes of the file, and what to put there.
/// `span` counts bytes from 0, lines and columns count from 1, columns in characters; ends are exclusive.
///
/// ```
/// use mission_rules::pack::{Pack, PackFiles, report};
/// let files = PackFiles::from_map([("pack.toml", "name = \"demo\"\nversion = 1\n")]);
/// let (_, findings) = Pack::load(&files);
/// let json = report::json(&findings, &files);
/// assert_eq!(json["errors"], 1);
/// assert_eq!(json["findings"][0]["line"], 2);
/// ```
#[must_use]
pub fn json(findings: &[Finding], files: &PackFiles) -> Value {
    let Counts { errors, warnings } = Counts::of(findings);
    let findings: Vec<Value> = findings.iter().map(|finding| one(finding, files)).collect();
    json!({ "findings": findings, "errors": errors, "warnings": warnings })
}

fn one(finding: &Finding, files: &PackFiles) -> Value {
    let diagnostic = &finding.diagnostic;
    let mut object = json!({
        "file": finding.file,
        "code": diagnostic.code.as_str(),
        "helpUri": diagnostic.code.help_uri(),
        "severity": severity_name(diagnostic.severity),
        "message": diagnostic.message,
    });
    if let Some(help) = &diagnostic.help {
        object["help"] = json!(help);
    }
    if let Some(fix) = &diagnostic.fix {
        object["fix"] = json!({
            "start": fix.span.start,
            "end": fix.span.end,
            "replacement": fix.replacement,
        });
    }
    if let Some(span) = &diagnostic.span {
        object["span"] = json!({ "start": span.start, "end": span.end });
    }
    if let Some(region) = region(finding, files) {
        place(&mut object, region);
    }
    if !finding.related.is_empty() {
        let related = finding.related.iter().map(|related| {
            let mut object = json!({ "file": related.file, "message": related.message });
            if let Some(region) = region_of(&related.file, &related.span, files) {
                place(&mut object, region);
            }
            object
        });
        object["related"] = related.collect();
    }
    object
}

fn place(object: &mut Value, region: Region) {
    object["line"] = json!(region.line);
    object["column"] = json!(region.column);
    object["end_line"] = json!(region.end_line);
    object["end_column"] = json!(region.end_column);
}
