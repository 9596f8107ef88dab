//! The columns of a row, the same for every database. What cannot be read is damage, not absence.

use mission_core::ports::store::StoreError;
use sqlx::{ColumnIndex, Decode, Row, Type};
use uuid::Uuid;

use super::record::unavailable;

/// One row of an answer.
pub(crate) trait SqlRow: Sized {
    fn id(&self, column: usize) -> Result<Uuid, StoreError>;
    fn optional_id(&self, column: usize) -> Result<Option<Uuid>, StoreError>;
    fn number(&self, column: usize) -> Result<i64, StoreError>;
    fn optional_number(&self, column: usize) -> Result<Option<i64>, StoreError>;
    fn text(&self, column: usize) -> Result<&str, StoreError>;
    fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError>;

    /// A number that is never below zero.
    fn count(&self, column: usize) -> Result<u64, StoreError> {
        u64::try_from(self.number(column)?).map_err(unavailable)
    }
}

impl<R> SqlRow for R
where
    R: Row,
    usize: ColumnIndex<R>,
    Uuid: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    i64: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    str: Type<R::Database>,
    for<'r> &'r str: Decode<'r, R::Database>,
{
    fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn optional_id(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn number(&self, column: usize) -> Result<i64, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn optional_number(&self, column: usize) -> Result<Option<i64>, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.try_get(column).map_err(unavailable)
    }

    fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        self.try_get(column).map_err(unavailable)
    }
}
