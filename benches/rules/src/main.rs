//! One predicate of five conditions and one decimal score: hand-written Rust, this engine, plain Rhai, and other rule
//! engines, on the same records in one run. Then one event against many missions (100,000; `--missions 1000000` takes some
//! gigabytes), and before all else, while the process is small, a pack of as many missions is loaded.
//!
//! ```text
//! cargo run --release --manifest-path benches/rules/Cargo.toml [-- --missions N]
//! ```

mod matching;
mod others;
mod packs;
mod records;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use mission_core::ports::rules::{RuleContext, Script};
use mission_rules::Scripts;
use records::{Records, reward_by_hand, wanted_by_hand};

const SCRIPT: &str = r#"
fn eligible(ctx) {
    ctx.event.type == "video.watched" && ctx.event.data.seconds >= 30 && ctx.user.level >= 3
        && !("banned" in ctx.user.tags) && ctx.user.country in ["US", "DE", "VN"]
}
fn reward(ctx) {
    let points = ctx.mission.reward.points;
    if ctx.streak.current >= 30 { points *= 1.5; } else if ctx.streak.current >= 7 { points *= 1.2; }
    #{ points: points }
}"#;

/// One way to evaluate something, so many times.
struct Candidate<'c> {
    name: &'static str,
    run: Box<dyn FnMut(usize) + 'c>,
    /// Nanoseconds of one evaluation, a round each.
    rounds: Vec<f64>,
}

impl<'c> Candidate<'c> {
    fn new(name: &'static str, run: impl FnMut(usize) + 'c) -> Self {
        Candidate {
            name,
            run: Box::new(run),
            rounds: Vec::new(),
        }
    }

    fn measure(&mut self, time: Duration, least: usize) {
        let mut evaluations = least;
        loop {
            let started = Instant::now();
            (self.run)(evaluations);
            let elapsed = started.elapsed();
            if elapsed >= time {
                self.rounds.push(elapsed.as_nanos() as f64 / evaluations as f64);
                return;
            }
            evaluations *= 2;
        }
    }

    fn median(&mut self) -> f64 {
        self.rounds.sort_by(f64::total_cmp);
        self.rounds[self.rounds.len() / 2]
    }
}

/// Interleaves the rounds of all, and prints each median with its ratio to the first.
fn compare(title: &str, candidates: &mut [Candidate<'_>]) {
    for _ in 0..9 {
        for candidate in &mut *candidates {
            candidate.measure(Duration::from_millis(20), 64);
        }
    }
    println!("\n{title}\n{:<44} {:>10} {:>12}", "", "ns", "to the first");
    let first = candidates[0].median();
    for candidate in candidates {
        let median = candidate.median();
        println!("{:<44} {median:>10.1} {:>12.2}", candidate.name, median / first);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let most = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--missions"), Some(number)) => number.parse().expect("`--missions` takes a number"),
        (None, _) => 100_000,
        _ => panic!("the only option is `--missions N`"),
    };
    packs::load(most.min(100_000));

    let records: Vec<Records> = (0..64).map(Records::of).collect();
    let contexts: Vec<RuleContext<'_>> = records.iter().map(Records::context).collect();
    let script = Scripts::default().load(SCRIPT).expect("the script compiles");
    for hook in mission_core::ports::rules::Hook::ALL {
        assert_eq!(script.interpreted(hook), None, "{hook} is compiled");
    }
    let wanted = contexts.iter().filter(|context| wanted_by_hand(context)).count();
    assert!(wanted > 8 && wanted < 56, "{wanted} of 64 hold");
    for context in &contexts {
        assert_eq!(script.eligible(context), Ok(Some(wanted_by_hand(context))));
        assert_eq!(script.eligible_interpreted(context), Ok(wanted_by_hand(context)));
        assert_eq!(
            script
                .reward(context)
                .map(|patch| patch.and_then(|patch| patch.points)),
            Ok(Some(reward_by_hand(context)))
        );
    }
    let contexts = &*contexts;
    let each = |mut evaluate: Box<dyn FnMut(&RuleContext<'_>)>| {
        move |times: usize| {
            for at in 0..times {
                evaluate(black_box(&contexts[at % 64]));
            }
        }
    };
    let (compiled, interpreted) = (script.clone(), script.clone());
    let mut predicate = vec![
        Candidate::new(
            "hand-written Rust on the records",
            each(Box::new(|context| {
                black_box(wanted_by_hand(context));
            })),
        ),
        Candidate::new(
            "compiled hook",
            each(Box::new(move |context| {
                black_box(compiled.eligible(context).expect("it gives a value"));
            })),
        ),
        Candidate::new(
            "plain Rhai, context built for each",
            each(Box::new(move |context| {
                black_box(
                    interpreted
                        .eligible_interpreted(context)
                        .expect("it gives a value"),
                );
            })),
        ),
    ];
    predicate.extend(others::predicates(&records));
    compare("A predicate of five conditions", &mut predicate);

    let (compiled, interpreted) = (script.clone(), script);
    let mut score = vec![
        Candidate::new(
            "hand-written Rust on the records",
            each(Box::new(|context| {
                black_box(reward_by_hand(context));
            })),
        ),
        Candidate::new(
            "compiled hook",
            each(Box::new(move |context| {
                black_box(compiled.reward(context).expect("it gives a value"));
            })),
        ),
        Candidate::new(
            "plain Rhai, context built for each",
            each(Box::new(move |context| {
                black_box(interpreted.reward_interpreted(context).expect("it gives a value"));
            })),
        ),
    ];
    score.extend(others::scores(&records));
    compare("A decimal score", &mut score);

    matching::compare(most);
}
