//! The process: its first line, its settings, its logs, how it ends.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Server, token};

const SECRET: &str = "a secret of at least thirty-two bytes, for tests";

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mission-server"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(folder);
    command
        .env("MISSION_LISTEN", "127.0.0.1:0")
        .env("MISSION_DRAIN", "0s")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a server that is not to get far.
fn ended(folder: &Path, settings: &[(&str, &str)], flags: &[&str]) -> Output {
    command(folder)
        .envs(settings.iter().copied())
        .args(flags)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server of which the address is known.
pub(crate) struct Started {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

pub(crate) fn started(command: &mut Command) -> Started {
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line
        .strip_prefix("listening on http://")
        .map(|address| address.trim_end().to_owned());
    let Some(address) = address else {
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        panic!("the first line is {line:?}; {errors}");
    };
    Started {
        child,
        stdout,
        address,
    }
}

impl Started {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut errors = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        (self.child.wait().unwrap(), errors)
    }

    /// Sends some bytes on a connection of its own.
    fn send(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream
    }

    /// The whole answer to a simple request.
    pub(crate) fn get(&self, path: &str) -> String {
        answer(self.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn server(folder: &Path) -> Command {
    let mut command = command(folder);
    command.env("MISSION_JWT_SECRET", SECRET);
    command
}

#[test]
fn without_a_key_it_refuses_to_start_and_says_how() {
    let folder = tempfile::tempdir().unwrap();
    let refused = ended(folder.path(), &[], &[]);
    let errors = text(&refused.stderr);
    assert_eq!(
        (refused.status.code(), refused.stdout.len()),
        (Some(2), 0),
        "{errors}"
    );
    for way in [
        "MISSION_JWT_SECRET",
        "MISSION_JWT_JWKS_URL",
        "MISSION_JWT_JWKS_FILE",
        "--dev",
    ] {
        assert!(errors.contains(way), "{errors}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is written before the settings are good"
    );
}

#[test]
fn bad_settings_are_named_with_where_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    fs::write(&path, "[database]\nurll = \"sqlite://x.db\"\n").unwrap();
    let file = path.to_str().unwrap();
    let key = ("MISSION_JWT_SECRET", SECRET);
    for (settings, flags, part) in [
        (
            vec![key, ("MISSION_LISTEN", "nowhere")],
            vec![],
            "`listen` (from the variable `MISSION_LISTEN`)",
        ),
        (
            vec![key],
            vec!["--write-batch=0"],
            "`write.batch` (from the flag `--write-batch`)",
        ),
        (
            vec![key],
            vec!["--config", file],
            "unknown setting `database.urll`; did you mean `database.url`?",
        ),
        (
            vec![key, ("MISSION_CONFIG", "missing.toml")],
            vec![],
            "`missing.toml`",
        ),
        (
            vec![key, ("MISSION_JWT_JWKS_FILE", "x")],
            vec![],
            "exclude each other",
        ),
        (
            vec![("MISSION_JWT_JWKS_URL", "https://id.example/k")],
            vec!["--test-clock"],
            "refused together",
        ),
        (vec![key], vec!["--no-such-flag"], "--no-such-flag"),
    ] {
        let refused = ended(folder.path(), &settings, &flags);
        let errors = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{errors}");
        assert!(errors.contains(part) && !errors.contains(SECRET), "{errors}");
    }
    let refused = ended(folder.path(), &[("MISSION_JWT_JWKS_FILE", "missing.json")], &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("missing.json"));
}

#[test]
fn the_printed_configuration_is_one_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let printed = ended(folder.path(), &[], &["--print-config"]);
    assert!(printed.status.success());
    let listen = "listen = \"127.0.0.1:0\"  # from the variable `MISSION_LISTEN`";
    assert!(
        text(&printed.stdout).contains(listen),
        "{}",
        text(&printed.stdout)
    );
    let path = folder.path().join("all.toml");
    fs::write(
        &path,
        text(&printed.stdout).replace("# secret = \"…\"", &format!("secret = \"{SECRET}\"")),
    )
    .unwrap();
    let server = started(command(folder.path()).arg("--config").arg(&path));
    assert!(server.get("/health/ready").starts_with("HTTP/1.1 200"));
    let help = text(&ended(folder.path(), &[("MISSION_JWT_SECRET", SECRET)], &["--help"]).stdout);
    assert!(
        help.contains("MISSION_DATABASE_URL") && help.contains("--print-config") && !help.contains(SECRET),
        "{help}"
    );
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let first = started(&mut server(folder.path()));
    let second = ended(
        folder.path(),
        &[("MISSION_JWT_SECRET", SECRET), ("MISSION_LISTEN", &first.address)],
        &[],
    );
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains(&format!("cannot listen on `{}`", first.address)));
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let server = started(&mut server(folder.path()));
        // An idle connection does not hold it up.
        let _idle = server.send("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n");
        server.signal(signal);
        let began = Instant::now();
        let (status, errors) = server.wait();
        assert_eq!(status.code(), Some(0), "{errors}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

/// A check-in of which the last byte of the body is still to come.
fn half_a_check_in(server: &Started) -> TcpStream {
    let token = token(uuid::Uuid::new_v4(), json!({}));
    let stream = server.send(&format!(
        "POST /api/v1/checkin HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{"
    ));
    // Long enough for the server to have begun with it.
    std::thread::sleep(Duration::from_millis(200));
    stream
}

#[test]
fn what_runs_is_finished_before_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let server = started(&mut server(folder.path()));
    let mut running = half_a_check_in(&server);
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        TcpStream::connect(&server.address).is_err(),
        "nothing new is accepted"
    );
    running.write_all(b"}").unwrap();
    let answer = answer(running);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn it_serves_while_it_drains_and_says_that_it_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let server = started(server(folder.path()).env("MISSION_DRAIN", "1s"));
    let ready = "GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let before = answer(server.send(ready));
    assert!(before.starts_with("HTTP/1.1 200"), "{before}");
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    let draining = answer(server.send(ready));
    assert!(
        draining.starts_with("HTTP/1.1 503") && draining.contains("told to stop"),
        "{draining}"
    );
    let mut running = half_a_check_in(&server);
    running.write_all(b"}").unwrap();
    let served = answer(running);
    assert!(served.starts_with("HTTP/1.1 200"), "{served}");
    let (status, errors) = server.wait();
    assert_eq!(status.code(), Some(0), "{errors}");
}

#[test]
fn a_second_signal_aborts() {
    let folder = tempfile::tempdir().unwrap();
    let server = started(&mut server(folder.path()));
    let _running = half_a_check_in(&server);
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    server.signal("TERM");
    let began = Instant::now();
    assert_eq!(server.wait().0.code(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Somebody else who keeps the file to themselves until this is dropped.
async fn holder(file: &Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true);
    let mut holder = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS held (x); BEGIN EXCLUSIVE")
        .execute(&mut holder)
        .await
        .unwrap();
    holder
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_it_lives_is_not_ready_and_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let _holder = holder(&folder.path().join("held.db")).await;
    let mut command = server(folder.path());
    command
        .env("MISSION_DATABASE_URL", "sqlite://held.db")
        .env("MISSION_DATABASE_CONNECT_TIMEOUT", "2s");
    let server = started(&mut command);
    assert!(server.get("/health/live").starts_with("HTTP/1.1 200"));
    for path in ["/health/ready", "/health"] {
        let health = server.get(path);
        assert!(
            health.starts_with("HTTP/1.1 503") && health.contains("\"name\":\"database\""),
            "{health}"
        );
    }
    let metrics = server.get("/metrics");
    for line in [
        "mission_dependency_up{dependency=\"database\"} 0",
        "mission_outbox_lag_seconds 0",
        "mission_outbox_entries 0",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    let refused = server.get("/api/v1/missions");
    assert!(
        refused.starts_with("HTTP/1.1 503") && refused.contains("\"code\":\"starting\""),
        "{refused}"
    );
    assert!(refused.contains("x-correlation-id: "), "{refused}");
    let (status, errors) = server.wait();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("sqlite://held.db") && errors.contains("within 2s"),
        "{errors}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_late_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let holder = holder(&folder.path().join("held.db")).await;
    let mut command = server(folder.path());
    command
        .env("MISSION_DATABASE_URL", "sqlite://held.db")
        .env("MISSION_DATABASE_CONNECT_TIMEOUT", "20s");
    let server = started(&mut command);
    assert!(server.get("/health/ready").starts_with("HTTP/1.1 503"));
    drop(holder);
    let ready = || server.get("/health/ready").starts_with("HTTP/1.1 200");
    assert!((0..100).any(|_| ready() || {
        std::thread::sleep(Duration::from_millis(100));
        false
    }));
}

#[test]
fn a_database_that_no_waiting_helps_ends_the_start_at_once_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("other.db"), "this is a text".repeat(100)).unwrap();
    fs::create_dir(folder.path().join("folder.db")).unwrap();
    for (url, reason) in [
        (
            "sqlite://missing/folder/mission.db",
            "the folder `missing/folder` does not exist",
        ),
        ("sqlite://other.db", "file is not a database"),
        ("sqlite://folder.db", "unable to open database file"),
    ] {
        let began = Instant::now();
        let settings = [("MISSION_JWT_SECRET", SECRET), ("MISSION_DATABASE_URL", url)];
        let refused = ended(folder.path(), &settings, &[]);
        let errors = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{errors}");
        assert!(errors.contains(reason) && errors.contains(url), "{errors}");
        assert!(began.elapsed() < Duration::from_secs(10), "{url}");
    }
}

#[tokio::test]
async fn a_schema_newer_than_the_program_ends_the_start_at_once() {
    let server = Server::start().await;
    let url = server.database().to_owned();
    let Ok(options) = url.parse::<sqlx::sqlite::SqliteConnectOptions>() else {
        return;
    };
    let mut database = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of a newer server', TRUE, '', 0)",
    )
    .execute(&mut database)
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("MISSION_JWT_SECRET", SECRET),
        ("MISSION_DATABASE_URL", url.as_str()),
    ];
    let refused = ended(folder.path(), &settings, &[]);
    let errors = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("migration 9999, newer than this program"),
        "{errors}"
    );
}

