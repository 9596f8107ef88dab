//! Keys and values of a TOML file by their place.

use std::ops::Range;

use super::events::{Mark, MarkKind, read};

/// A key, as it is written.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) span: Range<usize>,
    pub(super) name: String,
    /// The names of the tables that lead to it. Lists do not count: `[[case]]` is `case`.
    pub(super) parent: Vec<String>,
    /// The table that it is written in, counted from the top.
    pub(super) table: usize,
    /// Where it is part of a table's line: whether that begins a list's item.
    pub(super) header: Option<bool>,
    /// Whether an `=`, or another key, follows.
    pub(super) is_followed: bool,
}

/// A value that is no list or table.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) span: Range<usize>,
    pub(super) path: Vec<String>,
}

/// What belongs at a place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place<'o> {
    /// A key of a table.
    Key {
        /// The names of the tables that lead to it.
        table: Vec<String>,
        /// The key as far as it is written.
        word: Range<usize>,
        name: &'o str,
        /// The other keys of the same table.
        present: Vec<&'o str>,
        /// Whether a value, or the next part of it, is there already.
        is_followed: bool,
    },
    /// A part of a table's name between brackets.
    Header {
        table: Vec<String>,
        word: Range<usize>,
        name: &'o str,
        /// Whether the brackets are double.
        is_list: bool,
    },
    /// A value, or a list's item.
    Value {
        /// The names that lead to it, the key's last.
        path: Vec<String>,
        /// The value as far as it is written, with its quotes.
        span: Range<usize>,
    },
}

/// A TOML file looked at as text. What does not parse is passed over.
#[derive(Debug)]
pub(super) struct TomlOutline {
    pub(super) keys: Vec<Key>,
    pub(super) values: Vec<Scalar>,
    pub(super) comments: Vec<Range<usize>>,
    /// What comes next after each thing that is written, by where it ends.
    pub(super) marks: Vec<Mark>,
}

impl TomlOutline {
    pub(super) fn of(text: &str) -> Self {
        read(text)
    }

