//! An end-to-end load on the real server, everything side by side in one run: check-ins beside the usual designs of one,
//! and beside the server's own token-checked no-op route; events; reads; leaderboards as users grow; start-up time and
//! memory; replay.
//!
//! ```text
//! cargo build --release -p mission-server -p mission-cli -p mission-benches
//! target/release/load [--rounds N] [--seconds S] [--folder DIR] [--database sqlite|postgres|both]
//!                     [--postgres URL] [--redis URL] [--users N] [--connections N,N]
//!                     [--instances N] [--only PART] [--server-cpus LIST] [--json FILE] [--chart FILE.svg]
//! taskset --cpu-list 1 target/release/load --only overload --server-cpus 0
//! target/release/load --only soak --seconds 600
//! target/release/load --only audit --users 1000000
//! ```
//!
//! The parts are check-ins, claims, returning (users), events (with reads), leaderboards, analytics, overload, instances (of
//! one PostgreSQL), start-up, replay; and where they are asked for soak: mixed requests for so many seconds in all, and audit: a
//! recount of as many grants as `--users` says. The role of `--postgres` must have the right to create schemas. `--users` (1,000,000) is
//! the size of the larger leaderboard, and the number of check-ins behind the analytics. The binaries are taken from the
//! folder of this program. Generator, servers and databases share the machine, so that only the ratios mean something
//! elsewhere; medians of interleaved rounds make up for its noise.

#![expect(clippy::print_stdout, reason = "it reports")]

mod audit;
mod backend;
mod chart;
mod client;
mod open_loop;
mod overload;
mod prefill;
mod replay;
mod report;
mod returning;
mod schema;
mod server;
mod soak;
mod start_up;

use std::{error::Error, path::PathBuf, time::Duration};

use backend::Backend;
use report::Report;

/// What can go wrong here is reported as it is.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

struct Options {
    rounds: usize,
    time: Duration,
    /// Where the databases are made: the file system is part of what is measured.
    folder: PathBuf,
    sqlite: bool,
    /// A PostgreSQL, over TCP as a deployment has it.
    postgres: Option<String>,
    /// Beside PostgreSQL.
    redis: Option<String>,
    users: u32,
    json: Option<PathBuf>,
    /// Where the check-ins are drawn, as SVG.
    chart: Option<PathBuf>,
    /// Servers on one PostgreSQL.
    instances: usize,
    /// Connections of a busy, an idle and a crowded server, for check-ins.
    connections: Vec<usize>,
    /// The only part to measure.
    only: Option<String>,
    /// The processors that servers may use, as `taskset` names them.
    processors: Option<String>,
}

/// The parts of a run, as `--only` names them.
const PARTS: [&str; 12] = [
    "check-ins",
    "claims",
    "returning",
    "events",
    "leaderboards",
    "analytics",
    "overload",
    "instances",
    "start-up",
    "replay",
    "audit",
    "soak",
];

impl Options {
    fn read() -> Result<Self> {
        let mut options = Options {
            rounds: 7,
            time: Duration::from_secs(1),
            folder: std::env::temp_dir(),
            sqlite: true,
            postgres: None,
            redis: None,
            users: 1_000_000,
            json: None,
            chart: None,
            instances: 3,
            connections: vec![32, 1, 128],
            only: None,
            processors: None,
        };
        let mut database = None;
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--rounds" => options.rounds = value.parse()?,
                "--seconds" => options.time = Duration::try_from_secs_f64(value.parse()?)?,
                "--folder" => options.folder = value.into(),
                "--database" => database = Some(value),
                "--postgres" => options.postgres = Some(value),
                "--redis" => options.redis = Some(value),
                "--users" => options.users = value.parse()?,
                "--server-cpus" => options.processors = Some(value),
                "--json" => options.json = Some(value.into()),
                "--instances" => options.instances = value.parse()?,
                "--chart" => options.chart = Some(value.into()),
                "--connections" => {
                    options.connections = value
                        .split(',')
                        .map(str::parse)
                        .collect::<std::result::Result<_, _>>()?;
                }
                "--only" if PARTS.contains(&value.as_str()) => options.only = Some(value),
                "--only" => return Err(format!("`--only {value}`: there are {}", PARTS.join(", ")).into()),
                _ => {
                    return Err(format!(
                        "unknown option `{word}`; there are --rounds, --seconds, --folder, --database, --postgres, \
                         --redis, --users, --instances, --connections, --only, --server-cpus, \
                         --json, --chart"
                    )
                    .into());
                }
            }
        }
        let local = || Some("postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        match database.as_deref() {
            None => {}
            Some("sqlite") => options.postgres = None,
            Some("both") => options.postgres = options.postgres.or_else(local),
            Some("postgres") => {
                options.sqlite = false;
                options.postgres = options.postgres.or_else(local);
            }
            Some(other) => {
                return Err(format!("`--database {other}`: there are sqlite, postgres, both").into());
            }
        }
        Ok(options)
    }

    fn measures(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }
}

fn main() -> Result<()> {
    let options = Options::read()?;
    let mut report = Report::default();
    if options.sqlite {
        if options.measures("start-up") {
            start_up::measure(&options.folder, options.rounds)?;
        }
        backend::measure(Backend::Sqlite, &options, &mut report)?;
    }
    if let Some(url) = &options.postgres {
        backend::measure(Backend::Postgres(url), &options, &mut report)?;
    }
    if options.sqlite && options.measures("replay") {
        replay::measure(&options.folder)?;
    }
    if let Some(path) = &options.json {
        report.write(path)?;
    }
    if let Some(path) = &options.chart {
        chart::draw(&report, path)?;
    }
    Ok(())
}
