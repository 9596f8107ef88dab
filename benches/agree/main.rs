//! Do the server, `mission replay` and the naive model agree on every point? A generated history of users in every
//! zone of the world, with gaps, freezes, moves, clock changes and missions, is told to all three.
//!
//! ```text
//! cargo build --release -p mission-server -p mission-cli -p mission-benches
//! target/release/agree [--users N] [--days N] [--seed N] [--folder DIR]
//! ```
//!
//! The binaries are taken from the folder of this program. It ends with 1 where anything differs; the pack and the log
//! are then left behind, and the same seed, users and days give the same history again.

#![expect(clippy::print_stdout, reason = "it reports")]

mod accounts;
mod action;
mod answer;
mod client;
mod compare;
mod history;
mod life;
mod model;
mod moments;
mod pack;
mod play;
mod replay;
#[path = "../load/server.rs"]
#[expect(dead_code, reason = "the load generator measures the server as well")]
mod server;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Instant};

use history::History;
use pack::GeneratedPack;

/// What can go wrong here is reported as it is.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

struct Options {
    seed: u64,
    users: u32,
    days: u32,
    /// Where the pack, the log and the database are made.
    folder: PathBuf,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Options {
            seed: fastrand::u64(..1_000_000_000),
            users: 1000,
            days: 400,
            folder: std::env::temp_dir(),
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            let number = || value.parse().map_err(|error| format!("{word} {value}: {error}"));
            match word.as_str() {
                "--seed" => options.seed = value.parse()?,
                "--users" => options.users = number()?,
                "--days" => options.days = number()?,
                "--folder" => options.folder = value.into(),
                _ => {
                    let known = "--seed, --users, --days, --folder";
                    return Err(format!("unknown option `{word}`; there are {known}").into());
                }
            }
        }
        Ok(options)
    }
}

/// How many differences are told one by one.
const MOST_TOLD: usize = 20;

fn main() -> Result<ExitCode> {
    let Options {
        seed,
        users,
        days,
        folder,
    } = Options::read()?;
    println!("agree --seed {seed} --users {users} --days {days}");
    let mut random = fastrand::Rng::with_seed(seed);
    let begun = Instant::now();
    let folder = tempfile::Builder::new().prefix("agree").tempdir_in(folder)?;
    let pack = GeneratedPack::generate(&mut random)?;
    pack.write(&folder.path().join("pack"))?;
    let history = History::generate(&mut random, users, days);
    println!(
        "{} requests of {} users at {} instants from {}, {} points scale, default zone {} ({:.1?})",
        history.actions(),
        history.users.len(),
        history.instants.len(),
        history.start,
        u8::from(pack.points_scale),
        pack.check_in.default_zone(),
        begun.elapsed()
    );

    let begun = Instant::now();
    let modelled = model::live(&history, &pack)?;
    println!("model:  {:.1?}", begun.elapsed());

    let begun = Instant::now();
    let replayed = replay::run(folder.path(), &history)?;
    println!("replay: {:.1?}", begun.elapsed());

    let begun = Instant::now();
    let played = play::run(folder.path(), &history)?;
    println!("server: {:.1?}", begun.elapsed());

    let summary = compare::all(&history, &modelled, &replayed, &played);
    for difference in summary.differences.iter().take(MOST_TOLD) {
        println!("{difference}");
    }
    println!("{summary}");
    if summary.differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("the pack and the log are left in {}", folder.keep().display());
    Ok(ExitCode::FAILURE)
}
