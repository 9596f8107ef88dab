//! Any commands in any order and any batches: nothing is granted twice, nothing is lost, every sum is exact.

#![no_main]

mod audit;
mod fixture;
mod operation;

use arbitrary::Arbitrary;
use fixture::CommandFixture;
use libfuzzer_sys::fuzz_target;
use operation::Operation;

/// Some commands that wait together, and how much later they do.
#[derive(Arbitrary, Debug)]
struct Round {
    minutes_later: u16,
    device: u8,
    operations: Vec<Operation>,
}

/// Enough for several days and periods; more only slows each try down.
const ROUNDS: usize = 24;
const OPERATIONS: usize = 12;

fuzz_target!(|rounds: Vec<Round>| {
    let mut fixture = CommandFixture::new();
    for round in rounds.iter().take(ROUNDS) {
        fixture.later(round.minutes_later, round.device);
        fixture.play(&round.operations[..round.operations.len().min(OPERATIONS)]);
        fixture.audit();
    }
});