#[test]
fn log_lines_are_json_with_the_correlation_id_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = server(folder.path());
    command
        .env("MISSION_LOG", "debug,mission_server=trace")
        .arg("--test-clock");
    let server = started(&mut command);
    let token = token(uuid::Uuid::new_v4(), json!({}));
    let body = r#"{"now":"2026-01-05T10:00:00Z"}"#;
    let set = answer(server.send(&format!(
        "PUT /dev/clock HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nx-correlation-id: follow-me\r\n\
         connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )));
    assert!(
        set.starts_with("HTTP/1.1 200") && set.contains("follow-me"),
        "{set}"
    );
    server.signal("TERM");
    let (_, errors) = server.wait();
    let lines: Vec<Value> = errors
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["correlation_id"] == "follow-me" && line["level"] == "INFO"),
        "{errors}"
    );
    assert!(!errors.contains(SECRET) && !errors.contains(&token), "{errors}");
}

/// The lines of a development server that are meant to be pasted.
fn lines_to_paste(server: &mut Started) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        server.stdout.read_line(&mut line).unwrap();
        if line.starts_with("curl ") {
            lines.push(line.trim_end().to_owned());
        }
        if line.contains("/api/v1/me'") {
            return lines;
        }
    }
}

#[test]
fn the_lines_of_a_development_server_work_when_pasted_each_time() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut server = started(command(folder.path()).arg("--dev"));
        let lines = lines_to_paste(&mut server);
        assert!(lines.len() >= 10, "{lines:?}");
        let mut answers = Vec::new();
        for line in lines {
            let failing = line.replace("curl -sS", "curl -sS --fail-with-body");
            let done = Command::new("sh").args(["-c", &failing]).output().unwrap();
            let answer = text(&done.stdout);
            assert!(done.status.success(), "{line}\n{answer}{}", text(&done.stderr));
            answers.push(serde_json::from_str::<Value>(&answer).unwrap());
        }
        let check_ins: Vec<&Value> = answers
            .iter()
            .filter(|answer| answer["streak"].is_u64())
            .collect();
        let [.., milestone] = check_ins.as_slice() else {
            panic!("nobody checked in");
        };
        assert_eq!((check_ins.len(), &milestone["milestone"]), (7, &json!(true)));
        // 10 a day, 1 for the streak and 50 for the milestone; 20 more where the week lies within one month.
        let month = milestone["monthly_reward"].as_u64().unwrap();
        assert!([0, 20].contains(&month));
        let me = answers.last().unwrap();
        assert_eq!(me["points"].as_u64(), Some(50 + 7 * 10 + 1 + 50 + month));
    }
    assert!(folder.path().join(".mission-dev").is_dir());
}

