//! What is wrong with a script that cannot be read, in the author's words and at the place of the mistake.

use std::ops::Range;

use rhai::{LexError, ParseError, ParseErrorType};

use crate::{
    Diagnostic, FindingCode, Fix, Limits,
    diagnostic::line_column,
    failure::too_large,
    sandbox::forbidden,
    source_text::blank_out_text,
    syntax::{offset, word_at},
};

/// A script that is no valid syntax.
pub(crate) fn syntax_finding(source: &str, error: &ParseError, limits: &Limits) -> Diagnostic {
    let position = error.position();
    let end = source.len();
    let at = offset(source, position).unwrap_or(end);
    let word = word_at(source, position).unwrap_or(at..at);
    let named = match error.err_type() {
        ParseErrorType::Reserved(name) | ParseErrorType::VariableUndefined(name) => name.as_str(),
        _ => source.get(word.clone()).unwrap_or_default(),
    };
    if let Some(reason) = forbidden(named) {
        let message = format!("scripts have no `{named}`: {reason}");
        return Diagnostic::new(FindingCode::ScriptForbidden, message).at(word);
    }
    foreign_word(source, &word)
        .or_else(|| unclosed(source, error.err_type(), at, named))
        .unwrap_or_else(|| syntax_or_limit(error, named, limits).at(word))
}

/// Words of other languages, and what they are here.
const FOREIGN: &[(&str, &str)] = &[
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("elif", "else if"),
    ("elsif", "else if"),
    ("elseif", "else if"),
    ("function", "fn"),
    ("func", "fn"),
    ("fun", "fn"),
    ("def", "fn"),
    ("var", "let"),
    ("null", "()"),
    ("nil", "()"),
    ("None", "()"),
    ("undefined", "()"),
    ("True", "true"),
    ("False", "false"),
    ("match", "switch"),
    ("case", "switch"),
    ("is", "=="),
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    ("=>", ">="),
    ("=<", "<="),
];

/// What a word of another language is here.
pub(crate) fn foreign(word: &str) -> Option<&'static str> {
    FOREIGN
        .iter()
        .find(|(foreign, _)| *foreign == word)
        .map(|(_, here)| *here)
}

/// A word of another language, where the error is or right before it.
fn foreign_word(source: &str, word: &Range<usize>) -> Option<Diagnostic> {
    let before = source.get(..word.start)?.trim_end();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let start = before.trim_end_matches(is_part).len();
    let symbols = |c: char| "=!<>".contains(c);
    let symbol_start = source.get(..word.start)?.trim_end_matches(symbols).len();
    let symbol_rest = source.get(symbol_start..)?;
    let symbol_end = symbol_start + (symbol_rest.len() - symbol_rest.trim_start_matches(symbols).len());
    [word.clone(), start..before.len(), symbol_start..symbol_end]
        .into_iter()
        .find_map(|span| {
            let text = source.get(span.clone())?;
            let here = foreign(text)?;
            let message = format!("there is no `{text}` here");
            // What follows a `case` is written otherwise too.
            let fix = (text != "case").then(|| Fix {
                span: span.clone(),
                replacement: here.to_owned(),
            });
            Some(
                Diagnostic::new(FindingCode::ScriptSyntax, message)
                    .with_help(format!("write `{here}`"))
                    .with_fix(fix)
                    .at(span),
            )
        })
}

/// A brace or bracket that is not closed, where that explains the error: told where it was opened.
fn unclosed(source: &str, error: &ParseErrorType, at: usize, named: &str) -> Option<Diagnostic> {
    let open = open_brackets(source, at);
    let (opened, missing) = match error {
        // A function within another: the one above is not closed.
        ParseErrorType::WrongFnDefinition | ParseErrorType::MissingToken(..) if named == "fn" => {
            (open.first()?, "`}` is missing before the next `fn`")
        }
        ParseErrorType::MissingToken(..) if named == "else" => {
            (open.last()?, "`}` is missing before the `else`")
        }
        ParseErrorType::UnexpectedEOF | ParseErrorType::MissingToken(..) if at >= source.trim_end().len() => {
            (open.first()?, "the script ends before it is closed")
        }
        _ => return None,
    };
    let bracket = source.get(opened.clone())?;
    let (line, column) = line_column(source, at);
    let message = format!("this `{bracket}` is not closed: {missing}");
    Some(
        Diagnostic::new(FindingCode::ScriptSyntax, message)
            .with_help(format!("close it before line {line}, column {column}"))
            .at(opened.clone()),
    )
}

