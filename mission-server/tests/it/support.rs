//! A real server process on a fresh database, and a client that speaks to it.
#![expect(
    clippy::needless_pass_by_value,
    reason = "bodies are written where they are sent"
)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    own_redis::OwnRedis,
    server_log::{self, ServerLog},
    services::{RABBITMQ, Schema},
};

/// What signs the tokens of tests.
pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes, for tests";

/// A running `mission-server`; stopped when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    home: Home,
    log: ServerLog,
}

/// What a server leaves behind and finds again: its folder and its database.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    database: String,
    _schema: Option<Schema>,
    /// Servers of one database share it, and no others: what is kept in it is of that database.
    redis: Option<Arc<OwnRedis>>,
}

impl Home {
    /// A new folder with a SQLite file; or a schema in PostgreSQL with a Redis, as `MISSION_TEST_DATABASE` says.
    fn new() -> Home {
        if is_on_services() {
            return Home {
                redis: OwnRedis::start().map(Arc::new),
                ..Home::in_schema(Schema::create().expect("a PostgreSQL"))
            };
        }
        Home::file_in(tempfile::tempdir().unwrap())
    }

    /// A SQLite file in a folder.
    pub(crate) fn file_in(folder: tempfile::TempDir) -> Home {
        let database = format!("sqlite://{}", folder.path().join("mission.db").display());
        Home {
            folder,
            database,
            _schema: None,
            redis: None,
        }
    }

    /// A schema in PostgreSQL.
    pub(crate) fn in_schema(schema: Schema) -> Home {
        Home {
            database: schema.url.clone(),
            _schema: Some(schema),
            ..Home::beside(String::new())
        }
    }

    /// A new folder beside a database that somebody else looks after.
    pub(crate) fn beside(database: String) -> Home {
        Home {
            folder: tempfile::tempdir().unwrap(),
            database,
            _schema: None,
            redis: None,
        }
    }
}

/// Whether this run of the suite is the one on PostgreSQL, Redis and RabbitMQ.
pub(crate) fn is_on_services() -> bool {
    std::env::var("MISSION_TEST_DATABASE").is_ok_and(|name| name == "postgres")
}

/// The wallet's queue of all servers in that run.
pub(crate) const WALLET_QUEUE: &str = "mission-test-suite";

/// What servers have beside PostgreSQL and Redis in that run.
fn of_production() -> Vec<(&'static str, &'static str)> {
    let broker = is_on_services().then(|| RABBITMQ.find()).flatten();
    broker
        .map(|url| {
            [
                ("MISSION_AMQP_URL", url),
                ("MISSION_AMQP_WALLET_QUEUE", WALLET_QUEUE),
            ]
        })
        .into_iter()
        .flatten()
        .collect()
}

impl Server {
    /// A server with a clock that can be set, on a fresh database, without rate limits.
    pub(crate) async fn start() -> Server {
        Server::with(&[]).await
    }

    /// The same with more settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Server {
        Server::on(Home::new(), settings).await
    }

    /// The same where a server may have been before.
    pub(crate) async fn on(home: Home, settings: &[(&str, &str)]) -> Server {
        let command = Command::new(env!("CARGO_BIN_EXE_mission-server"));
        Server::of(command, home, settings).await
    }

    /// The same by a command that takes the server's flags and becomes the server.
    pub(crate) async fn of(mut command: Command, home: Home, settings: &[(&str, &str)]) -> Server {
        command.env_clear();
        // With published keys there is no secret beside them, and the clock cannot be set.
        if !settings
            .iter()
            .any(|(name, _)| name.starts_with("MISSION_JWT_JWKS_"))
        {
            command.arg("--test-clock").env("MISSION_JWT_SECRET", SECRET);
        }
        command
            .env("MISSION_LISTEN", "127.0.0.1:0")
            .env("MISSION_DATABASE_URL", &home.database)
            .env("MISSION_DATABASE_CONNECTIONS", "4")
            .env("MISSION_FRAUD_RATE_LIMIT_PER_USER", "off")
            .env("MISSION_FRAUD_RATE_LIMIT_PER_ADDRESS", "off")
            .env("MISSION_LOG", "debug")
            .envs(of_production())
            .envs(
                home.redis
                    .as_ref()
                    .map(|redis| ("MISSION_REDIS_URL", redis.url())),
            )
            .envs(settings.iter().copied())
            .current_dir(home.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = ServerLog::read(child.stderr.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("the server prints its address").unwrap();
        let url = first
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("unexpected: {first}"))
            .to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        let server = Server {
            child,
            url,
            http: reqwest::Client::new(),
            home,
            log,
        };
        server.wait_until_ready().await;
        server
    }

    /// Another server on the same database.
    pub(crate) async fn second(&self) -> Server {
        self.second_with(&[]).await
    }

    /// The same with more settings.
    pub(crate) async fn second_with(&self, settings: &[(&str, &str)]) -> Server {
        let home = Home {
            redis: self.home.redis.clone(),
            ..Home::beside(self.home.database.clone())
        };
        Server::on(home, settings).await
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process, and gives all that it has logged.
    pub(crate) fn into_log(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.whole()
    }

    /// The address of its database.
    pub(crate) fn database(&self) -> &str {
        &self.home.database
    }

    /// The address of its Redis, where it has one of its own.
    pub(crate) fn redis(&self) -> Option<String> {
        self.home.redis.as_ref().map(|redis| redis.url())
    }

    /// A broker of the test's own may take its time on a busy machine.
    async fn wait_until_ready(&self) {
        for _ in 0..1_200 {
            let ready = self.http.get(format!("{}/health/ready", self.url)).send().await;
            if ready.is_ok_and(|response| response.status() == StatusCode::OK) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the server did not become ready");
    }

    /// Kills the process at once and gives back what it leaves.
    pub(crate) fn kill(mut self) -> Home {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let nothing = Home::beside(String::new());
        std::mem::replace(&mut self.home, nothing)
    }

    /// A user with a fresh id.
    pub(crate) fn user(&self) -> Client<'_> {
        self.client(Uuid::new_v4(), json!({}))
    }

    /// A caller who may do everything.
    pub(crate) fn admin(&self) -> Client<'_> {
        self.client(Uuid::new_v4(), json!({"roles": ["admin"]}))
    }

    /// A caller with more claims in the token.
    pub(crate) fn client(&self, user: Uuid, claims: Value) -> Client<'_> {
        Client {
            server: self,
            user,
            token: token(user, claims),
            headers: HeaderMap::new(),
        }
    }

    /// The metrics, in Prometheus form.
    pub(crate) async fn metrics(&self) -> String {
        let metrics = self
            .http
            .get(format!("{}/metrics", self.url))
            .send()
            .await
            .unwrap();
        metrics.text().await.unwrap()
    }

    /// Sets the domain's time.
    pub(crate) async fn set_clock(&self, now: &str) {
        let answer = self.user().put("/dev/clock", json!({"now": now})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log.whole();
        if !std::thread::panicking() {
            server_log::assert_nothing_personal(&log);
        }
    }
}