fn write_pack(folder: &Path, missions: &[&str]) {
    fs::create_dir_all(folder.join("missions")).unwrap();
    fs::write(folder.join("pack.toml"), "name = \"mine\"\nversion = \"1\"\n").unwrap();
    for code in missions {
        let mission = format!(
            "code = \"{code}\"\ntype = \"custom\"\nfrequency = \"daily\"\ntitle = {{ en = \"T\" }}\n\
             description = {{ en = \"D\" }}\n[reward]\npoints = \"5\"\n"
        );
        fs::write(folder.join(format!("missions/{code}.toml")), mission).unwrap();
    }
}

async fn statuses(server: &Server) -> Vec<(String, String)> {
    let listed = server.admin().get("/missions").await.ok(200);
    let of = |mission: &Value, field: &str| mission[field].as_str().unwrap().to_owned();
    let mut all: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mission| (of(mission, "code"), of(mission, "status")))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_pack_is_applied_at_start_and_never_moves_known_missions() {
    let packs = tempfile::tempdir().unwrap();
    let pack = packs.path().join("mine");
    write_pack(&pack, &["a", "b"]);
    let settings = [("MISSION_PACK", pack.to_str().unwrap())];
    let server = Server::with(&settings).await;
    let pair = |code: &str, status: &str| (code.to_owned(), status.to_owned());
    assert_eq!(
        statuses(&server).await,
        [pair("a", "active"), pair("b", "active")]
    );
    let listed = server.admin().get("/missions").await.ok(200);
    let a = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|mission| mission["code"] == "a")
        .unwrap()["id"]
        .clone();
    server
        .admin()
        .post(&format!("/missions/{}/pause", a.as_str().unwrap()), Value::Null)
        .await
        .ok(200);
    write_pack(&pack, &["a", "b", "c"]);
    let server = Server::on(server.kill(), &settings).await;
    let expected = [pair("a", "paused"), pair("b", "active"), pair("c", "active")];
    let known = server
        .admin()
        .get(&format!("/missions/{}", a.as_str().unwrap()))
        .await
        .ok(200);
    assert_eq!(
        (&known["code"], &known["status"]),
        (&json!("a"), &json!("paused"))
    );
    let seen: Vec<_> = expected
        .iter()
        .filter(|(_, status)| status == "active")
        .cloned()
        .collect();
    let listed = statuses(&server).await;
    assert!(listed == expected || listed == seen, "{listed:?}");
    let version = server.admin().get("/packs/mine").await.ok(200)["version"].clone();
    let server = Server::on(server.kill(), &settings).await;
    assert_eq!(
        server.admin().get("/packs/mine").await.ok(200)["version"],
        version,
        "unchanged content is left alone"
    );
}