/// The brackets that are open at a place, outermost first.
fn open_brackets(source: &str, until: usize) -> Vec<Range<usize>> {
    let code = blank_out_text(source);
    let mut open: Vec<Range<usize>> = Vec::new();
    for (at, byte) in code.iter().enumerate().take(until) {
        match byte {
            b'{' | b'(' | b'[' => open.push(at..at + 1),
            b'}' | b')' | b']' => drop(open.pop()),
            _ => {}
        }
    }
    open
}

fn syntax_or_limit(error: &ParseError, named: &str, limits: &Limits) -> Diagnostic {
    let syntax = |message: &str| Diagnostic::new(FindingCode::ScriptSyntax, message);
    match error.err_type() {
        ParseErrorType::ExprTooDeep => Diagnostic::new(
            FindingCode::ScriptTooDeep,
            format!(
                "expressions and blocks are nested more than {} levels deep",
                limits.expression_depth
            ),
        )
        .with_help("give parts of it names with `let`, or make functions of them"),
        ParseErrorType::TooManyFunctions => Diagnostic::new(
            FindingCode::ScriptTooManyFunctions,
            format!("a script has at most {} functions", limits.functions),
        ),
        ParseErrorType::LiteralTooLarge(what, _) => {
            Diagnostic::new(FindingCode::ScriptLiteralTooLarge, too_large(what, limits))
        }
        ParseErrorType::VariableUndefined(_) => Diagnostic::new(
            FindingCode::ScriptUnknownVariable,
            format!("there is no variable `{named}` here"),
        )
        .with_help("a function sees its parameters, its own variables and the script's constants"),
        ParseErrorType::BadInput(LexError::MalformedChar(text)) => {
            syntax("a text stands in double quotes").with_help(format!("write \"{text}\""))
        }
        ParseErrorType::BadInput(LexError::UnterminatedString) => syntax("this text is not closed")
            .with_help("end it with the quote that it begins with, on the same line"),
        ParseErrorType::BadInput(LexError::ImproperSymbol(symbol, _)) if symbol == "=" || named == "=" => {
            syntax("`=` sets a variable").with_help("to compare, write `==`")
        }
        ParseErrorType::MissingToken(..) if named == ":" => {
            syntax("a map begins with `#{`").with_help("write #{ name: value }")
        }
        ParseErrorType::MissingToken(token, _) if named.is_empty() => {
            syntax(&format!("`{token}` is missing at the end"))
        }
        ParseErrorType::MissingToken(token, _) => syntax(&format!("`{token}` is missing before `{named}`")),
        ParseErrorType::Reserved(word) => {
            syntax(&format!("`{word}` is a reserved word")).with_help("choose another name")
        }
        ParseErrorType::ExprExpected(_) => syntax("a value is missing here"),
        ParseErrorType::UnexpectedEOF => syntax("the script ends in the middle of a statement"),
        ParseErrorType::WrongFnDefinition => syntax("a function cannot stand inside another"),
        ParseErrorType::FnMissingName => {
            syntax("the function has no name").with_help("write `fn name(ctx) { … }`")
        }
        ParseErrorType::FnMissingParams(name) => syntax(&format!("the function `{name}` has no parameters"))
            .with_help(format!("write `fn {name}(ctx)`")),
        ParseErrorType::FnMissingBody(name) => {
            syntax(&format!("the function `{name}` has no body")).with_help("put it in braces: `{ … }`")
        }
        kind => {
            let text = kind.to_string().replace('\'', "`");
            let mut letters = text.chars();
            let first = letters.next().map(|first| first.to_ascii_lowercase());
            syntax(&first.into_iter().chain(letters).collect::<String>())
        }
    }
}