    /// What belongs at a byte; `None` in comments, and where nothing can be added.
    pub(super) fn place_at(&self, offset: usize) -> Option<Place<'_>> {
        let touches = |span: &Range<usize>| span.start <= offset && offset <= span.end;
        let in_comment = |span: &Range<usize>| span.start < offset && offset <= span.end;
        if self.comments.iter().any(in_comment) {
            return None;
        }
        if let Some(key) = self.keys.iter().find(|key| touches(&key.span)) {
            return Some(self.key(key));
        }
        let written = |value: &&Scalar| !value.span.is_empty() && touches(&value.span);
        if let Some(value) = self.values.iter().find(written) {
            return Some(Place::Value {
                path: value.path.clone(),
                span: value.span.clone(),
            });
        }
        let passed = self.marks.partition_point(|mark| mark.end <= offset);
        let mark = self.marks.get(passed.checked_sub(1)?)?;
        match &mark.kind {
            MarkKind::Key { table, path } => Some(Place::Key {
                present: self.names_in(*table, path, usize::MAX),
                table: path.clone(),
                word: offset..offset,
                name: "",
                is_followed: false,
            }),
            MarkKind::Header { is_list, path } => Some(Place::Header {
                table: path.clone(),
                word: offset..offset,
                name: "",
                is_list: *is_list,
            }),
            MarkKind::Value { path } => Some(Place::Value {
                path: path.clone(),
                span: offset..offset,
            }),
            MarkKind::Nothing => None,
        }
    }

    fn key<'o>(&'o self, key: &'o Key) -> Place<'o> {
        match key.header {
            Some(is_list) => Place::Header {
                table: key.parent.clone(),
                word: key.span.clone(),
                name: &key.name,
                is_list,
            },
            None => Place::Key {
                present: self.names_in(key.table, &key.parent, key.span.start),
                table: key.parent.clone(),
                word: key.span.clone(),
                name: &key.name,
                is_followed: key.is_followed,
            },
        }
    }

    /// The names of a table's keys, but for the one at a byte.
    fn names_in(&self, table: usize, path: &[String], but: usize) -> Vec<&str> {
        let inside = |key: &&Key| {
            key.header.is_none() && key.table == table && key.parent == path && key.span.start != but
        };
        self.keys
            .iter()
            .filter(inside)
            .map(|key| key.name.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What belongs at the `|` of a file: its kind, the path, what is written there, the other keys.
    fn place(marked: &str) -> String {
        let offset = marked.find('|').unwrap();
        let text = marked.replacen('|', "", 1);
        match TomlOutline::of(&text).place_at(offset) {
            None => "nothing".to_owned(),
            Some(Place::Key {
                table,
                word,
                present,
                is_followed,
                ..
            }) => {
                let followed = if is_followed { " =" } else { "" };
                format!(
                    "key {} <{}>{followed} beside {}",
                    table.join("."),
                    &text[word],
                    present.join(",")
                )
            }
            Some(Place::Header {
                table, word, is_list, ..
            }) => {
                format!(
                    "{} {} <{}>",
                    if is_list { "list" } else { "table" },
                    table.join("."),
                    &text[word]
                )
            }
            Some(Place::Value { path, span }) => format!("value {} <{}>", path.join("."), &text[span]),
        }
    }

    #[test]
    fn every_place_of_a_file_is_known_also_of_one_that_is_half_written() {
        for (marked, expected) in [
            ("|", "key  <> beside "),
            ("code = \"a\"\n|", "key  <> beside code"),
            ("code = \"a\"\nfr|", "key  <fr> beside code"),
            ("co|de = \"a\"", "key  <code> = beside "),
            ("title.e|n = 1", "key title <en> = beside "),
            ("title.|", "key title <> beside "),
            ("code = \"a\" |", "nothing"),
            ("# code|", "nothing"),
            ("code = \"a\" # |x", "nothing"),
            ("frequency = |", "value frequency <>"),
            ("frequency =|\ncode = 1", "value frequency <>"),
            ("frequency = \"da|\ncode = 1", "value frequency <\"da>"),
            ("frequency = \"da|ily\"", "value frequency <\"daily\">"),
            ("[reward]\npo|", "key reward <po> beside "),
            ("code = 1\n[reward]\npoints = 1\n|", "key reward <> beside points"),
            ("[rew|", "table  <rew>"),
            ("[|", "table  <>"),
            ("[[|\ncode = 1", "list  <>"),
            ("[[ru|]]", "list  <ru>"),
            ("[case.us|]", "table case <us>"),
            ("[[case]]\nname = 1\n[[case]]\n|", "key case <> beside "),
            ("[[case]]\nexpect = { st|", "key case.expect <st> beside "),
            (
                "[[case]]\nexpect = { status = \"|\" }",
                "value case.expect.status <\"\">",
            ),
            (
                "[[case]]\nevents = [\n  { at = 1, ty| },\n]",
                "key case.events <ty> beside at",
            ),
            (
                "[[case]]\nevents = [\n  { at = 1 },\n  { | },\n]",
                "key case.events <> beside ",
            ),
            ("reward = { points = 1, |", "key reward <> beside points"),
            ("reward = { points = 1 }\n|", "key  <> beside reward"),
            ("requires = [\"a\", \"b|\"]", "value requires <\"b\">"),
            ("requires = [|]", "value requires <>"),
            ("requires = [\"a\",|", "value requires <>"),
            (
                "requires = [{ any_of = [\"a|\"] }]",
                "value requires.any_of <\"a\">",
            ),
            ("requires = [\n  \"a\",\n  |\n]\ncode = 1", "value requires <>"),
            ("a = \"\"\"\n|\n\"\"\"\n", "value a <\"\"\"\n\n\"\"\">"),
            ("title = { en = \"é\", v|i = \"\" }", "key title <vi> = beside en"),
        ] {
            assert_eq!(place(marked), expected, "{marked}");
        }
    }
}
