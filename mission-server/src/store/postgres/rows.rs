//! A batch of rows as one array a column, which `unnest` turns back into rows: a few bound values for any number of
//! them.

use chrono::{DateTime, NaiveDate, Utc};
use mission_core::ports::store::StoreError;
use serde::Serialize;
use uuid::Uuid;

use super::sql_builder::SqlBuilder;
use crate::store::record::{days, to_json};

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

#[derive(Debug)]
enum Column {
    Ids(Vec<Option<Uuid>>),
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Flags(Vec<Option<bool>>),
}

impl Column {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Id => Column::Ids(Vec::new()),
            Kind::Number => Column::Numbers(Vec::new()),
            Kind::Text => Column::Texts(Vec::new()),
            Kind::Bytes => Column::Bytes(Vec::new()),
            Kind::Flag => Column::Flags(Vec::new()),
        }
    }

    fn sql(&self) -> &'static str {
        match self {
            Column::Ids(_) => "uuid[]",
            Column::Numbers(_) => "bigint[]",
            Column::Texts(_) => "text[]",
            Column::Bytes(_) => "bytea[]",
            Column::Flags(_) => "boolean[]",
        }
    }

    fn len(&self) -> usize {
        match self {
            Column::Ids(values) => values.len(),
            Column::Numbers(values) => values.len(),
            Column::Texts(values) => values.len(),
            Column::Bytes(values) => values.len(),
            Column::Flags(values) => values.len(),
        }
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
    columns: Vec<Column>,
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
            columns: kinds.iter().copied().map(Column::of).collect(),
            next: 0,
            count: 0,
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
            (Some(Column::Ids(column)), Value::Id(id)) => column.push(Some(id)),
            (Some(Column::Numbers(column)), Value::Number(number)) => column.push(Some(number)),
            (Some(Column::Texts(column)), Value::Text(text)) => column.push(Some(text)),
            (Some(Column::Bytes(column)), Value::Bytes(bytes)) => column.push(Some(bytes)),
            (Some(Column::Flags(column)), Value::Flag(flag)) => column.push(Some(flag)),
            (Some(Column::Ids(column)), Value::Null) => column.push(None),
            (Some(Column::Numbers(column)), Value::Null) => column.push(None),
            (Some(Column::Texts(column)), Value::Null) => column.push(None),
            (Some(Column::Bytes(column)), Value::Null) => column.push(None),
            (Some(Column::Flags(column)), Value::Null) => column.push(None),
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

    /// Adds `unnest(…)` of the rows to a script.
    fn unnest(self, script: &mut SqlBuilder) -> Result<(), StoreError> {
        if self.misfit || self.columns.iter().any(|column| column.len() != self.count) {
            let why = "rows do not fit the columns of their statement";
            return Err(StoreError::Refused(why.to_owned()));
        }
        for (place, column) in self.columns.into_iter().enumerate() {
            script.text(if place == 0 { "unnest(" } else { ", " });
            let sql = column.sql();
            match column {
                Column::Ids(values) => script.value(values)?,
                Column::Numbers(values) => script.value(values)?,
                Column::Texts(values) => script.value(values)?,
                Column::Bytes(values) => script.value(values)?,
                Column::Flags(values) => script.value(values)?,
            }
            .text("::")
            .text(sql);
        }
        script.text(")");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_one_array_a_column() {
        let mut rows = Rows::of(&[Kind::Id, Kind::Text]);
        rows.row().id(Uuid::nil()).text("a");
        rows.row().id(Uuid::nil()).optional_text(None);
        let mut script = SqlBuilder::default();
        script.then("SELECT ?, ").bind(1_i64).unwrap().rows(rows).unwrap();
        assert_eq!(script.sql(), "SELECT $1, unnest($2::uuid[], $3::text[])");
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
