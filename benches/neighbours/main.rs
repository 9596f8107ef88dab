//! What the services around a server cost it: the time of requests that need none of them and of those that do, while
//! they behave in every bad way; and a leaderboard among 5,000 friends against one of all users.
//!
//! ```text
//! cargo build --release -p mission-server -p mission-benches
//! target/release/neighbours [--seconds S] [--users N] [--rounds N] [--postgres URL]
//! ```
//!
//! `--seconds` is for the time with bad services, `--users 0` leaves the leaderboards out. The binaries are taken from
//! the folder of this program; generator, services and server share the machine, so that only ratios mean something.

#![expect(clippy::print_stdout, reason = "it reports")]

mod friends;
mod moods;
#[path = "../load/server.rs"]
#[expect(dead_code, reason = "the load uses more of it")]
mod server;
mod worker;

use std::{error::Error, time::Duration};

/// What can go wrong here is reported as it is.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What is measured.
struct Options {
    time: Duration,
    users: u32,
    rounds: usize,
    postgres: Option<String>,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Options {
            time: Duration::from_secs(30),
            users: 1_000_000,
            rounds: 5,
            postgres: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--seconds" => options.time = Duration::try_from_secs_f64(value.parse()?)?,
                "--users" => options.users = value.parse()?,
                "--rounds" => options.rounds = value.parse()?,
                "--postgres" => options.postgres = Some(value),
                _ => {
                    let known = "--seconds, --users, --rounds, --postgres";
                    return Err(format!("unknown option `{word}`; there are {known}").into());
                }
            }
        }
        Ok(options)
    }
}

fn main() -> Result<()> {
    let options = Options::read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if !options.time.is_zero() {
            moods::measure(options.time).await?;
        }
        if options.users > 0 {
            friends::measure(&options).await?;
        }
        Ok(())
    })
}

/// What a hundredth of some times is above.
fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * of_hundred / 100).min(times.len().saturating_sub(1));
    times.get(place).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
