//! A batch of rows as one JSON text, which `json_each` turns back into rows: one bound value for any number of them.
//!
//! Records are long, and SQLite walks the whole text of a row for each of its values. So they stand beside the rows, in
//! bytes of their own, and a row says where.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use mission_core::ports::store::StoreError;
use serde::Serialize;
use uuid::Uuid;

use crate::store::{keys::Keys, record::days, sql_builder::SqlBuilder};

/// Rows of one table, bound as one JSON text.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    text: String,
    /// The records, one behind the other.
    records: Vec<u8>,
    /// Whether the next value is the first of its row.
    fresh: bool,
    count: usize,
}

impl Rows {
    /// Starts another row.
    pub(crate) fn row(&mut self) -> &mut Self {
        self.text.push_str(if self.count == 0 { "[[" } else { "],[" });
        self.count += 1;
        self.fresh = true;
        self
    }

    fn value(&mut self) -> &mut String {
        if !std::mem::take(&mut self.fresh) {
            self.text.push(',');
        }
        &mut self.text
    }

    /// Bytes in hexadecimal; `unhex` makes a blob of them.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let hex = data_encoding::HEXLOWER.encode(bytes);
        let text = self.value();
        text.push('"');
        text.push_str(&hex);
        text.push('"');
        self
    }

    pub(crate) fn id(&mut self, id: Uuid) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.value(), "\"{}\"", id.simple());
        self
    }

    pub(crate) fn optional_id(&mut self, id: Option<Uuid>) -> &mut Self {
        match id {
            Some(id) => self.id(id),
            None => self.null(),
        }
    }

    pub(crate) fn number(&mut self, number: impl Into<i128>) -> &mut Self {
        let _ = write!(self.value(), "{}", number.into());
        self
    }

    pub(crate) fn instant(&mut self, at: DateTime<Utc>) -> &mut Self {
        self.number(at.timestamp_micros())
    }

    pub(crate) fn optional_instant(&mut self, at: Option<DateTime<Utc>>) -> &mut Self {
        match at {
            Some(at) => self.instant(at),
            None => self.null(),
        }
    }

    pub(crate) fn date(&mut self, date: NaiveDate) -> &mut Self {
        self.number(days(date))
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        self.value().push_str("null");
        self
    }

    /// A text without NUL characters, at which SQLite would cut it off.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        // A string always has a JSON form.
        let quoted = serde_json::to_string(text).unwrap_or_default();
        self.value().push_str(&quoted);
        self
    }

    /// A record as a JSON text among the records: two values, where it begins (from 1) and its length.
    pub(crate) fn record(&mut self, record: &impl Serialize) -> Result<&mut Self, StoreError> {
        let begin = self.records.len();
        serde_json::to_writer(&mut self.records, record)
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        let length = self.records.len() - begin;
        let _ = write!(self.value(), "{},{length}", begin + 1);
        Ok(self)
    }

    /// No record: its two values.
    pub(crate) fn no_record(&mut self) -> &mut Self {
        self.null().null()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The records to bind, and the text.
    pub(crate) fn into_parts(mut self) -> (Vec<u8>, String) {
        (std::mem::take(&mut self.records), self.into_text())
    }

    /// The text to bind, of rows without records.
    pub(crate) fn into_text(mut self) -> String {
        self.text.push_str(if self.count == 0 { "[]" } else { "]]" });
        self.text
    }
}

/// Adds the parts whose keys are asked for to a script, as one `UNION ALL`.
pub(super) fn add_union<const N: usize>(script: &mut SqlBuilder, parts: [&'static str; N], keys: &[Keys; N]) {
    let asked = parts.into_iter().zip(keys).filter(|(_, keys)| !keys.is_empty());
    for (place, (part, keys)) in asked.enumerate() {
        if place > 0 {
            script.then(" UNION ALL ");
        }
        script.then(part).bind(key_text(keys));
    }
}

/// Keys as the text that `json_each` turns back into rows.
pub(super) fn key_text(keys: &Keys) -> String {
    let mut rows = Rows::default();
    match keys {
        Keys::Ids(ids) => {
            for id in ids {
                rows.row().id(*id);
            }
        }
        Keys::IdPairs(pairs) => {
            for (one, other) in pairs {
                rows.row().id(*one).id(*other);
            }
        }
        Keys::Numbered(dates) => {
            for (user, date) in dates {
                rows.row().id(*user).number(*date);
            }
        }
        Keys::Texts(texts) => {
            for text in texts {
                rows.row().text(text);
            }
        }
        Keys::Claims(claims) => {
            for (kind, key) in claims {
                rows.row().text(kind).bytes(key);
            }
        }
        Keys::Sources(sources) => {
            for (kind, id) in sources {
                rows.row().text(kind).id(*id);
            }
        }
    }
    rows.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_arrays_in_an_array() {
        let mut rows = Rows::default();
        assert_eq!(Rows::default().into_text(), "[]");
        rows.row().number(1).text("a\"b");
        rows.row().null().bytes(&[0, 255]);
        assert_eq!(rows.into_text(), r#"[[1,"a\"b"],[null,"00ff"]]"#);
    }

    #[test]
    fn records_stand_beside_the_rows() {
        let mut rows = Rows::default();
        rows.row().number(1).record(&"é").unwrap();
        rows.row().no_record().record(&[1, 2]).unwrap();
        let (records, text) = rows.into_parts();
        assert_eq!(text, "[[1,1,4],[null,null,5,5]]");
        assert_eq!(records, "\"é\"[1,2]".as_bytes());
    }
}
