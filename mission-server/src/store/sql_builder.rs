//! SQL with its bound values, the same for every database.

use uuid::Uuid;

/// A value that SQL binds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SqlValue {
    Id(Option<Uuid>),
    Number(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    /// An array each; a JSON text where the database has no arrays.
    Ids(Vec<Option<Uuid>>),
    Numbers(Vec<Option<i64>>),
    #[cfg(feature = "postgres")]
    Texts(Vec<Option<String>>),
    #[cfg(feature = "postgres")]
    ByteStrings(Vec<Option<Vec<u8>>>),
    #[cfg(feature = "postgres")]
    Flags(Vec<Option<bool>>),
}

macro_rules! from {
    ($($type:ty => $variant:ident($value:ident) $into:expr),+ $(,)?) => {
        $(impl From<$type> for SqlValue {
            fn from($value: $type) -> Self {
                SqlValue::$variant($into)
            }
        })+
    };
}

from! {
    Uuid => Id(id) Some(id),
    Option<Uuid> => Id(id) id,
    i64 => Number(number) Some(number),
    Option<i64> => Number(number) number,
    String => Text(text) Some(text),
    &str => Text(text) Some(text.to_owned()),
    Option<String> => Text(text) text,
    Vec<u8> => Bytes(bytes) Some(bytes),
    Vec<Uuid> => Ids(ids) ids.into_iter().map(Some).collect(),
    Vec<i64> => Numbers(numbers) numbers.into_iter().map(Some).collect(),
}

/// SQL text with its bound values. It is put together from string literals alone; every value is bound.
#[derive(Clone, Debug, Default)]
pub(crate) struct SqlBuilder {
    sql: String,
    values: Vec<SqlValue>,
}

impl SqlBuilder {
    /// SQL that begins so.
    pub(crate) fn new(sql: &'static str) -> Self {
        SqlBuilder {
            sql: sql.to_owned(),
            values: Vec::new(),
        }
    }

    /// Adds a part; each `?` in it stands for the next value that is bound.
    pub(crate) fn then(&mut self, sql: &'static str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a value for the next `?`.
    pub(crate) fn bind(&mut self, value: impl Into<SqlValue>) -> &mut Self {
        self.values.push(value.into());
        self
    }

    /// Adds ` LIMIT` with its number, which a database that plans before it knows the values has to know.
    pub(crate) fn limit(&mut self, rows: usize) -> &mut Self {
        use std::fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = write!(self.sql, " LIMIT {}", i64::try_from(rows).unwrap_or(i64::MAX));
        self
    }

    /// Adds a value for the next `?` to SQL that is whole.
    pub(crate) fn with(mut self, value: impl Into<SqlValue>) -> Self {
        self.bind(value);
        self
    }

    /// Adds a name that was computed.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        self.sql.push_str(name);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    pub(super) fn into_parts(self) -> (String, Vec<SqlValue>) {
        (self.sql, self.values)
    }
}
