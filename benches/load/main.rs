//! An end-to-end load on the real server over SQLite, everything side by side in one run: group commit against one
//! command a transaction, and against the server's own token-checked no-op route; start-up time and memory; replay.
//!
//! ```text
//! cargo build --release -p mission-server -p mission-cli -p mission-benches
//! target/release/load [--rounds N] [--seconds S] [--folder DIR] [--postgres URL [--postgres-socket DIR]]
//! ```
//!
//! With `--postgres`, whose role may create schemas, PostgreSQL has its rows too, over TCP and over the Unix socket in
//! the other folder.
//!
//! The binaries are taken from the folder of this program. Generator and servers share the machine, so that only the
//! ratios mean something elsewhere.

#![expect(clippy::print_stdout, reason = "it reports")]

mod client;
mod postgres;
mod replay;
mod report;
mod server;
mod start_up;

use std::{error::Error, path::PathBuf, time::Duration};

use client::{Calls, Kind};
use report::Series;
use server::Server;

/// What can go wrong here is reported as it is.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

struct Options {
    rounds: usize,
    time: Duration,
    /// Where the databases are made: the file system is part of what is measured.
    folder: PathBuf,
    /// A PostgreSQL that is reached over TCP.
    postgres: Option<String>,
    /// Where its Unix socket is.
    postgres_socket: PathBuf,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Options {
            rounds: 7,
            time: Duration::from_secs(1),
            folder: std::env::temp_dir(),
            postgres: None,
            postgres_socket: "/var/run/postgresql".into(),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--rounds" => options.rounds = value.parse()?,
                "--seconds" => options.time = Duration::try_from_secs_f64(value.parse()?)?,
                "--folder" => options.folder = value.into(),
                "--postgres" => options.postgres = Some(value),
                "--postgres-socket" => options.postgres_socket = value.into(),
                _ => {
                    return Err(format!(
                        "unknown option `{word}`; there are --rounds, --seconds, --folder, --postgres, \
                         --postgres-socket"
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }
}

/// Connections of a busy and of an idle server.
const CONNECTIONS: [usize; 2] = [32, 1];

fn main() -> Result<()> {
    let options = Options::read()?;
    start_up::measure(&options.folder, options.rounds)?;

    let mut calls = Calls::new();
    for connections in CONNECTIONS {
        // Fresh ones, so that neither has events of earlier rounds left to send.
        let grouped = Server::start(&options.folder, None)?;
        let single = Server::start(&options.folder, Some(1))?;
        let mut series = [
            Series::new("check-ins, group commit"),
            Series::new("check-ins, one a transaction"),
            Series::new("ping (token check, no-op)"),
        ];
        // One round to warm up, which does not count.
        for round in 0..=options.rounds {
            let runs = [
                calls.run(&grouped, Kind::CheckIn, connections, options.time)?,
                calls.run(&single, Kind::CheckIn, connections, options.time)?,
                calls.run(&grouped, Kind::Ping, connections, options.time)?,
            ];
            if round > 0 {
                for (series, run) in series.iter_mut().zip(runs) {
                    series.add(run);
                }
            }
        }
        report::print(connections, options.rounds, &series);
    }
    if let Some(url) = &options.postgres {
        postgres::measure(&options, url, &mut calls)?;
    }
    replay::measure(&options.folder)
}
