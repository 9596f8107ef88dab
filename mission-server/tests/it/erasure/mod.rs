//! Erasure and export, held to every table of the database: what a user leaves in it, what an export gives of that, and
//! what is there once the user was erased.

mod catalog;
mod person;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Server;
use catalog::{Catalog, Column};
use person::WORDS;
use tables::{Exported, Holds, Table, tables};

/// What is done behind an answer is done within so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The columns of the database that are not listed, and those that are listed and not there.
async fn differences(catalog: &mut Catalog) -> [Vec<String>; 2] {
    let tables_found = catalog.tables().await;
    let found: BTreeSet<String> = tables_found
        .iter()
        .flat_map(|(table, columns)| {
            columns
                .iter()
                .map(move |column| format!("{table}.{}", column.name))
        })
        .collect();
    let listed = columns(&tables(catalog.name()))
        .map(|((table, column), _)| format!("{table}.{column}"))
        .collect();
    [found.difference(&listed), listed.difference(&found)].map(|differing| differing.cloned().collect())
}

#[tokio::test]
async fn every_table_and_column_is_listed_with_what_becomes_of_it() {
    let server = Server::start().await;
    let mut catalog = Catalog::open(server.database()).await;
    let [unknown, gone] = differences(&mut catalog).await;
    assert!(
        unknown.is_empty(),
        "{unknown:?} are new: say in tests/it/erasure/tables.rs what they hold of users, and see to it that an erasure takes \
         it away and an export gives it"
    );
    assert!(
        gone.is_empty(),
        "{gone:?} are listed in tests/it/erasure/tables.rs, and not there"
    );
    // Whoever forgets one is told.
    catalog.run("CREATE TABLE forgotten (user_id text)").await;
    catalog.run("ALTER TABLE tasks ADD COLUMN forgotten text").await;
    let [unknown, _] = differences(&mut catalog).await;
    assert_eq!(unknown, ["forgotten.user_id", "tasks.forgotten"]);
}

/// What leads to the person.
struct Needles {
    ids: Vec<String>,
    words: Vec<String>,
}

impl Needles {
    fn of(person: Uuid) -> Needles {
        // In columns of bytes both are hexadecimal digits.
        let spelled = |text: &str| [text.to_lowercase(), hex(text), hex(&text.to_uppercase())];
        let mut ids = vec![person.simple().to_string()];
        ids.extend(spelled(&person.to_string()));
        let device = person::device();
        let words = WORDS.into_iter().chain([device.as_str()]);
        Needles {
            ids,
            words: words.flat_map(spelled).collect(),
        }
    }

    fn has_id(&self, cell: &str) -> bool {
        self.ids.iter().any(|id| cell.contains(id))
    }

