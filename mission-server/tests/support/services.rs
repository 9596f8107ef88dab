//! The servers that tests need: those that are named by variables, else those on the standard local ports, else
//! private ones from installed binaries. What can be had nowhere is left out, loudly; with
//! `MISSION_TEST_SERVICES=required` that is a failure.
//!
//! Shared by unit and integration tests by way of `#[path]`.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed"
)]

use std::{
    ffi::OsString,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

/// A service that tests may need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// Its name for people.
    pub(crate) name: &'static str,
    /// The variable that names a server to use.
    pub(crate) variable: &'static str,
    /// Its standard port on this machine.
    port: u16,
    /// The address of a server on a port.
    url: fn(u16) -> String,
    /// Prepares a private one in a folder, for a port: the command that runs it.
    pub(crate) server: fn(&Path, u16) -> Option<Vec<OsString>>,
}

/// PostgreSQL, as a role that may create schemas in the database.
pub(crate) const POSTGRES: Service = Service {
    name: "PostgreSQL",
    variable: "MISSION_TEST_POSTGRES_URL",
    port: 5432,
    url: |port| format!("postgres://postgres@127.0.0.1:{port}/postgres"),
    server: postgres_server,
};

/// Redis.
pub(crate) const REDIS: Service = Service {
    name: "Redis",
    variable: "MISSION_TEST_REDIS_URL",
    port: 6379,
    url: |port| format!("redis://127.0.0.1:{port}"),
    server: |_, port| {
        let installed = Command::new("redis-server").arg("--version").output().is_ok();
        let port = port.to_string();
        installed.then(|| {
            ["redis-server", "--save", "", "--port", &port]
                .map(OsString::from)
                .into()
        })
    },
};

/// RabbitMQ, as a user who may declare and bind everything.
pub(crate) const RABBITMQ: Service = Service {
    name: "RabbitMQ",
    variable: "MISSION_TEST_AMQP_URL",
    port: 5672,
    url: amqp_url,
    server: rabbitmq_server,
};

pub(crate) fn amqp_url(port: u16) -> String {
    format!("amqp://guest:guest@127.0.0.1:{port}/%2f")
}

impl Service {
    /// The address of a server, looked for once a process; `None` where there is none, which is said on stderr.
    pub(crate) fn find(&'static self) -> Option<&'static str> {
        static FOUND: Mutex<Vec<(&str, Option<&'static str>)>> = Mutex::new(Vec::new());
        let mut found = FOUND.lock().unwrap();
        if let Some((_, url)) = found.iter().find(|(name, _)| *name == self.name) {
            return *url;
        }
        let url = self.look().map(|url| &*String::leak(url));
        found.push((self.name, url));
        if url.is_none() {
            let why = format!(
                "{} was found neither by {} nor on port {} nor as an installed program",
                self.name, self.variable, self.port
            );
            let required = std::env::var("MISSION_TEST_SERVICES").is_ok_and(|mode| mode == "required");
            assert!(
                !required,
                "{why}; MISSION_TEST_SERVICES=required makes that a failure"
            );
            left_out(&why);
        }
        url
    }

    fn look(&self) -> Option<String> {
        if let Ok(url) = std::env::var(self.variable)
            && !url.is_empty()
        {
            return Some(url);
        }
        let standard = SocketAddr::from(([127, 0, 0, 1], self.port));
        if TcpStream::connect_timeout(&standard, Duration::from_millis(500)).is_ok() {
            return Some((self.url)(self.port));
        }
        let port = free_port();
        let folder = tempfile::tempdir().ok()?.keep();
        let server = (self.server)(&folder, port)?;
        run_beside(&folder, server);
        wait_for_port(port).then(|| (self.url)(port))
    }
}

/// A port for a server that takes its time to listen. It lies below those that the system hands out by itself, so that no
/// other test is given it meanwhile; each process of tests begins somewhere else.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    let ports = (0..PORTS).map(|_| FIRST + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS);
    let mut ports = ports.filter_map(|port| u16::try_from(port).ok());
    ports
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a port is free")
}

/// Waits until somebody listens on a local port; `false` where nobody does.
pub(crate) fn wait_for_port(port: u16) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Runs a server for as long as this process lives, whatever way it ends; its folder goes with it.
pub(crate) fn run_beside(folder: &Path, server: Vec<OsString>) {
    const SCRIPT: &str = r#"folder=$1; shift; cd "$folder"; "$@" >"$folder/log" 2>&1 & server=$!
        cat >/dev/null; kill -INT $server; wait $server; rm -rf "$folder""#;
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh"]).arg(folder).args(server);
    watch(&mut command);
}

/// Says on stderr, past the harness that captures it, what the run left out, once the process has ended.
pub(crate) fn left_out(why: &str) {
    const SCRIPT: &str = r#"cat >/dev/null; printf '\n*** LEFT OUT: %s\n\n' "$1" >&2"#;
    watch(Command::new("sh").args(["-c", SCRIPT, "sh", why]));
}

/// Starts what waits for the end of its stdin, which comes with the end of this process.
#[expect(
    clippy::zombie_processes,
    reason = "it outlives this process, so that nobody here can wait for it"
)]
fn watch(command: &mut Command) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // Open until the process ends.
    std::mem::forget(child.stdin.take());
}

