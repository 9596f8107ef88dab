//! What one decision costs once everything it reads is in memory: a check-in and a claim.
//!
//! ```text
//! cargo bench -p mission-benches --bench decide
//! ```

#![expect(clippy::expect_used, reason = "a bench that cannot be set up should stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mission_core::{
    engine::{
        CheckIn, ClaimTask, CommandContext, Interrupt, LoadedRecords, ReadSet, ReportProgress, Request,
        Snapshot, StartTask, decide,
    },
    ports::store::{BlockingStore, WriteSet},
    testing::{EngineFixture, active, definition, mission_id, user},
};

fn decisions(criterion: &mut Criterion) {
    let mut fixture = EngineFixture::at("2026-01-05T10:00:00Z").with(active(1, definition("read-it")));
    let user = user(1);
    for day in 5..15 {
        fixture.set_time(&format!("2026-01-{day:02}T10:00:00Z"));
        fixture.when(CheckIn { user }).expect("the first of its day");
    }
    let mission = mission_id(1);
    let task = fixture
        .when(StartTask { user, mission })
        .expect("the mission is open")
        .task
        .id;
    fixture
        .when(ReportProgress { user, task, value: 1 })
        .expect("the task is open");
    fixture
        .when(mission_core::engine::CompleteTask { user, task })
        .expect("progress is full");

    fixture.set_time("2026-01-15T10:00:00Z");
    measure(
        criterion,
        "decide/check-in",
        &mut fixture,
        CheckIn { user }.into(),
    );
    measure(
        criterion,
        "decide/claim",
        &mut fixture,
        ClaimTask { user, task }.into(),
    );
}

/// Loads until the decision asks for nothing more, then decides again and again on what was loaded.
fn measure(
    criterion: &mut Criterion,
    name: &str,
    fixture: &mut EngineFixture,
    command: mission_core::engine::Command,
) {
    let request = fixture.request(command);
    let facts = everything_it_reads(fixture, &request);
    let (nothing_yet, catalog) = (WriteSet::default(), fixture.catalog.clone());
    let decide_once = || {
        let context = CommandContext::new(&request, &catalog);
        decide(Snapshot::new(&facts, &nothing_yet), &request.command, &context)
    };
    assert!(decide_once().is_ok(), "{name} is refused");
    criterion.bench_function(name, |bencher| bencher.iter(|| black_box(decide_once())));
}

fn everything_it_reads(fixture: &mut EngineFixture, request: &Request) -> LoadedRecords {
    let mut facts = LoadedRecords::default();
    let mut keys = ReadSet::default();
    keys.roots.insert(request.command.home());
    loop {
        facts.extend(BlockingStore::load(&mut fixture.store, &keys).expect("memory can be read"));
        let context = CommandContext::new(request, &fixture.catalog);
        match decide(
            Snapshot::new(&facts, &WriteSet::default()),
            &request.command,
            &context,
        ) {
            Err(Interrupt::NeedsLoad(missing)) => keys = *missing,
            _ => return facts,
        }
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
