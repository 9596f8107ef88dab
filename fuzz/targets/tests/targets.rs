//! The fuzz targets in `cargo test`: first every seed, among them what once broke a promise, then inputs that are drawn
//! from the seeds by edits, and bytes of any kind. As many as `PROPTEST_CASES` says, else as many as take seconds.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::{
    fmt::{self, Write as _},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};

/// One change of an input, as a mutation of libFuzzer's.
#[derive(Clone, Debug)]
enum Edit {
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Overwrite(Index, u8),
    /// A part of some seed, put somewhere.
    Splice {
        seed: Index,
        from: Index,
        length: usize,
        at: Index,
    },
}

impl Edit {
    fn apply(&self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let place = |at: &Index, input: &[u8]| at.index(input.len() + 1);
        match self {
            Edit::Insert(at, bytes) => {
                let at = place(at, input);
                input.splice(at..at, bytes.iter().copied());
            }
            Edit::Remove(at, length) => {
                let at = place(at, input);
                input.drain(at..(at + length).min(input.len()));
            }
            Edit::Overwrite(at, byte) => {
                let at = place(at, input);
                if let Some(found) = input.get_mut(at) {
                    *found = *byte;
                }
            }
            Edit::Splice {
                seed,
                from,
                length,
                at,
            } => {
                let seed = seed.get(seeds);
                let from = place(from, seed);
                let part = &seed[from..(from + length).min(seed.len())];
                let at = place(at, input);
                input.splice(at..at, part.iter().copied());
            }
        }
    }
}

/// Letters more often than other bytes: half of the targets read text.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![4 => b' '..=b'~', 1 => any::<u8>()]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), prop::collection::vec(byte(), 1..8)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Edit::Overwrite(at, byte)),
        (any::<Index>(), any::<Index>(), 1..80_usize, any::<Index>()).prop_map(|(seed, from, length, at)| {
            Edit::Splice {
                seed,
                from,
                length,
                at,
            }
        }),
    ]
}

/// An input. `Debug` shows it as text where it is one.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

fn input(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Input> {
    let edited = (any::<Index>(), prop::collection::vec(edit(), 1..8)).prop_map(move |(seed, edits)| {
        let mut input = seed.get(&seeds).clone();
        for edit in edits {
            edit.apply(&mut input, &seeds);
        }
        Input(input)
    });
    prop_oneof![
        3 => edited,
        1 => prop::collection::vec(any::<u8>(), 0..2000).prop_map(Input),
    ]
}

/// A failure, with the file that holds its input.
#[derive(Debug)]
struct Failure {
    input: Vec<u8>,
    path: PathBuf,
    message: String,
}

impl Failure {
    fn keep(target: &str, input: Vec<u8>, reason: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{target}.failed"));
        fs::write(&path, &input).unwrap();
        let mut message = String::new();
        // Writing into a string cannot fail.
        let _ = write!(
            message,
            "{target}: {reason}\nthe input is b\"{}\", kept in {}\nagain: cargo fuzz run -s none {target} {}\n\
             for good: put it into fuzz/seeds/{target}",
            input.escape_ascii(),
            path.display(),
            path.display(),
        );
        Failure { input, path, message }
    }
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

/// Tries a target on its seeds, and on inputs besides.
fn drive(name: &str, seeds: Vec<Vec<u8>>, mut runner: TestRunner, target: fn(&[u8])) -> Result<(), Failure> {
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for seed in &seeds {
        if catch_unwind(AssertUnwindSafe(|| target(seed))).is_err() {
            return Err(Failure::keep(name, seed.clone(), "a seed broke a promise"));
        }
    }
    let outcome = runner.run(&input(seeds), |Input(bytes)| {
        target(&bytes);
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, Input(bytes))) => Err(Failure::keep(name, bytes, reason.message())),
        Err(TestError::Abort(reason)) => panic!("{name}: {reason}"),
    }
}

fn run(name: &str, cases: u32, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds").join(name);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let seeds = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let asked = std::env::var("PROPTEST_CASES").ok();
    let cases = asked.map_or(cases, |cases| cases.parse().unwrap());
    if let Err(failure) = drive(name, seeds, TestRunner::new(config(cases)), target) {
        panic!("{}", failure.message);
    }
}

#[test]
fn commands() {
    run("commands", 60, mission_fuzz_targets::commands);
}

#[test]
fn compiled() {
    run("compiled", 3000, mission_fuzz_targets::compiled);
}

#[test]
fn pack() {
    run("pack", 300, mission_fuzz_targets::pack);
}

#[test]
fn script() {
    run("script", 500, mission_fuzz_targets::script);
}

#[test]
fn wire() {
    run("wire", 10_000, mission_fuzz_targets::wire);
}

/// Every target of the fuzzer is among those above, and has seeds.
#[test]
fn no_target_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz_targets");
    let mut found: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    found.sort();
    let tests = include_str!("targets.rs");
    assert_eq!(found.len(), 5, "{found:?}");
    for name in found {
        assert!(tests.contains(&format!("run(\"{name}\", ")), "{name} is not run");
    }
}

#[test]
fn a_failure_is_found_made_small_and_kept() {
    let target = |bytes: &[u8]| assert!(!bytes.windows(2).any(|pair| pair == b"!!"), "two in a row");
    // The same inputs each time: how small a failure gets depends on which was found.
    let same = || TestRunner::new_with_rng(config(100_000), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let failure = drive("self-test", vec![b"a!b!c".to_vec()], same(), target).unwrap_err();
    assert!(failure.input.len() <= 12, "{failure:?}");
    assert!(failure.message.contains("two in a row") && failure.message.contains("!!"));
    assert_eq!(fs::read(&failure.path).unwrap(), failure.input);

    let failure = drive(
        "self-test-of-seeds",
        vec![b"ok".to_vec(), b"!!".to_vec()],
        same(),
        target,
    )
    .unwrap_err();
    assert_eq!(failure.input, b"!!");
}
