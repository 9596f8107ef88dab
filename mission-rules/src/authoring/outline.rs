//! Where functions, fields and texts stand in a script, also in one that is half written: the interpreter's own
//! reader gives nothing at all of such a script.

use std::ops::Range;

use mission_core::ports::rules::Hook;

use crate::source_text::{blank_out_text, other_length};

/// A function of a script, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFunction {
    /// Its name.
    pub name: String,
    /// The bytes of its name where it is defined.
    pub name_span: Range<usize>,
    /// The names of its parameters.
    pub parameters: Vec<String>,
    /// The comment right above it, without its slashes.
    pub comment: Option<String>,
    /// From its `fn` to that of the next function, or to the end.
    span: Range<usize>,
}

impl ScriptFunction {
    /// How it is called.
    #[must_use]
    pub fn signature(&self) -> String {
        format!("{}({})", self.name, self.parameters.join(", "))
    }
}

/// A word and what stands before it with dots between, such as `ctx.user.level`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'s> {
    /// The words before, the first one first; `None` where something else than words stands there, such as a call.
    pub before: Option<Vec<&'s str>>,
    /// The bytes of the word; empty where there is none yet.
    pub word: Range<usize>,
    /// Whether it is called.
    pub is_call: bool,
}

/// A script looked at as text.
///
/// ```
/// use mission_rules::authoring::ScriptOutline;
/// let source = "// Who may.\nfn eligible(ctx) { ctx.user.le";
/// let outline = ScriptOutline::of(source);
/// assert_eq!(outline.functions()[0].comment.as_deref(), Some("Who may."));
/// let chain = outline.chain_at(source.len()).unwrap();
/// assert_eq!(chain.before, Some(vec!["ctx", "user"]));
/// assert_eq!(outline.context_at(source.len()), Some("ctx"));
/// ```
#[derive(Clone, Debug)]
pub struct ScriptOutline<'s> {
    source: &'s str,
    /// The script with its comments and texts blanked out, but for what texts insert by `${…}`.
    code: Vec<u8>,
    /// Comments and texts.
    other: Vec<Other>,
    functions: Vec<ScriptFunction>,
}

/// A comment or a text.
#[derive(Clone, Debug)]
struct Other {
    span: Range<usize>,
    /// Whether what is typed at its end belongs to it.
    is_open: bool,
}

