//! For code hosts: SARIF 2.1.0, which shows findings beside the lines of a change.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Finding, PackFiles, Region, region, region_of, severity_name};
use crate::FindingCode;

/// One SARIF log with one run. `root` is put before the paths: code hosts want them from the repository's top.
///
/// ```
/// use mission_rules::pack::{Pack, PackFiles, report};
/// let files = PackFiles::from_map([("pack.toml", "name = \"demo\"\nversion = 1\n")]);
/// let (_, findings) = Pack::load(&files);
/// let log = report::sarif(&findings, &files, "packs/demo");
/// assert_eq!(log["runs"][0]["results"][0]["ruleId"], "pack/wrong-type");
/// ```
#[must_use]
pub fn sarif(findings: &[Finding], files: &PackFiles, root: &str) -> Value {
    let codes: Vec<FindingCode> = findings
        .iter()
        .map(|finding| finding.diagnostic.code)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| result(finding, &codes, files, root))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mission",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": codes.iter().copied().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What a code host shows of a kind of finding.
fn rule(code: FindingCode) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": code.summary() },
        "helpUri": code.help_uri(),
        "defaultConfiguration": { "level": severity_name(code.severity()) },
    })
}

fn result(finding: &Finding, codes: &[FindingCode], files: &PackFiles, root: &str) -> Value {
    let diagnostic = &finding.diagnostic;
    let text = match &diagnostic.help {
        Some(help) => format!("{}. {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let mut result = json!({
        "ruleId": diagnostic.code.as_str(),
        "level": severity_name(diagnostic.severity),
        "message": { "text": text },
        "locations": [location(&finding.file, region(finding, files), root)],
    });
    if let Ok(index) = codes.binary_search(&diagnostic.code) {
        result["ruleIndex"] = json!(index);
    }
    if !finding.related.is_empty() {
        let related = finding.related.iter().map(|related| {
            let mut location = location(
                &related.file,
                region_of(&related.file, &related.span, files),
                root,
            );
            location["message"] = json!({ "text": related.message });
            location
        });
        result["relatedLocations"] = related.collect();
    }
    result
}

fn location(file: &str, region: Option<Region>, root: &str) -> Value {
    let root = root.trim_end_matches('/');
    let path = if root.is_empty() {
        file.to_owned()
    } else {
        format!("{root}/{file}")
    };
    let mut physical = json!({ "artifactLocation": { "uri": uri(&path) } });
    if let Some(region) = region {
        physical["region"] = json!({
            "startLine": region.line,
            "startColumn": region.column,
            "endLine": region.end_line,
            "endColumn": region.end_column,
        });
    }
    json!({ "physicalLocation": physical })
}

/// A path as a URI reference: everything but unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