/// What comes before a program that refuses to run as root, which gets its folder; nothing for anybody else.
pub(crate) fn as_nobody_special(folder: &Path) -> Option<Vec<OsString>> {
    let root = Command::new("id").arg("-u").output().ok()?.stdout == b"0\n";
    if !root {
        return Some(Vec::new());
    }
    let given = Command::new("chown")
        .args(["-R", "postgres"])
        .arg(folder)
        .status();
    given.ok().filter(std::process::ExitStatus::success)?;
    Some(
        ["setpriv", "--reuid=postgres", "--clear-groups"]
            .map(OsString::from)
            .into(),
    )
}

pub(crate) fn postgres_server(folder: &Path, port: u16) -> Option<Vec<OsString>> {
    postgres_server_with(folder, port, &[])
}

/// The same on files that `initdb` made with further options.
pub(crate) fn postgres_server_with(
    folder: &Path,
    port: u16,
    initdb_options: &[OsString],
) -> Option<Vec<OsString>> {
    let bin = postgres_programs()?;
    let data = folder.join("data");
    let user = as_nobody_special(folder)?;
    let mut initdb = user.clone();
    initdb.push(bin.join("initdb").into());
    let made = Command::new(initdb.remove(0))
        .args(initdb)
        .args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--no-sync",
            "-D",
        ])
        .arg(&data)
        .args(initdb_options)
        .stdout(Stdio::null())
        .status();
    made.ok().filter(std::process::ExitStatus::success)?;
    let mut server = user;
    server.push(bin.join("postgres").into());
    server.push("-D".into());
    server.push(data.into());
    let port = port.to_string();
    server.extend(["-p", &port, "-k", "", "-c", "listen_addresses=127.0.0.1"].map(OsString::from));
    server.extend(["-c", "fsync=off", "-c", "max_connections=300"].map(OsString::from));
    Some(server)
}

/// Where `initdb` and the others are.
pub(crate) fn postgres_programs() -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    places.extend(versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))));
    // A link to one of them does not lead to the others.
    let programs = places
        .into_iter()
        .find_map(|place| place.join("initdb").canonicalize().ok())?;
    programs.parent().map(PathBuf::from)
}

/// The command of a RabbitMQ on a port, all of whose files are in a folder; `None` where none is installed.
pub(crate) fn rabbitmq_server(folder: &Path, port: u16) -> Option<Vec<OsString>> {
    // Debian's command of that name changes to a user of its own; what it wraps does not.
    let mut places = vec![PathBuf::from("/usr/lib/rabbitmq/bin")];
    places.extend(std::env::split_paths(&std::env::var_os("PATH")?));
    let program = places.into_iter().map(|place| place.join("rabbitmq-server"));
    let program = program.into_iter().find(|program| program.exists())?;
    let config = format!("listeners.tcp.1 = 127.0.0.1:{port}\n");
    std::fs::write(folder.join("rabbitmq.conf"), config).ok()?;
    let inter_node = free_port();
    let mut command: Vec<OsString> = vec!["env".into()];
    for (name, value) in [
        ("HOME", folder.to_owned()),
        ("RABBITMQ_NODENAME", format!("mission-{port}@localhost").into()),
        ("RABBITMQ_DIST_PORT", inter_node.to_string().into()),
        ("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq")),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins")),
        ("RABBITMQ_MNESIA_BASE", folder.join("data")),
        ("RABBITMQ_LOG_BASE", folder.join("log")),
    ] {
        let mut assignment = OsString::from(format!("{name}="));
        assignment.push(value);
        command.push(assignment);
    }
    command.push(program.into());
    Some(command)
}

/// A schema of one test's own in the PostgreSQL that was found; dropped with this.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The address of a database in which every table lands in the schema.
    pub(crate) url: String,
    pub(crate) server: &'static str,
    pub(crate) name: String,
}

impl Schema {
    /// A new schema; `None` where there is no PostgreSQL.
    pub(crate) fn create() -> Option<Schema> {
        let server = POSTGRES.find()?;
        let name = format!("mission_test_{}", Uuid::new_v4().simple());
        run_sql(server, format!("CREATE SCHEMA {name}"));
        let joint = if server.contains('?') { '&' } else { '?' };
        Some(Schema {
            url: format!("{server}{joint}options=-csearch_path%3D{name}"),
            server,
            name,
        })
    }

    /// Runs a script of statements in the schema.
    pub(crate) fn run(&self, sql: &str) {
        run_sql(&self.url, sql.to_owned());
    }
}

impl Drop for Schema {
    /// Ends whatever still holds a lock in it first: a server that was killed behind a proxy leaves its transaction open
    /// until the proxy goes, which runs on the very thread that would wait here.
    fn drop(&mut self) {
        let name = &self.name;
        run_sql(
            self.server,
            format!(
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                    JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = '{name}' AND l.pid <> pg_backend_pid();
                DROP SCHEMA IF EXISTS {name} CASCADE"
            ),
        );
    }
}

/// Runs SQL on a connection and a thread of its own, so that it can be done from anywhere.
fn run_sql(url: &str, sql: String) {
    let url = url.to_owned();
    let done = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let options = PgConnectOptions::from_str(&url).unwrap();
            let mut connection = PgConnection::connect_with(&options).await.unwrap();
            sqlx::raw_sql(&sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    });
    done.join().unwrap();
}