impl<'s> ScriptOutline<'s> {
    /// Looks at a script.
    #[must_use]
    pub fn of(source: &'s str) -> Self {
        let mut code = blank_out_text(source);
        let mut other = Vec::new();
        let mut at = 0;
        while let Some(rest) = source.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
            let Some(length) = other_length(rest) else {
                at += 1;
                continue;
            };
            let span = at..(at + length.max(1)).min(source.len());
            at = span.end;
            keep_insertions(source, span, &mut code, &mut other);
        }
        let mut outline = ScriptOutline {
            source,
            code,
            other,
            functions: Vec::new(),
        };
        outline.functions = outline.find_functions();
        outline
    }

    /// Its functions, in their order.
    #[must_use]
    pub fn functions(&self) -> &[ScriptFunction] {
        &self.functions
    }

    /// The function of a name, where the script has one.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&ScriptFunction> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The function that a byte is in.
    #[must_use]
    pub fn function_at(&self, offset: usize) -> Option<&ScriptFunction> {
        let mut around = self.functions.iter();
        around.find(|function| function.span.start <= offset && offset <= function.span.end)
    }

    /// By which name the context is known at a byte: the parameter of a hook, and of other functions `ctx`.
    #[must_use]
    pub fn context_at(&self, offset: usize) -> Option<&str> {
        let function = self.function_at(offset)?;
        match function.parameters.as_slice() {
            [only] if Hook::ALL.into_iter().any(|hook| hook.name() == function.name) => Some(only),
            others => others.iter().map(String::as_str).find(|name| *name == "ctx"),
        }
    }

    /// The word that a byte is in or right behind, with what stands before it; `None` in comments and texts.
    #[must_use]
    pub fn chain_at(&self, offset: usize) -> Option<Chain<'s>> {
        if self.other_at(offset).is_some() {
            return None;
        }
        let word = self.word_around(offset)?;
        let after = self
            .code
            .get(word.end..)?
            .iter()
            .find(|byte| !byte.is_ascii_whitespace());
        Some(Chain {
            before: self.words_before(word.start),
            is_call: !word.is_empty() && after == Some(&b'('),
            word,
        })
    }

    /// The bytes of the code within the quotes of `ctx.completions["…"]`, where a byte is in there.
    #[must_use]
    pub fn completions_code_at(&self, offset: usize) -> Option<Range<usize>> {
        let Other { span, is_open } = self.other_at(offset)?;
        let text = self.source.get(span.clone())?;
        let inside = span.start + 1..if *is_open { span.end } else { span.end - 1 };
        let bracket = self.trimmed_end(span.start);
        if !text.starts_with('"') || self.code.get(bracket.checked_sub(1)?) != Some(&b'[') {
            return None;
        }
        let chain = self.chain_at(bracket - 1)?;
        (self.source.get(chain.word)? == "completions" && chain.before?.len() == 1).then_some(inside)
    }

    fn other_at(&self, offset: usize) -> Option<&Other> {
        self.other.iter().find(|other| {
            other.span.start < offset
                && (offset < other.span.end || (other.is_open && offset == other.span.end))
        })
    }

    /// The end of what is not white space before a byte.
    fn trimmed_end(&self, offset: usize) -> usize {
        let before = self.code.get(..offset).unwrap_or_default();
        before.trim_ascii_end().len()
    }

    fn word_around(&self, offset: usize) -> Option<Range<usize>> {
        let (before, after) = self.code.split_at_checked(offset)?;
        let start = before
            .iter()
            .rposition(|byte| !is_word(*byte))
            .map_or(0, |last| last + 1);
        let length = after
            .iter()
            .position(|byte| !is_word(*byte))
            .unwrap_or(after.len());
        Some(start..offset + length)
    }

    /// The words before a place, each with a dot behind it.
    fn words_before(&self, start: usize) -> Option<Vec<&'s str>> {
        let mut words = Vec::new();
        let mut at = self.trimmed_end(start);
        // `..` is a range.
        while self.code.get(..at)?.ends_with(b".") && !self.code.get(..at)?.ends_with(b"..") {
            let before = self.code.get(..at - 1)?;
            let before = before.strip_suffix(b"?").unwrap_or(before);
            let end = self.trimmed_end(before.len());
            let word = self.word_around(end)?.start..end;
            if word.is_empty() {
                return None;
            }
            words.push(self.source.get(word.clone())?);
            at = self.trimmed_end(word.start);
        }
        words.reverse();
        Some(words)
    }

    fn find_functions(&self) -> Vec<ScriptFunction> {
        let starts: Vec<usize> = self.keywords("fn").collect();
        let ends = starts.iter().copied().skip(1).chain([self.source.len()]);
        let spans = starts.iter().copied().zip(ends);
        spans
            .filter_map(|(start, end)| self.read_function(start..end))
            .collect()
    }

    fn keywords(&self, keyword: &'static str) -> impl Iterator<Item = usize> {
        let is_keyword = move |at: &usize| {
            let end = at + keyword.len();
            self.code.get(*at..end) == Some(keyword.as_bytes())
                && !at
                    .checked_sub(1)
                    .and_then(|before| self.code.get(before))
                    .is_some_and(|byte| is_word(*byte))
                && self.code.get(end).is_some_and(u8::is_ascii_whitespace)
        };
        (0..self.code.len()).filter(is_keyword)
    }

    fn read_function(&self, span: Range<usize>) -> Option<ScriptFunction> {
        let code = self.code.get(span.start..span.end)?;
        let start = span.start
            + 2
            + code
                .get(2..)?
                .iter()
                .position(|byte| !byte.is_ascii_whitespace())?;
        let name_span = self.word_around(start)?;
        let name = self
            .source
            .get(name_span.clone())
            .filter(|name| !name.is_empty())?;
        let after = self.source.get(name_span.end..span.end)?.trim_start();
        let inside = after
            .strip_prefix('(')
            .and_then(|rest| rest.split([')', '{']).next());
        let parameters = inside.unwrap_or_default().split(',').map(str::trim);
        Some(ScriptFunction {
            name: name.to_owned(),
            parameters: parameters
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            comment: comment_above(self.source.get(..span.start)?),
            name_span,
            span,
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Notes a comment or text; what a text in back-ticks inserts by `${…}` stays code.
fn keep_insertions(source: &str, span: Range<usize>, code: &mut [u8], other: &mut Vec<Other>) {
    let text = source.get(span.clone()).unwrap_or_default();
    let mut start = span.start;
    if !text.starts_with('/') {
        // No letters, which would be taken for words.
        code.get_mut(span.clone()).unwrap_or_default().fill(b'"');
    }
    if text.starts_with('`') {
        for (at, _) in text.match_indices("${") {
            let inside = span.start + at + 2;
            let length = source
                .get(inside..span.end)
                .and_then(|rest| rest.find(['}', '`']));
            let end = length.map_or(span.end, |length| inside + length);
            if let (Some(code), Some(written)) =
                (code.get_mut(inside..end), source.as_bytes().get(inside..end))
            {
                code.copy_from_slice(written);
            }
            other.push(Other {
                span: start..inside,
                is_open: false,
            });
            // The closing brace, or quote, is text again.
            start = end;
        }
    }
    let closed = match text.as_bytes() {
        [b'/', b'*', ..] => text.len() >= 4 && text.ends_with("*/"),
        [b'/', ..] => false,
        [quote, .., last] => quote == last,
        _ => false,
    };
    other.push(Other {
        span: start..span.end,
        is_open: !closed,
    });
}

/// The lines of comment that end right before a function.
fn comment_above(before: &str) -> Option<String> {
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let (above, beside) = before.split_at_checked(line_start)?;
    if !matches!(beside.trim(), "" | "private") {
        return None;
    }
    let block = above
        .trim_end_matches([' ', '\t'])
        .strip_suffix('\n')
        .unwrap_or(above)
        .trim_end_matches(['\r', ' ']);
    if let Some(open) = block.strip_suffix("*/").and_then(|block| block.rfind("/*")) {
        let lines = block.get(open + 2..block.len() - 2)?.lines();
        let plain: Vec<&str> = lines
            .map(|line| line.trim().trim_start_matches('*').trim())
            .collect();
        return Some(plain.join("\n").trim().to_owned());
    }
    let lines = above
        .lines()
        .rev()
        .map_while(|line| line.trim().strip_prefix("//"));
    let mut lines: Vec<&str> = lines.map(|line| line.trim_start_matches('/').trim()).collect();
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests;
