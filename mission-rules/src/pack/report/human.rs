//! For people: `file:line:column`, the source line and a caret, as compilers do.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Finding, PackFiles};
use crate::diagnostic::Severity;

/// Shows findings one after the other. `root` is put before the paths (empty: they stay relative to the pack), `color`
/// is for terminals.
///
/// ```
/// use mission_rules::pack::{Pack, PackFiles, report};
/// let files = PackFiles::from_map([("pack.toml", "name = \"demo\"\nversion = 1\n")]);
/// let (_, findings) = Pack::load(&files);
/// let text = report::human(&findings, &files, "demo", false);
/// assert!(text.contains("demo/pack.toml:2:11"), "{text}");
/// ```
#[must_use]
pub fn human(findings: &[Finding], files: &PackFiles, root: &str, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for finding in findings {
        text.push_str(&renderer.render(&[group(finding, files, root)]));
        text.push_str("\n\n");
    }
    text
}

fn group<'a>(finding: &'a Finding, files: &'a PackFiles, root: &str) -> Group<'a> {
    let diagnostic = &finding.diagnostic;
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = |file: &str| match root.trim_end_matches('/') {
        "" => file.to_owned(),
        root => format!("{root}/{file}"),
    };
    let mut group = Group::with_title(
        level
            .primary_title(&diagnostic.message)
            .id(diagnostic.code.as_str()),
    );
    match (files.get(&finding.file), &diagnostic.span) {
        (Some(text), Some(span)) => {
            let here = finding
                .related
                .iter()
                .filter(|related| related.file == finding.file);
            let context = here.map(|related| context(text, &related.span, &related.message));
            let primary = AnnotationKind::Primary.span(within(text, span));
            group = group.element(
                Snippet::source(text)
                    .path(path(&finding.file))
                    .annotation(primary)
                    .annotations(context),
            );
        }
        _ => group = group.element(Origin::path(path(&finding.file))),
    }
    for related in finding
        .related
        .iter()
        .filter(|related| related.file != finding.file)
    {
        if let Some(text) = files.get(&related.file) {
            let annotation = context(text, &related.span, &related.message);
            group = group.element(
                Snippet::source(text)
                    .path(path(&related.file))
                    .annotation(annotation),
            );
        }
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

fn context<'a>(text: &str, span: &Range<usize>, message: &'a str) -> Annotation<'a> {
    AnnotationKind::Context.span(within(text, span)).label(message)
}

/// The part of a span that lies in the text, on characters' borders.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    start..end
}