#[test]
fn a_pack_with_errors_stops_the_start_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("mine");
    write_pack(&pack, &["a"]);
    fs::write(
        pack.join("missions/a.toml"),
        "code = \"a\"\nfrequncy = \"daily\"\n",
    )
    .unwrap();
    let refused = ended(
        folder.path(),
        &[
            ("MISSION_JWT_SECRET", SECRET),
            ("MISSION_PACK", pack.to_str().unwrap()),
        ],
        &[],
    );
    let errors = text(&refused.stderr);
    assert_eq!(
        (refused.status.code(), refused.stdout.len()),
        (Some(1), 0),
        "{errors}"
    );
    assert!(
        errors.contains("missions/a.toml:2:1") && errors.contains("frequncy"),
        "{errors}"
    );
}

#[test]
fn a_token_that_cannot_be_judged_yet_is_not_called_bad() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens on a port that was free a moment ago.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = started(command(folder.path()).env("MISSION_JWT_JWKS_URL", format!("http://{nobody}/keys")));
    // The header says RS256; the rest is never looked at.
    let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.AAAA";
    let answer = answer(server.send(&format!(
        "GET /api/v1/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    )));
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("\"code\":\"unavailable\""),
        "{answer}"
    );
}

#[test]
fn a_secret_comes_out_of_a_file_that_a_variable_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let server = started(command(folder.path()).env("MISSION_JWT_SECRET_FILE", "secret"));
    let token = token(uuid::Uuid::new_v4(), json!({}));
    let me = answer(server.send(&format!(
        "GET /api/v1/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    )));
    assert!(me.starts_with("HTTP/1.1 200"), "{me}");
    let both = [
        ("MISSION_JWT_SECRET_FILE", "secret"),
        ("MISSION_JWT_SECRET", SECRET),
    ];
    let refused = ended(folder.path(), &both, &[]);
    let errors = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("`MISSION_JWT_SECRET`") && errors.contains("`MISSION_JWT_SECRET_FILE`"),
        "{errors}"
    );
    assert!(!errors.contains(SECRET), "{errors}");
}

#[test]
fn it_says_whether_it_would_start_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    write_pack(&good, &["a"]);
    write_pack(&bad, &["a"]);
    fs::write(
        bad.join("missions/a.toml"),
        "code = \"a\"\nfrequncy = \"daily\"\n",
    )
    .unwrap();
    let key = ("MISSION_JWT_SECRET", SECRET);
    // Nobody listens there, which is not looked at.
    let away = ("MISSION_DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/x");
    let before = fs::read_dir(folder.path()).unwrap().count();
    for settings in [
        vec![key],
        vec![key, away, ("MISSION_REDIS_URL", "redis://127.0.0.1:1")],
        vec![key, ("MISSION_PACK", "good")],
        vec![("MISSION_JWT_JWKS_URL", "http://127.0.0.1:1/keys")],
        vec![("MISSION_DEV", "true")],
    ] {
        let checked = ended(folder.path(), &settings, &["--check-config"]);
        let said = text(&checked.stdout);
        assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
        assert!(
            said.contains("would start") && !said.contains("hunter2"),
            "{said}"
        );
    }
    for (settings, reason) in [
        (vec![], "MISSION_JWT_SECRET"),
        (
            vec![key, ("MISSION_LISTN", "x")],
            "did you mean `MISSION_LISTEN`?",
        ),
        (vec![key, ("MISSION_WRITE_BATCH", "0")], "`write.batch`"),
        (vec![key, ("MISSION_PACK", "bad")], "frequncy"),
        (vec![key, ("MISSION_PACK", "missing")], "missing"),
        (
            vec![key, ("MISSION_DATABASE_URL", "sqlite://no/folder/x.db")],
            "the folder `no/folder` does not exist",
        ),
        (vec![("MISSION_JWT_JWKS_FILE", "missing.json")], "missing.json"),
    ] {
        let checked = ended(folder.path(), &settings, &["--check-config"]);
        let errors = text(&checked.stderr);
        assert_eq!(checked.status.code(), Some(1), "{errors}");
        assert!(errors.contains(reason) && !errors.contains(SECRET), "{errors}");
        assert!(checked.stdout.is_empty());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before);
}

#[test]
fn a_refused_token_is_a_log_line_without_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = started(&mut server(folder.path()));
    let other_key = jsonwebtoken::EncodingKey::from_secret(b"another secret of thirty-two bytes and more");
    let claims = json!({"sub": uuid::Uuid::new_v4(), "exp": 4_000_000_000_u64});
    let forged = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &other_key).unwrap();
    for token in [forged.as_str(), "no-token-at-all"] {
        let refused = answer(server.send(&format!(
            "GET /api/v1/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nx-correlation-id: of-{}\r\n\
             connection: close\r\n\r\n",
            token.len()
        )));
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    }
    let metrics = server.get("/metrics");
    for line in [
        "mission_tokens_refused_total{reason=\"signature\"} 1",
        "mission_tokens_refused_total{reason=\"malformed\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    server.signal("TERM");
    let (_, errors) = server.wait();
    let refusals: Vec<Value> = errors
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == "a token was refused")
        .collect();
    let [first, second] = refusals.as_slice() else {
        panic!("{errors}");
    };
    assert_eq!(
        (&first["level"], &first["reason"]),
        (&json!("WARN"), &json!("signature"))
    );
    assert_eq!(first["correlation_id"], format!("of-{}", forged.len()));
    assert_eq!(second["reason"], "malformed");
    assert!(
        !errors.contains(&forged) && !errors.contains("no-token-at-all"),
        "{errors}"
    );
}
