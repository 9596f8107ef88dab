//! Are rings found, and ordinary people left alone? A population is generated with planted rings, and what the detector
//! says of it is compared with what was planted.
//!
//! ```text
//! cargo build --release -p mission-benches --bin rings
//! target/release/rings [--accounts N] [--seed N]
//! ```
//!
//! Without a seed a fresh one is drawn, and printed. It ends with 1 where fewer than 0.9 of the accounts that are found
//! were planted (precision), or fewer than 0.9 of those planted are found (recall).
//!
//! The generator knows nothing of the detector: ordinary people live in households, work in offices, learn in schools and
//! share devices, addresses, hours and invite codes; rings do what somebody who farms rewards would do.

#![expect(clippy::print_stdout, reason = "it reports")]

mod habits;
mod measure;
mod people;
mod places;
mod planted;
mod world;

use std::{error::Error, process::ExitCode, time::Instant};

use mission_core::fraud::rings::{RingPolicy, find_rings};

use measure::Measured;
use world::World;

/// The least precision and recall that are good enough, in percent.
const LEAST: usize = 90;

struct Options {
    seed: u64,
    accounts: usize,
}

impl Options {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut options = Options {
            seed: fastrand::u64(..1_000_000_000),
            accounts: 100_000,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
            match word.as_str() {
                "--seed" => options.seed = value.parse()?,
                "--accounts" => options.accounts = value.parse()?,
                _ => return Err(format!("unknown option `{word}`; there are --seed, --accounts").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Options { seed, accounts } = Options::read()?;
    println!("rings --seed {seed} --accounts {accounts}");
    let begun = Instant::now();
    let world = World::generate(seed, accounts)?;
    println!(
        "{} accounts, {} of them in {} planted rings ({:.1?})",
        world.accounts.len(),
        world
            .planted
            .values()
            .map(|planted| planted.accounts)
            .sum::<usize>(),
        world.planted.values().map(|planted| planted.rings).sum::<usize>(),
        begun.elapsed()
    );
    let begun = Instant::now();
    let rings = find_rings(&world.accounts, &RingPolicy::default(), world.now);
    let took = begun.elapsed();
    let measured = Measured::of(&world, &rings);
    println!("{measured}");
    println!(
        "{} rings found in {took:.1?}: {:.0} accounts a second",
        rings.len(),
        world.accounts.len() as f64 / took.as_secs_f64()
    );
    if measured.is_at_least(LEAST) {
        return Ok(ExitCode::SUCCESS);
    }
    println!("precision and recall have to be at least 0.{LEAST}");
    Ok(ExitCode::FAILURE)
}
