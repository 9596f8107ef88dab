//! Plays simulated deployments, one a seed, and says how many a minute it does. The first that fails is printed, shrunk,
//! with what happens in it.
//!
//! ```sh
//! cargo run --release -p mission-core --features testing --example simulate -- --seeds 10000
//! cargo run -p mission-core --features testing --example simulate -- --seed 4711       # one again
//! cargo run -p mission-core --features testing --example simulate -- --seed 4711 --trace
//! cargo run -p mission-core --features testing --example simulate -- --mutation version-check-off
//! ```

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::{process::ExitCode, time::Instant};

use clap::{Arg, ArgAction, Command, builder::PossibleValuesParser, value_parser};
use mission_core::testing::simulation::{Mutation, Schedule, Summary, check_seed};

fn main() -> ExitCode {
    let seed = |name: &'static str| Arg::new(name).long(name).value_parser(value_parser!(u64));
    let arguments = Command::new("simulate")
        .about("Plays simulated deployments, one a seed, until one fails")
        .args([
            seed("from").default_value("0").help("The first seed"),
            seed("seeds").default_value("1000").help("How many seeds"),
            seed("seed")
                .help("This seed alone")
                .conflicts_with_all(["from", "seeds"]),
            Arg::new("mutation")
                .long("mutation")
                .value_parser(PossibleValuesParser::new(Mutation::ALL.map(Mutation::name)))
                .help("A guarantee to break on purpose"),
            Arg::new("trace")
                .long("trace")
                .action(ArgAction::SetTrue)
                .requires("seed")
                .help("Tells what happens in the seed's schedule, whether it fails or not"),
        ])
        .get_matches();
    let number = |name: &str| arguments.get_one::<u64>(name).copied();
    let mutation = arguments.get_one::<String>("mutation");
    let mutation = mutation.and_then(|name| Mutation::named(name));
    let (from, seeds) = match number("seed") {
        Some(seed) => (seed, 1),
        None => (
            number("from").unwrap_or_default(),
            number("seeds").unwrap_or_default(),
        ),
    };
    if arguments.get_flag("trace") {
        for line in Schedule::from_seed(from).trace(mutation) {
            println!("{line}");
        }
    }
    play(from, seeds, mutation)
}

fn play(from: u64, seeds: u64, mutation: Option<Mutation>) -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long it takes is of the program, not of what it simulates"
    )]
    let began = Instant::now();
    let mut all = Summary::default();
    for n in 0..seeds {
        let seed = from.wrapping_add(n);
        match Schedule::from_seed(seed).run(mutation) {
            Ok(summary) => all += summary,
            Err(violation) => {
                // To shrink it may take a while.
                println!("seed {seed} fails: {violation}\n");
                if let Err(failure) = check_seed(seed, mutation) {
                    println!("{failure}");
                }
                return ExitCode::FAILURE;
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let a_minute = 60.0 * f64::from(u32::try_from(seeds).unwrap_or(u32::MAX)) / seconds;
    println!("{seeds} seeds from {from} in {seconds:.1} s, {a_minute:.0} a minute: {all}");
    ExitCode::SUCCESS
}
