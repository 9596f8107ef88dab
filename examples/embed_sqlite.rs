//! The engine on the server's SQLite store, without the server: what was answered is still there after a restart.
//!
//! ```text
//! cargo run --example embed_sqlite
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use chrono::Utc;
use mission_core::{
    UserId,
    engine::{CatalogBuilder, CheckIn, Engine, EngineBuilder, ExecuteError, Rejection, Settings, Signals},
    ports::{bus::Outbox, queries::Queries, rules::NoScripts},
};
use mission_server::store::sqlite::{SqliteOptions, SqliteStore};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite://{}", folder.path().join("mission.db").display());
    let user = UserId(Uuid::now_v7());

    let (engine, store) = open(&url).await?;
    let visit = engine
        .execute(CheckIn { user }, Signals::default(), None)
        .await?
        .reply;
    println!(
        "checked in: streak {}, {} points",
        visit.streak.current,
        visit.day.earned.total()
    );
    drop((engine, store));

    let (engine, store) = open(&url).await?;
    let again = engine.execute(CheckIn { user }, Signals::default(), None).await;
    assert_eq!(again, Err(ExecuteError::Rejected(Rejection::AlreadyCheckedIn)));
    println!("after a restart: refused, {}", Rejection::AlreadyCheckedIn);

    // Lists and sums are read beside the engine; events wait in the outbox for whoever sends them.
    let points = store.user(user).await?.map(|user| user.points);
    assert_eq!(points, Some(visit.day.earned.total()));
    let waiting = store.waiting(10, Utc::now()).await?;
    assert_eq!(waiting.len(), 2);
    println!("{} events wait to be sent", waiting.len());
    Ok(())
}

/// Opens the file, brings its schema up to date, and starts the writer on it.
async fn open(url: &str) -> Result<(Engine, SqliteStore), Box<dyn Error>> {
    let store = SqliteStore::open(url, SqliteOptions::default()).await?;
    let catalog = CatalogBuilder::new(&NoScripts, Settings::default())
        .records(store.catalog_records().await?)
        .build();
    let (engine, writer) = EngineBuilder::system(store.clone()).catalog(catalog).build();
    tokio::spawn(writer.run());
    Ok((engine, store))
}
