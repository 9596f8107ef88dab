//! The simulator: a fixed set of seeds passes, and whatever is broken on purpose is noticed.

use mission_core::testing::simulation::{Guarantee, Mutation, Schedule, Summary, Violation, check_seed};

/// As many as a debug build plays in some seconds. CI plays others, new ones each time: `.ci/run simulation`.
const SEEDS: u64 = 300;

/// The first seed below 1,000 on which a broken guarantee shows, and how.
fn caught(mutation: Mutation) -> (u64, Violation) {
    let run = |seed| Some((seed, Schedule::from_seed(seed).run(Some(mutation)).err()?));
    (0..1_000)
        .find_map(run)
        .unwrap_or_else(|| panic!("{} goes unnoticed", mutation.name()))
}

#[test]
fn a_fixed_set_of_seeds_passes() {
    let mut all = Summary::default();
    for seed in 0..SEEDS {
        all += check_seed(seed, None).unwrap_or_else(|failure| panic!("{failure}"));
    }
    // They would pass as well if nothing happened.
    let seeds = usize::try_from(SEEDS).unwrap();
    assert!(all.commits > 20 * seeds && all.bookings > 2 * seeds, "{all}");
    assert!(all.erasures > 10, "{all}");
    let rare = [
        all.conflicts,
        all.replays,
        all.crashes,
        all.exhausted,
        all.reviews,
    ];
    assert!(rare.iter().all(|count| *count > seeds / 10), "{all}");
}

/// Seeds that once failed: a refusal that was decided before an erasure, and written after it.
#[test]
fn what_was_found_once_stays_mended() {
    for seed in [501_657, 501_824, 502_410] {
        check_seed(seed, None).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// Which guarantee is broken is known, and no other is blamed.
#[test]
fn every_mutation_is_caught_by_what_it_breaks() {
    let broken: [(Mutation, &[Guarantee]); 11] = [
        (Mutation::NoOutboxDedupe, &[Guarantee::WalletExact]),
        (
            Mutation::VersionCheckOff,
            &[
                Guarantee::PointsAddUp,
                Guarantee::EventsCounted,
                Guarantee::StreakAsModelled,
                Guarantee::TaskSound,
                Guarantee::OneGrant,
                Guarantee::Erasure,
            ],
        ),
        (Mutation::AcknowledgeBeforeCommit, &[Guarantee::NoEventLost]),
        (Mutation::LeaseNotChecked, &[Guarantee::OneSender]),
        (Mutation::ReceiptIgnored, &[Guarantee::OneEffect]),
        (Mutation::BudgetUnguarded, &[Guarantee::BudgetKept]),
        (Mutation::InboundIdNotKept, &[Guarantee::OneEffect]),
        (Mutation::RetryWithNewId, &[Guarantee::OneEffect]),
        (Mutation::AnswerBeforeCommit, &[Guarantee::DurableAnswer]),
        (
            Mutation::SentBeforeConfirm,
            &[Guarantee::OrderKept, Guarantee::Convergence],
        ),
        (Mutation::OrderIgnored, &[Guarantee::OrderKept]),
    ];
    assert_eq!(broken.map(|(mutation, _)| mutation), Mutation::ALL);
    for (mutation, guarantees) in broken {
        let (_, found) = caught(mutation);
        assert!(
            guarantees.contains(&found.guarantee),
            "{}: {found}",
            mutation.name()
        );
    }
}

#[test]
fn a_seed_always_gives_the_same_simulation() {
    for seed in 0..10 {
        let (one, other) = (Schedule::from_seed(seed), Schedule::from_seed(seed));
        assert_eq!(one, other);
        let trace = one.trace(None);
        assert!(trace.len() > 100, "{trace:#?}");
        assert_eq!(trace, other.trace(None));
        assert_eq!(one.run(None), other.run(None));
    }
}

#[test]
fn a_failure_prints_its_seed_and_shrinks_to_what_shows_it() {
    let mutation = Mutation::NoOutboxDedupe;
    let (seed, violation) = caught(mutation);
    let failure = check_seed(seed, Some(mutation)).unwrap_err();
    assert_eq!(
        (failure.seed, failure.violation.guarantee),
        (seed, violation.guarantee)
    );
    let whole = Schedule::from_seed(failure.seed);
    assert!(failure.shrunk.steps.len() * 10 < whole.steps.len(), "{failure}");
    assert_eq!(failure.shrunk.run(Some(mutation)), Err(failure.violation.clone()));
    // Nothing of it can be left out.
    for place in 0..failure.shrunk.steps.len() {
        let mut less = failure.shrunk.clone();
        less.steps.remove(place);
        let found = less.run(Some(mutation)).err().map(|found| found.guarantee);
        assert_ne!(found, Some(failure.violation.guarantee), "{failure}");
    }
    let printed = failure.to_string();
    let again = format!("--seed {} --mutation {}", failure.seed, mutation.name());
    assert!(printed.ends_with(&again), "{printed}");
    let same = check_seed(failure.seed, Some(mutation)).unwrap_err();
    assert_eq!(same.to_string(), printed);
}
