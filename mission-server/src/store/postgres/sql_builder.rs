//! One statement with its bound values, put together from fixed parts.

use mission_core::ports::store::StoreError;
use sqlx::postgres::PgArguments;

/// SQL text with its bound values. It is put together from string literals alone; every value is bound.
#[derive(Debug, Default)]
pub(crate) struct SqlBuilder {
    sql: String,
    arguments: PgArguments,
    /// Placeholders so far: `?` counts on from part to part.
    placeholders: usize,
}

impl SqlBuilder {
    /// A statement that begins so.
    pub(crate) fn new(sql: &'static str) -> Self {
        let mut script = SqlBuilder::default();
        script.then(sql);
        script
    }

    /// Adds a part; each `?` in it stands for the next value that is bound.
    pub(crate) fn then(&mut self, sql: &'static str) -> &mut Self {
        let mut parts = sql.split('?');
        self.sql.push_str(parts.next().unwrap_or_default());
        for part in parts {
            self.placeholder();
            self.sql.push_str(part);
        }
        self
    }

    /// Adds a value for the next `?`.
    pub(crate) fn bind<'q, T>(&mut self, value: T) -> Result<&mut Self, StoreError>
    where
        T: sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + 'q,
    {
        use sqlx::Arguments as _;
        self.arguments
            .add(value)
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        Ok(self)
    }

    pub(super) fn text(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a placeholder with its value.
    pub(super) fn value<'q, T>(&mut self, value: T) -> Result<&mut Self, StoreError>
    where
        T: sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + 'q,
    {
        self.placeholder();
        self.bind(value)
    }

    fn placeholder(&mut self) {
        use std::fmt::Write as _;
        self.placeholders += 1;
        // Writing to a string cannot fail.
        let _ = write!(self.sql, "${}", self.placeholders);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    #[cfg(test)]
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn into_parts(self) -> (String, PgArguments) {
        (self.sql, self.arguments)
    }
}
