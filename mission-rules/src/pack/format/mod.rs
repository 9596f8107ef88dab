//! One way to write the files of a pack: indentation, white space and blank lines, and nothing that means something.

mod layout;
mod operators;
#[cfg(test)]
mod tests;

use serde_json::Value;
use toml::de::{DeTable, DeValue};
use toml_parser::{Source, lexer::TokenKind};

use crate::{Scripts, pack::decode::FromToml, source_text::other_length};
use layout::{Style, lay_out};

/// Why a file is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It cannot be read.
    #[error("it cannot be read, so it is left as it is: {0}")]
    Unreadable(String),
    /// Written in another way it would mean something else.
    #[error("it would mean something else, so it is left as it is")]
    Changed,
}

/// A file of a pack as it should be written: a script or a TOML file, by its name; anything else stays as it is.
///
/// ```
/// use mission_rules::{Scripts, pack::format};
/// let script = "fn eligible(ctx){\n  ctx.user.level>=3   \n}";
/// let formatted = format("rules/a.rhai", script, &Scripts::default())?;
/// assert_eq!(formatted, "fn eligible(ctx){\n    ctx.user.level >= 3\n}\n");
/// # Ok::<(), mission_rules::pack::FormatError>(())
/// ```
///
/// # Errors
/// When the file cannot be read.
pub fn format(path: &str, text: &str, scripts: &Scripts) -> Result<String, FormatError> {
    if path.ends_with(".rhai") {
        format_script(text, scripts)
    } else if path.ends_with(".toml") {
        format_toml(text)
    } else {
        Ok(text.to_owned())
    }
}

fn format_script(text: &str, scripts: &Scripts) -> Result<String, FormatError> {
    let tree = |text: &str| {
        let parsed = scripts.engines.parse(text);
        let tree = parsed.map_err(|finding| FormatError::Unreadable(finding.message))?;
        Ok(without_positions(&format!("{tree:?}")))
    };
    let formatted = lay_out(text, &script_code(text), Style::Script);
    if tree(text)? == tree(&formatted)? {
        Ok(formatted)
    } else {
        Err(FormatError::Changed)
    }
}

fn format_toml(text: &str) -> Result<String, FormatError> {
    let values = |text: &str| {
        let table =
            DeTable::parse(text).map_err(|error| FormatError::Unreadable(error.message().to_owned()))?;
        let table = DeValue::Table(table.into_inner());
        // What JSON has no form for cannot stand in a pack either.
        Value::from_toml(&table)
            .map(|value| value.to_string())
            .map_err(|_| FormatError::Unreadable("it holds a number that is too large".to_owned()))
    };
    let formatted = lay_out(text, &toml_code(text), Style::Toml);
    if values(text)? == values(&formatted)? {
        Ok(formatted)
    } else {
        Err(FormatError::Changed)
    }
}

/// Which bytes of a script are code, and neither text nor comment.
fn script_code(text: &str) -> Vec<bool> {
    let mut code = vec![true; text.len()];
    let mut at = 0;
    while let Some(rest) = text.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
        let Some(length) = other_length(rest) else {
            at += 1;
            continue;
        };
        let end = (at + length.max(1)).min(text.len());
        code.get_mut(at..end).unwrap_or_default().fill(false);
        at = end;
    }
    code
}

/// The same of a TOML file.
fn toml_code(text: &str) -> Vec<bool> {
    let mut code = vec![true; text.len()];
    for token in Source::new(text).lex() {
        let is_other = matches!(
            token.kind(),
            TokenKind::Comment
                | TokenKind::LiteralString
                | TokenKind::BasicString
                | TokenKind::MlLiteralString
                | TokenKind::MlBasicString
        );
        if is_other {
            let bytes = token.span().start()..token.span().end();
            code.get_mut(bytes).unwrap_or_default().fill(false);
        }
    }
    code
}

/// A tree as it is shown, without the places of its nodes, which look like `12:34`, `12:34-56` or `12:34-56:7`.
fn without_positions(tree: &str) -> String {
    let mut kept = String::with_capacity(tree.len());
    let mut rest = tree;
    while let Some((before, after)) = rest.split_once(':') {
        let line = before.trim_end_matches(|c: char| c.is_ascii_digit());
        match after_digits(after) {
            Some(after) if line.len() < before.len() => {
                kept.push_str(line);
                let end = after.strip_prefix('-').and_then(after_digits);
                let column = end.and_then(|end| end.strip_prefix(':')).and_then(after_digits);
                rest = column.or(end).unwrap_or(after);
            }
            _ => {
                kept.push_str(before);
                kept.push(':');
                rest = after;
            }
        }
    }
    kept.push_str(rest);
    kept
}

/// What follows the digits that a text begins with.
fn after_digits(text: &str) -> Option<&str> {
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (after.len() < text.len()).then_some(after)
}
