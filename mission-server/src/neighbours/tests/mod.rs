//! Clients against a neighbour that misbehaves.

mod calls;
mod guard;
mod iam;
mod moderation;
mod social;

use std::{sync::Arc, time::Duration};

use super::{Client, Limits, NeighbourSettings};
use mission_neighbours::StandIn;

/// Limits that a test need not wait long for.
fn quick() -> Limits {
    Limits {
        attempt: Duration::from_millis(300),
        total: Duration::from_secs(2),
        pause: Duration::from_millis(5),
        failures: 1000,
        open_first: Duration::from_millis(300),
        open_longest: Duration::from_millis(300),
        answer_bytes: 100_000,
        ..Limits::default()
    }
}

fn client(neighbour: &StandIn, limits: &Limits) -> Arc<Client> {
    let settings = NeighbourSettings {
        token: Some("hunter2".to_owned().into()),
        ..NeighbourSettings::default()
    };
    let base = neighbour.url.parse().unwrap();
    Arc::new(Client::new("iam", base, &settings, limits).unwrap())
}
