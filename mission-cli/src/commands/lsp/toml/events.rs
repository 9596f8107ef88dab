//! Turns what the TOML parser tells of a file into keys, values and what comes next. It recovers from what is broken.

use std::ops::Range;

use toml_parser::{
    Source,
    parser::{Event, EventKind, EventReceiver, RecursionGuard, parse_document},
};

use super::outline::{Key, Scalar, TomlOutline};

/// Nobody writes lists within lists so deep.
const MOST_NESTED: u32 = 64;

/// Where something ends, and what can come after it.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) end: usize,
    pub(super) kind: MarkKind,
}

#[derive(Debug)]
pub(super) enum MarkKind {
    Key { table: usize, path: Vec<String> },
    Header { is_list: bool, path: Vec<String> },
    Value { path: Vec<String> },
    Nothing,
}

/// A list or inline table that is open.
struct Open {
    is_list: bool,
    path: Vec<String>,
    table: usize,
    /// The keys of the line that it is the value of.
    outer_keys: Vec<String>,
}

struct Reader<'t> {
    text: &'t str,
    outline: TomlOutline,
    /// The table of the last line in brackets.
    table: usize,
    table_path: Vec<String>,
    tables: usize,
    /// Within a line in brackets: whether they are double.
    header: Option<bool>,
    open: Vec<Open>,
    /// The parts of the key that is being written.
    keys: Vec<String>,
}

/// Reads a file.
pub(super) fn read(text: &str) -> TomlOutline {
    let mut reader = Reader {
        text,
        outline: TomlOutline {
            keys: Vec::new(),
            values: Vec::new(),
            comments: Vec::new(),
            marks: vec![Mark {
                end: 0,
                kind: MarkKind::Key {
                    table: 0,
                    path: Vec::new(),
                },
            }],
        },
        table: 0,
        table_path: Vec::new(),
        tables: 0,
        header: None,
        open: Vec::new(),
        keys: Vec::new(),
    };
    let tokens = Source::new(text).lex().into_vec();
    let mut see = |event: Event| reader.see(&event);
    let mut guard = RecursionGuard::new(&mut see as &mut dyn EventReceiver, MOST_NESTED);
    parse_document(&tokens, &mut guard, &mut ());
    reader.outline
}

impl Reader<'_> {
    fn see(&mut self, event: &Event) {
        let span = event.span().start()..event.span().end();
        match event.kind() {
            EventKind::StdTableOpen => self.begin_header(span.end, false),
            EventKind::ArrayTableOpen => self.begin_header(span.end, true),
            EventKind::StdTableClose | EventKind::ArrayTableClose => {
                self.end_header();
                self.mark(span.end, MarkKind::Nothing);
            }
            EventKind::InlineTableOpen => {
                self.tables += 1;
                self.begin(span.end, false, self.tables);
            }
            EventKind::ArrayOpen => self.begin(span.end, true, self.place().1),
            EventKind::InlineTableClose | EventKind::ArrayClose => {
                if let Some(closed) = self.open.pop() {
                    self.keys = closed.outer_keys;
                }
                // One that is missing is put in by the parser.
                if !span.is_empty() {
                    self.mark(span.end, MarkKind::Nothing);
                }
            }
            EventKind::SimpleKey => self.key(span),
            EventKind::KeySep => self.key_separator(span.end),
            EventKind::KeyValSep => self.value_separator(&span),
            EventKind::Scalar => {
                let path = self.value_path();
                // What the parser puts in for a value that is missing.
                if !span.is_empty() {
                    self.mark(span.end, MarkKind::Nothing);
                    self.outline.values.push(Scalar { span, path });
                }
            }
            EventKind::ValueSep => self.separator(span.end),
            EventKind::Comment => self.outline.comments.push(span),
            EventKind::Newline => self.newline(span.end),
            EventKind::Whitespace | EventKind::Error => {}
        }
    }

    fn mark(&mut self, end: usize, kind: MarkKind) {
        self.outline.marks.push(Mark { end, kind });
    }

    /// The path that keys are written below, and their table.
    fn place(&self) -> (&[String], usize) {
        match self.open.last() {
            Some(open) => (&open.path, open.table),
            None => (&self.table_path, self.table),
        }
    }

    fn key_path(&self) -> Vec<String> {
        let before = if self.header.is_some() {
            &[]
        } else {
            self.place().0
        };
        [before, &self.keys].concat()
    }

    fn value_path(&self) -> Vec<String> {
        match self.open.last() {
            Some(open) if open.is_list => open.path.clone(),
            _ => self.key_path(),
        }
    }

    fn begin_header(&mut self, end: usize, is_list: bool) {
        self.tables += 1;
        self.table = self.tables;
        self.table_path.clear();
        self.keys.clear();
        self.header = Some(is_list);
        let path = Vec::new();
        self.mark(end, MarkKind::Header { is_list, path });
    }

    fn end_header(&mut self) {
        self.header = None;
        self.table_path = std::mem::take(&mut self.keys);
    }

    fn begin(&mut self, end: usize, is_list: bool, table: usize) {
        let path = self.value_path();
        let kind = if is_list {
            MarkKind::Value { path: path.clone() }
        } else {
            MarkKind::Key {
                table,
                path: path.clone(),
            }
        };
        self.mark(end, kind);
        let outer_keys = std::mem::take(&mut self.keys);
        self.open.push(Open {
            is_list,
            path,
            table,
            outer_keys,
        });
    }

    fn key(&mut self, span: Range<usize>) {
        let written = self.text.get(span.clone()).unwrap_or_default();
        let name = written.trim_matches(['"', '\'']).to_owned();
        self.mark(span.end, MarkKind::Nothing);
        let key = Key {
            parent: self.key_path(),
            table: self.place().1,
            header: self.header,
            is_followed: false,
            name: name.clone(),
            span,
        };
        self.outline.keys.push(key);
        self.keys.push(name);
    }

    fn key_separator(&mut self, end: usize) {
        self.followed();
        let path = self.key_path();
        let kind = match self.header {
            Some(is_list) => MarkKind::Header { is_list, path },
            None => MarkKind::Key {
                table: self.place().1,
                path,
            },
        };
        self.mark(end, kind);
    }

    fn value_separator(&mut self, span: &Range<usize>) {
        // An empty one is put in by the parser.
        if !span.is_empty() {
            self.followed();
            let path = self.key_path();
            self.mark(span.end, MarkKind::Value { path });
        }
    }

    fn followed(&mut self) {
        if let Some(last) = self.outline.keys.last_mut() {
            last.is_followed = true;
        }
    }

    fn separator(&mut self, end: usize) {
        let Some(open) = self.open.last() else { return };
        let (path, table) = (open.path.clone(), open.table);
        let kind = if open.is_list {
            MarkKind::Value { path }
        } else {
            self.keys.clear();
            MarkKind::Key { table, path }
        };
        self.mark(end, kind);
    }

    fn newline(&mut self, end: usize) {
        if !self.open.is_empty() {
            return;
        }
        if self.header.is_some() {
            self.end_header();
        }
        self.keys.clear();
        let (table, path) = (self.table, self.table_path.clone());
        self.mark(end, MarkKind::Key { table, path });
    }
}