    fn has_word(&self, cell: &str) -> bool {
        self.words.iter().any(|word| cell.contains(word))
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The columns that name the person, and those that hold something personal, each with a cell.
#[derive(Default)]
struct Traces {
    ids: BTreeMap<(String, String), String>,
    words: BTreeMap<(String, String), String>,
}

impl Traces {
    async fn find(catalog: &mut Catalog, needles: &Needles) -> Traces {
        let mut traces = Traces::default();
        for (table, columns) in catalog.tables().await {
            let columns: &[Column] = &columns;
            for (column, cell) in catalog.cells(&table, columns).await {
                let place = (table.clone(), column);
                if needles.has_id(&cell) {
                    traces.ids.insert(place.clone(), cell.clone());
                }
                if needles.has_word(&cell) {
                    traces.words.insert(place, cell);
                }
            }
        }
        traces
    }

    /// Columns that should hold something of a user who is there, and don't.
    fn missing(&self, tables: &[Table]) -> Vec<String> {
        columns(tables)
            .filter(|(place, holds)| {
                *holds == Holds::Erased && !self.ids.contains_key(place) && !self.words.contains_key(place)
            })
            .map(|((table, column), _)| format!("{table}.{column}"))
            .collect()
    }

    /// What is there of an erased user beyond what is listed; the tables `still` have what has not left yet.
    fn left(&self, tables: &[Table], still: &[&str]) -> Vec<String> {
        let holds: BTreeMap<(String, String), Holds> = columns(tables).collect();
        let may_stay = |place: &(String, String)| matches!(holds.get(place), Some(Holds::Id(_)));
        let ids = self.ids.iter().filter(|(place, _)| !may_stay(place));
        let words = self
            .words
            .iter()
            .filter(|(place, _)| !still.contains(&place.0.as_str()));
        ids.chain(words)
            .map(|((table, column), cell)| format!("{table}.{column}: {cell}"))
            .collect()
    }
}

fn columns(tables: &[Table]) -> impl Iterator<Item = ((String, String), Holds)> {
    tables.iter().flat_map(|table| {
        let of_table = table.columns.iter();
        of_table.map(|(&column, holds)| ((table.name.to_owned(), column.to_owned()), *holds))
    })
}

/// Looks until nothing is found, which must come to be.
async fn until_none(what: &str, mut found: impl AsyncFnMut() -> Vec<String>) {
    let began = Instant::now();
    loop {
        let found = found().await;
        if found.is_empty() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: {found:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A receiver of webhooks that is away until it is said to be there.
async fn receiver(is_there: Arc<AtomicBool>) -> String {
    let answer = move || {
        let status = if is_there.load(Ordering::Relaxed) {
            StatusCode::NO_CONTENT
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        std::future::ready(status)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Has everything sent again that a webhook still has to be told.
async fn send_again(server: &Server) {
    let admin = server.admin();
    let webhooks = admin.get("/webhooks").await.ok(200);
    let path = format!(
        "/webhooks/{}/deliveries",
        webhooks["items"][0]["id"].as_str().unwrap()
    );
    let deliveries = admin.get(&format!("{path}?limit=200")).await.ok(200);
    let waiting = deliveries["items"].as_array().unwrap().iter();
    for delivery in waiting.filter(|delivery| delivery["status"] == "waiting") {
        let again = format!("{path}/{}/redeliver", delivery["id"].as_str().unwrap());
        admin.post(&again, Value::Null).await;
    }
}

/// What Redis has of the person; nothing where the server has none.
async fn cached(server: &Server, needles: &Needles) -> Vec<String> {
    use redis::AsyncTypedCommands as _;
    let Some(url) = server.redis() else {
        return Vec::new();
    };
    let client = redis::Client::open(url).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let mut found = Vec::new();
    for key in redis.keys("*").await.unwrap() {
        let value = redis.get(&key).await.unwrap().unwrap_or_default();
        let entry = format!("{key}: {value}").to_lowercase();
        if needles.has_id(&entry) || needles.has_word(&entry) {
            found.push(entry);
        }
    }
    found
}

#[tokio::test]
async fn an_export_has_everything_and_an_erasure_leaves_nothing() {
    let is_there = Arc::new(AtomicBool::new(false));
    let hook = receiver(Arc::clone(&is_there)).await;
    let server = Server::with(&[
        crate::rings::LOOKING,
        ("MISSION_TRUSTED_PROXIES", "127.0.0.1"),
        ("MISSION_WEBHOOKS_ALLOWED_ADDRESSES", "127.0.0.0/8"),
        ("MISSION_FRAUD_RATE_LIMIT_PER_USER", "6000/min"),
        ("MISSION_FRAUD_RATE_LIMIT_PER_ADDRESS", "6000/min"),
    ])
    .await;
    let person = server.user();
    let mut catalog = Catalog::open(server.database()).await;
    let (tables, needles) = (tables(catalog.name()), Needles::of(person.user));
    // Somebody follows, so that events are kept for the stream.
    let stream = server.http.get(format!("{}/api/v1/stream", server.url));
    let stream = stream.bearer_auth(&server.admin().token).send().await.unwrap();
    person::live(&server, &person, &hook).await;
    person.get("/tasks").await.ok(200);
    until_none("the person left nothing in these columns", async || {
        Traces::find(&mut catalog, &needles).await.missing(&tables)
    })
    .await;

    let export = person.get("/me/export").await.ok(200);
    for table in &tables {
        if let Exported::In(part) = table.exported {
            let has = export[part]
                .as_array()
                .map_or(export[part].is_object(), |part| !part.is_empty());
            assert!(has, "{} is to be in the export's `{part}`: {export}", table.name);
        }
    }
    let told = export.to_string().to_lowercase();
    for word in [
        "wordofname",
        "wordofmail",
        "wordoftag",
        "wordofevidence",
        "wordofshot",
        "wordofnote",
        "wordofevent",
        "wordofcode",
    ] {
        assert!(told.contains(word), "`{word}` is not in the export: {export}");
    }
    assert!(told.contains(&person::device()), "{export}");

    person.delete("/me").await.ok(200);
    until_none("an erased user is still in", async || {
        Traces::find(&mut catalog, &needles)
            .await
            .left(&tables, &["webhook_deliveries"])
    })
    .await;
    is_there.store(true, Ordering::Relaxed);
    until_none("an erased user is still in", async || {
        send_again(&server).await;
        let mut left = Traces::find(&mut catalog, &needles).await.left(&tables, &[]);
        left.extend(cached(&server, &needles).await);
        left
    })
    .await;
    drop(stream);
    assert_eq!(catalog.commands_of(person.user).await, ["EraseUser"]);
    person.get("/me").await.refused(410, "user_erased");
    let operator = server.client(person.user, json!({"roles": ["admin"]}));
    operator.get("/reviews").await.refused(410, "user_erased");
}
