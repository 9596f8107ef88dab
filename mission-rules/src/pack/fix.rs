//! What the files of a pack are once all their findings with one way out are mended.

use std::collections::BTreeMap;

use super::{Finding, PackFiles};
use crate::Fix;

/// A file with its fixes applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedFile {
    /// Its path inside the pack.
    pub file: String,
    /// Its text. Whatever no finding is about is as it was, to the byte.
    pub text: String,
    /// How many findings were mended.
    pub fixes: usize,
}

/// Applies the fixes of findings; answers only the files that change. Of two fixes that overlap the first one is
/// applied: after another check the second is offered again, if it still is one.
///
/// ```
/// use mission_rules::pack::{Pack, PackFiles, fixed_files};
/// let files = PackFiles::from_map([("pack.toml", "name = \"demo\" # mine\nversoin = \"1\"\n")]);
/// let (_, findings) = Pack::load(&files);
/// assert_eq!(fixed_files(&findings, &files)[0].text, "name = \"demo\" # mine\nversion = \"1\"\n");
/// ```
#[must_use]
pub fn fixed_files(findings: &[Finding], files: &PackFiles) -> Vec<FixedFile> {
    let mut by_file: BTreeMap<&str, Vec<&Fix>> = BTreeMap::new();
    for finding in findings {
        let fixes = finding.diagnostic.fix.iter();
        by_file.entry(&finding.file).or_default().extend(fixes);
    }
    let fixed = by_file.into_iter().filter_map(|(file, fixes)| {
        let (text, fixes) = apply(files.get(file)?, fixes);
        (fixes > 0).then(|| FixedFile {
            file: file.to_owned(),
            text,
            fixes,
        })
    });
    fixed.collect()
}

/// A text after its fixes, and how many were applied.
fn apply(text: &str, mut fixes: Vec<&Fix>) -> (String, usize) {
    fixes.sort_by_key(|fix| (fix.span.start, fix.span.end));
    let (mut fixed, mut at, mut applied) = (String::with_capacity(text.len()), 0, 0);
    for Fix { span, replacement } in fixes {
        // Nothing where it overlaps the one before, or is no stretch of the text.
        let (Some(kept), Some(_)) = (text.get(at..span.start), text.get(span.clone())) else {
            continue;
        };
        fixed.push_str(kept);
        fixed.push_str(replacement);
        (at, applied) = (span.end, applied + 1);
    }
    fixed.push_str(text.get(at..).unwrap_or_default());
    (fixed, applied)
}

#[cfg(test)]
mod tests {
    use super::{Fix, apply};

    #[test]
    fn fixes_that_overlap_or_lie_outside_are_left_out() {
        let fix = |span, replacement: &str| Fix {
            span,
            replacement: replacement.to_owned(),
        };
        let fixes = [
            fix(3..4, "xyz"),
            fix(0..2, "A"),
            fix(1..3, "B"),
            fix(0..2, "A"),
            fix(6..9, "C"),
            fix(5..6, "D"),
        ];
        assert_eq!(apply("abcdé", fixes.iter().collect()), ("Acxyzé".to_owned(), 2));
    }
}
