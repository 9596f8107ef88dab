//! What of a script ran.

use mission_core::ports::rules::{Hook, ScriptCompiler};
use mission_rules::{
    Scripts,
    coverage::{BranchCoverage, CoverageCompiler},
};

use crate::hooks::ContextFixture;

fn branch(line: usize, holds: bool, times: u64) -> BranchCoverage {
    BranchCoverage { line, holds, times }
}

#[test]
fn lines_and_both_ways_of_each_if_are_counted() {
    let source = "fn eligible(ctx) {
    if ctx.user.level >= 9 {
        return true;
    }
    let yes = if ctx.user.level > 3 { true } else { false };
    yes
}
fn progress(ctx) {
    if ctx.event.data.seconds >= 60 {
        2
    } else if ctx.event.data.seconds >= 30 {
        1
    } else if ctx.event.data.seconds >= 10 {
        0
    } else {
        0
    }
}
fn verify(ctx) {
    true
}";
    let scripts = Scripts::default();
    let coverage = CoverageCompiler::new(&scripts);
    let script = coverage.compile(source).unwrap();
    let fixture = ContextFixture::new();
    for _ in 0..2 {
        assert_eq!(script.eligible(&fixture.context()), Ok(Some(true)));
        assert_eq!(script.progress(&fixture.context()), Ok(Some(1)));
    }
    let covered = coverage.of(source).unwrap();
    let ran: Vec<(usize, u64)> = covered.lines.into_iter().collect();
    assert_eq!(
        ran,
        [
            (2, 2),
            (3, 0),
            (5, 2),
            (6, 2),
            (9, 2),
            (10, 0),
            (12, 2),
            (14, 0),
            (16, 0),
            (20, 0)
        ]
    );
    assert_eq!(
        covered.branches,
        [
            branch(2, true, 0),
            branch(2, false, 2),
            branch(5, true, 2),
            branch(5, false, 0),
            branch(9, true, 0),
            branch(9, false, 2),
            branch(11, true, 2),
            branch(11, false, 0),
            branch(13, true, 0),
            branch(13, false, 0),
        ]
    );
}

#[test]
fn a_script_that_never_ran_is_all_untried_and_one_that_fails_runs_until_there() {
    let scripts = Scripts::default();
    let coverage = CoverageCompiler::new(&scripts);
    let untried = coverage.of("fn eligible(ctx) { true }").unwrap();
    assert_eq!((untried.lines_run(), untried.lines.len()), (0, 1));
    let source = "fn eligible(ctx) {\n    let n = 1;\n    throw \"no\";\n    true\n}";
    let script = coverage.compile(source).unwrap();
    let failure = script.eligible(&ContextFixture::new().context()).unwrap_err();
    assert_eq!(failure.hook, Hook::Eligible);
    let covered = coverage.of(source).unwrap();
    assert_eq!(covered.lines.values().copied().collect::<Vec<u64>>(), [1, 1, 0]);
}
