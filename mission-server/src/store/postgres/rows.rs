//! A batch of rows as one array a column, which `unnest` turns back into rows: a few bound values for any number of
//! them.

use chrono::{DateTime, NaiveDate, Utc};
use mission_core::ports::store::StoreError;
use serde::Serialize;
use uuid::Uuid;

use crate::store::{
    keys::Keys,
    record::{days, to_json},
    sql_builder::{SqlBuilder, SqlValue},
};

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `uuid`.
    Id,
    /// `bigint`.
    Number,
    /// `text`.
    Text,
    /// `bytea`.
    Bytes,
    /// `boolean`.
    Flag,
}

/// A column without values.
fn column(kind: Kind) -> SqlValue {
    match kind {
        Kind::Id => SqlValue::Ids(Vec::new()),
        Kind::Number => SqlValue::Numbers(Vec::new()),
        Kind::Text => SqlValue::Texts(Vec::new()),
        Kind::Bytes => SqlValue::ByteStrings(Vec::new()),
        Kind::Flag => SqlValue::Flags(Vec::new()),
    }
}

/// The placeholder of a column with its type, and how many values it has.
fn placeholder(column: &SqlValue) -> (&'static str, usize) {
    match column {
        SqlValue::Ids(values) => ("?::uuid[]", values.len()),
        SqlValue::Numbers(values) => ("?::bigint[]", values.len()),
        SqlValue::Texts(values) => ("?::text[]", values.len()),
        SqlValue::ByteStrings(values) => ("?::bytea[]", values.len()),
        SqlValue::Flags(values) => ("?::boolean[]", values.len()),
        // No column is made of these.
        SqlValue::Id(_) | SqlValue::Number(_) | SqlValue::Text(_) | SqlValue::Bytes(_) => ("?", 1),
    }
}

enum Value {
    Id(Uuid),
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    Flag(bool),
    Null,
}

/// Rows of one table, bound as one array a column.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<SqlValue>,
    /// The column that the next value goes to.
    next: usize,
    count: usize,
    /// A value came that is not of its column's type: the statement would not mean what its author meant.
    misfit: bool,
}

impl Rows {
    /// No rows yet, of columns of these types.
    pub(crate) fn of(kinds: &[Kind]) -> Self {
        Rows {
            columns: kinds.iter().copied().map(column).collect(),
            next: 0,
            count: 0,
            misfit: false,
        }
    }

    /// A row for each key.
    pub(super) fn of_keys(keys: Keys) -> Self {
        fn two<A, B>(pairs: Vec<(A, B)>) -> (Vec<Option<A>>, Vec<Option<B>>) {
            pairs.into_iter().map(|(a, b)| (Some(a), Some(b))).unzip()
        }
        let columns = match keys {
            Keys::Ids(ids) => vec![SqlValue::from(ids)],
            Keys::IdPairs(pairs) => {
                let (users, ids) = two(pairs);
                vec![SqlValue::Ids(users), SqlValue::Ids(ids)]
            }
            Keys::Numbered(dates) => {
                let (users, dates) = two(dates);
                vec![SqlValue::Ids(users), SqlValue::Numbers(dates)]
            }
            Keys::Texts(texts) => vec![SqlValue::Texts(texts.into_iter().map(Some).collect())],
            Keys::Claims(claims) => {
                let (kinds, keys) = two(claims);
                let kinds = kinds.into_iter().map(|kind| kind.map(str::to_owned)).collect();
                vec![SqlValue::Texts(kinds), SqlValue::ByteStrings(keys)]
            }
            Keys::Sources(sources) => {
                let (kinds, ids) = two(sources);
                vec![SqlValue::Texts(kinds), SqlValue::Ids(ids)]
            }
        };
        Rows {
            count: columns.first().map_or(0, |column| placeholder(column).1),
            columns,
            next: 0,
            misfit: false,
        }
    }

    /// Starts another row.
    pub(crate) fn row(&mut self) -> &mut Self {
        self.count += 1;
        self.next = 0;
        self
    }

    fn put(&mut self, value: Value) -> &mut Self {
        match (self.columns.get_mut(self.next), value) {
            (Some(SqlValue::Ids(column)), Value::Id(id)) => column.push(Some(id)),
            (Some(SqlValue::Numbers(column)), Value::Number(number)) => column.push(Some(number)),
            (Some(SqlValue::Texts(column)), Value::Text(text)) => column.push(Some(text)),
            (Some(SqlValue::ByteStrings(column)), Value::Bytes(bytes)) => column.push(Some(bytes)),
            (Some(SqlValue::Flags(column)), Value::Flag(flag)) => column.push(Some(flag)),
            (Some(SqlValue::Ids(column)), Value::Null) => column.push(None),
            (Some(SqlValue::Numbers(column)), Value::Null) => column.push(None),
            (Some(SqlValue::Texts(column)), Value::Null) => column.push(None),
            (Some(SqlValue::ByteStrings(column)), Value::Null) => column.push(None),
            (Some(SqlValue::Flags(column)), Value::Null) => column.push(None),
            _ => self.misfit = true,
        }
        self.next += 1;
        self
    }