/// A token signed with the test's secret.
pub(crate) fn token(user: Uuid, claims: Value) -> String {
    let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600;
    let mut all = json!({"sub": user, "exp": expires});
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &all, &key).unwrap()
}

/// One caller.
#[derive(Clone)]
pub(crate) struct Client<'s> {
    server: &'s Server,
    pub(crate) user: Uuid,
    pub(crate) token: String,
    headers: HeaderMap,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Checks status and problem code, and the form of a problem.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(
            self.body["correlation_id"].as_str(),
            self.headers["x-correlation-id"].to_str().ok()
        );
        assert!(self.body["type"].as_str().unwrap().ends_with(code));
    }

    /// Checks the status and gives the body.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }
}

impl Client<'_> {
    /// The same caller with another header on each request.
    pub(crate) fn header(&self, name: &'static str, value: &str) -> Self {
        let mut with = self.clone();
        with.headers.insert(name, value.parse().unwrap());
        with
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Answer {
        let path = if path.starts_with("/dev") || path.starts_with("/health") {
            path.to_owned()
        } else {
            format!("/api/v1{path}")
        };
        let mut request = self
            .server
            .http
            .request(method, format!("{}{path}", self.server.url))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        // The caller's own headers come last, so that they win.
        let response = request.headers(self.headers.clone()).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer {
            status,
            headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        let bytes = if body.is_null() {
            None
        } else {
            Some(serde_json::to_vec(&body).unwrap())
        };
        self.send(Method::POST, path, bytes).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(serde_json::to_vec(&body).unwrap()))
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Makes and activates a mission; gives its id. `more` overrides fields.
    pub(crate) async fn mission(&self, code: &str, more: Value) -> String {
        let created = self.post("/missions", definition(code, more)).await.ok(201);
        let id = created["id"].as_str().unwrap().to_owned();
        self.post(&format!("/missions/{id}/activate"), Value::Null)
            .await
            .ok(200);
        id
    }

    /// Starts a mission; gives the task's id.
    pub(crate) async fn start(&self, mission: &str) -> String {
        let task = self
            .post(&format!("/missions/{mission}/start"), Value::Null)
            .await
            .ok(201);
        task["id"].as_str().unwrap().to_owned()
    }

    /// Starts, fills and completes a mission without a trigger; gives the task's id.
    pub(crate) async fn complete(&self, mission: &str) -> String {
        let task = self.start(mission).await;
        self.post(&format!("/tasks/{task}/progress"), json!({"value": 1_000_000}))
            .await
            .ok(200);
        self.post(&format!("/tasks/{task}/complete"), Value::Null)
            .await
            .ok(200);
        task
    }
}

/// A mission's definition with sensible values.
pub(crate) fn definition(code: &str, more: Value) -> Value {
    let mut definition = json!({
        "code": code, "type": "custom", "frequency": "one_time", "target": 1,
        "title": {"en": "A title"}, "description": {"en": "A description"}, "reward": {"points": "50"},
    });
    definition
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    definition
}

/// An activity event with a fresh id.
pub(crate) fn event(user: Uuid, kind: &str, time: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": Uuid::new_v4(), "source": "/tests", "type": kind, "subject": user,
        "time": time, "data": data,
    })
}
