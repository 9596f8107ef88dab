//! Any commands in any order and any batches: nothing is granted twice, nothing is lost, every sum is exact.

mod audit;
mod fixture;
mod operation;

use arbitrary::{Arbitrary, Unstructured};
use fixture::CommandFixture;
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

/// Plays what the bytes say.
///
/// # Panics
/// When the books do not agree after a round.
pub fn commands(bytes: &[u8]) {
    let Ok(rounds) = Vec::<Round>::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let mut fixture = CommandFixture::new();
    for round in rounds.iter().take(ROUNDS) {
        fixture.later(round.minutes_later, round.device);
        fixture.play(&round.operations[..round.operations.len().min(OPERATIONS)]);
        fixture.audit();
    }
}
