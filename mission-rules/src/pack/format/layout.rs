//! Lines: how far they are indented, and what stands between them.

use super::operators::{Operators, space_out};

/// How a language is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Script,
    Toml,
}

impl Style {
    fn indent(self) -> &'static str {
        match self {
            Style::Script => "    ",
            Style::Toml => "  ",
        }
    }

    fn operators(self) -> Operators {
        match self {
            Style::Script => Operators::SCRIPT,
            Style::Toml => Operators::TOML,
        }
    }
}

/// A line, whose texts and comments may run over several lines of the file.
struct Line<'t> {
    text: &'t str,
    code: &'t [bool],
}

/// The text with its lines in place; `code` tells of each byte whether it is neither text nor comment.
pub(super) fn lay_out(text: &str, code: &[bool], style: Style) -> String {
    let mut formatted = String::with_capacity(text.len());
    let mut brackets = Brackets::default();
    let mut is_blank = false;
    for (number, line) in lines(text, code).enumerate() {
        if line.text.is_empty() {
            is_blank = !formatted.is_empty();
            continue;
        }
        if std::mem::take(&mut is_blank) {
            formatted.push('\n');
        }
        let depth = brackets.enter(number, &line, style);
        formatted.push_str(&style.indent().repeat(depth));
        formatted.push_str(&space_out(line.text, line.code, style.operators()));
        formatted.push('\n');
    }
    formatted
}

/// The lines without the white space around them.
fn lines<'t>(text: &'t str, code: &'t [bool]) -> impl Iterator<Item = Line<'t>> {
    let ends = text
        .bytes()
        .zip(code)
        .enumerate()
        .filter(|(_, (byte, is_code))| *byte == b'\n' && **is_code)
        .map(|(at, _)| at);
    let mut start = 0;
    ends.chain([text.len()]).map(move |end| {
        let whole = text.get(start..end).unwrap_or_default();
        let begin = start + (whole.len() - whole.trim_start().len());
        start = end + 1;
        let text = whole.trim();
        Line {
            text,
            code: code.get(begin..begin + text.len()).unwrap_or_default(),
        }
    })
}

impl Line<'_> {
    /// The characters of its code.
    fn code(&self) -> impl DoubleEndedIterator<Item = u8> {
        let bytes = self.text.bytes().zip(self.code);
        bytes.filter(|(_, is_code)| **is_code).map(|(byte, _)| byte)
    }

    /// The last character of the line, comments aside; of a text its quote.
    fn last(&self) -> Option<u8> {
        let end = self.text.len();
        let mut kept = end;
        // A comment runs to the end of the line, or to its own.
        while let Some(start) = self.comment_before(kept) {
            kept = self.text.get(..start).unwrap_or_default().trim_end().len();
        }
        self.text.as_bytes().get(..kept)?.last().copied()
    }

    /// Where the comment begins that ends there.
    fn comment_before(&self, end: usize) -> Option<usize> {
        let other = self
            .code
            .get(..end)?
            .iter()
            .rev()
            .take_while(|is_code| !**is_code)
            .count();
        let start = end - other;
        let begins = self.text.as_bytes().get(start..end)?;
        (begins.starts_with(b"//") || begins.starts_with(b"/*")).then_some(start)
    }

    fn is_comment(&self) -> bool {
        self.text.starts_with("//") || self.text.starts_with("/*") || self.text.starts_with('#')
    }
}

/// The brackets that are open, each with the line on which it was opened.
#[derive(Default)]
struct Brackets {
    open: Vec<usize>,
    /// Whether the statement of the line before goes on.
    goes_on: bool,
}

impl Brackets {
    /// How far a line is indented; what it opens and closes counts for those after it.
    fn enter(&mut self, number: usize, line: &Line<'_>, style: Style) -> usize {
        let mut code = line.code().filter(|byte| !byte.is_ascii_whitespace()).peekable();
        let first = code.peek().copied();
        let starts_with_code = line.code.first() == Some(&true);
        let mut closed = None;
        while starts_with_code && code.next_if(|byte| is_closing(*byte)).is_some() {
            closed = self.open.pop();
        }
        let begins_anew = starts_with_code && first.is_some_and(|byte| is_closing(byte) || byte == b'{');
        let continues = style == Style::Script && self.goes_on && !begins_anew && !line.is_comment();
        let depth = match closed {
            Some(opened) => self.back_to(opened, number),
            None => self.depth() + usize::from(continues),
        };
        for byte in code {
            match byte {
                b'(' | b'[' | b'{' => self.open.push(number),
                byte if is_closing(byte) => drop(self.open.pop()),
                _ => {}
            }
        }
        if let Some(last) = line.last() {
            self.goes_on = !matches!(last, b'{' | b'(' | b'[' | b'}' | b';' | b',');
        }
        depth
    }

    /// The depth of the line on which a bracket was opened that is closed here; others of that line go on from here.
    fn back_to(&mut self, opened: usize, number: usize) -> usize {
        let others = self.open.iter().rev().take_while(|line| **line == opened).count();
        let kept = self.open.len() - others;
        let depth = depth(self.open.get(..kept).unwrap_or_default());
        self.open.get_mut(kept..).unwrap_or_default().fill(number);
        depth
    }

    fn depth(&self) -> usize {
        depth(&self.open)
    }
}

/// Brackets that were opened on one line indent once.
fn depth(open: &[usize]) -> usize {
    open.chunk_by(|a, b| a == b).count()
}

fn is_closing(byte: u8) -> bool {
    matches!(byte, b')' | b']' | b'}')
}
