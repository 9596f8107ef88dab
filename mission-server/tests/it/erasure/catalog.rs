//! What a database says of itself: its tables, their columns, and all that stands in them.

use std::collections::BTreeMap;

use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection};
use uuid::Uuid;

/// A column, as the database's own catalog names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Column {
    pub(super) name: String,
    is_bytes: bool,
}

/// The database of a server, read beside it.
pub(super) enum Catalog {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Catalog {
    pub(super) async fn open(url: &str) -> Catalog {
        if url.starts_with("sqlite:") {
            Catalog::Sqlite(SqliteConnection::connect(url).await.unwrap())
        } else {
            Catalog::Postgres(PgConnection::connect(url).await.unwrap())
        }
    }

    /// `sqlite` or `postgres`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Catalog::Sqlite(_) => "sqlite",
            Catalog::Postgres(_) => "postgres",
        }
    }

    async fn rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        match self {
            Catalog::Sqlite(connection) => {
                let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
                rows.iter()
                    .map(|row| (0..row.len()).map(|place| row.get(place)).collect())
                    .collect()
            }
            Catalog::Postgres(connection) => {
                let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
                rows.iter()
                    .map(|row| (0..row.len()).map(|place| row.get(place)).collect())
                    .collect()
            }
        }
    }

    /// Changes the schema.
    pub(super) async fn run(&mut self, sql: &str) {
        self.rows(sql).await;
    }

    /// All tables with their columns; views show nothing of their own.
    pub(super) async fn tables(&mut self) -> BTreeMap<String, Vec<Column>> {
        let sql = match self {
            Catalog::Sqlite(_) => {
                "SELECT t.name, c.name, 'any' FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c WHERE t.type = 'table'"
            }
            Catalog::Postgres(_) => {
                "SELECT table_name::text, column_name::text, data_type::text
                    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
                    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
            }
        };
        let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
        for row in self.rows(sql).await {
            let [table, name, kind] = row.try_into().unwrap();
            let column = Column {
                name: name.unwrap(),
                is_bytes: kind.unwrap() == "bytea",
            };
            tables.entry(table.unwrap()).or_default().push(column);
        }
        tables
    }

    /// The commands in a user's own journal.
    pub(super) async fn commands_of(&mut self, user: Uuid) -> Vec<String> {
        let id = match self {
            Catalog::Sqlite(_) => format!("x'{}'", user.simple()),
            Catalog::Postgres(_) => format!("'{user}'"),
        };
        let rows = self
            .rows(&format!(
                "SELECT name FROM journal WHERE root_id = {id} ORDER BY number"
            ))
            .await;
        rows.into_iter().flatten().flatten().collect()
    }

    /// Whatever stands in a table, by column, in lower case; bytes as hexadecimal digits.
    pub(super) async fn cells(&mut self, table: &str, columns: &[Column]) -> Vec<(String, String)> {
        let texts: Vec<String> = columns
            .iter()
            .map(|Column { name, is_bytes }| match self {
                Catalog::Sqlite(_) => {
                    format!("CASE typeof(\"{name}\") WHEN 'blob' THEN hex(\"{name}\") ELSE CAST(\"{name}\" AS TEXT) END")
                }
                Catalog::Postgres(_) if *is_bytes => format!("encode(\"{name}\", 'hex')"),
                Catalog::Postgres(_) => format!("\"{name}\"::text"),
            })
            .collect();
        let rows = self
            .rows(&format!("SELECT {} FROM \"{table}\"", texts.join(", ")))
            .await;
        let cells = rows.into_iter().flat_map(|row| columns.iter().zip(row));
        cells
            .filter_map(|(column, cell)| Some((column.name.clone(), cell?.to_lowercase())))
            .collect()
    }
}