    pub(crate) fn id(&mut self, id: Uuid) -> &mut Self {
        self.put(Value::Id(id))
    }

    pub(crate) fn optional_id(&mut self, id: Option<Uuid>) -> &mut Self {
        self.put(id.map_or(Value::Null, Value::Id))
    }

    pub(crate) fn number(&mut self, number: i64) -> &mut Self {
        self.put(Value::Number(number))
    }

    pub(crate) fn optional_number(&mut self, number: Option<i64>) -> &mut Self {
        self.put(number.map_or(Value::Null, Value::Number))
    }

    pub(crate) fn instant(&mut self, at: DateTime<Utc>) -> &mut Self {
        self.number(at.timestamp_micros())
    }

    pub(crate) fn optional_instant(&mut self, at: Option<DateTime<Utc>>) -> &mut Self {
        self.optional_number(at.map(|at| at.timestamp_micros()))
    }

    pub(crate) fn date(&mut self, date: NaiveDate) -> &mut Self {
        self.number(days(date))
    }

    /// A text without NUL characters, which PostgreSQL refuses.
    pub(crate) fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.put(Value::Text(text.into()))
    }

    pub(crate) fn optional_text(&mut self, text: Option<String>) -> &mut Self {
        self.put(text.map_or(Value::Null, Value::Text))
    }

    pub(crate) fn bytes(&mut self, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.put(Value::Bytes(bytes.into()))
    }

    pub(crate) fn optional_flag(&mut self, flag: Option<bool>) -> &mut Self {
        self.put(flag.map_or(Value::Null, Value::Flag))
    }

    /// A record as a JSON text; a NUL in one of its strings stays escaped.
    pub(crate) fn record(&mut self, record: &impl Serialize) -> Result<&mut Self, StoreError> {
        let text = to_json(record)?;
        Ok(self.text(text))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Adds `unnest(…)` of the rows to a statement.
    fn unnest(self, statement: &mut SqlBuilder) -> Result<(), StoreError> {
        let fits = |column: &SqlValue| placeholder(column).1 == self.count;
        if self.misfit || !self.columns.iter().all(fits) {
            let why = "rows do not fit the columns of their statement";
            return Err(StoreError::Refused(why.to_owned()));
        }
        for (place, column) in self.columns.into_iter().enumerate() {
            statement.then(if place == 0 { "unnest(" } else { ", " });
            statement.then(placeholder(&column).0).bind(column);
        }
        statement.then(")");
        Ok(())
    }
}

impl SqlBuilder {
    /// Adds rows as a source of a `FROM`.
    pub(crate) fn rows(&mut self, rows: Rows) -> Result<&mut Self, StoreError> {
        rows.unnest(self)?;
        Ok(self)
    }
}

/// The parts whose keys are asked for, as one `UNION ALL`: each is SQL before and after its keys. Empty where nothing is
/// asked for.
pub(super) fn union_of<const N: usize>(
    parts: [(&'static str, &'static str); N],
    keys: [Keys; N],
) -> Result<SqlBuilder, StoreError> {
    let mut statement = SqlBuilder::default();
    for ((before, after), keys) in parts.into_iter().zip(keys) {
        if !keys.is_empty() {
            if !statement.is_empty() {
                statement.then(" UNION ALL ");
            }
            statement.then(before).rows(Rows::of_keys(keys))?.then(after);
        }
    }
    Ok(statement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_one_array_a_column() {
        let mut rows = Rows::of(&[Kind::Id, Kind::Text]);
        rows.row().id(Uuid::nil()).text("a");
        rows.row().id(Uuid::nil()).optional_text(None);
        let mut statement = SqlBuilder::default();
        statement.then("SELECT ?, ").bind(1_i64).rows(rows).unwrap();
        let (sql, values) = statement.into_parts();
        assert_eq!(sql, "SELECT ?, unnest(?::uuid[], ?::text[])");
        assert_eq!(values.len(), 3);
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let mut short = Rows::of(&[Kind::Id, Kind::Text]);
        short.row().id(Uuid::nil());
        assert!(SqlBuilder::default().rows(short).is_err());
        let mut other = Rows::of(&[Kind::Id]);
        other.row().text("a");
        assert!(SqlBuilder::default().rows(other).is_err());
    }
}
