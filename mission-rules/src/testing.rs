//! For tests and fuzzing: scripts made of bytes, evaluated compiled and by the interpreter.

mod context;
mod generator;

use std::sync::Arc;

use mission_core::ports::rules::Hook;
use rhai::{Array, Dynamic, Map};

use crate::{Limits, StoppedStopwatch, compiled::Outcome, program::Engines};
pub(crate) use context::ContextFixture;
pub(crate) use generator::{Bytes, script};

/// What became of a script that was made of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// It does not compile at all.
    Refused,
    /// It is left to the interpreter.
    Interpreted,
    /// It is compiled, and asked the interpreter for what it gives.
    Asked,
    /// It is compiled, and gave the interpreter's value.
    Same,
}

/// Makes a script and a context out of bytes and evaluates its hook both ways.
///
/// ```
/// # use mission_rules::testing::compare;
/// for seed in 0..100_u8 {
///     let bytes: Vec<u8> = (0..200).map(|n| seed.wrapping_mul(n).wrapping_add(n)).collect();
///     compare(&bytes);
/// }
/// ```
///
/// # Panics
/// When the two differ: where the compiled hook gives a value, the interpreter must give the same.
pub fn compare(bytes: &[u8]) -> Comparison {
    let mut bytes = Bytes(bytes);
    let limits = limits(&mut bytes);
    let fixture = ContextFixture::generate(&mut bytes);
    let source = script(&mut bytes);
    let Ok(program) = Engines::new(limits, Arc::new(StoppedStopwatch)).compile(&source) else {
        return Comparison::Refused;
    };
    let context = fixture.context();
    if program.interpreted(Hook::Eligible).is_some() {
        return Comparison::Interpreted;
    }
    let Some(compiled) = program.compiled(Hook::Eligible, &context, dynamic) else {
        return Comparison::Asked;
    };
    let interpreted = program.interpret(Hook::Eligible, &context);
    let is_same = interpreted.as_ref().is_ok_and(|value| same(&compiled, value));
    assert!(
        is_same,
        "compiled: {compiled:?}\ninterpreted: {interpreted:?}\nlimits: {limits:?}\n{source}\n{context:?}"
    );
    Comparison::Same
}

fn limits(bytes: &mut Bytes<'_>) -> Limits {
    let mut limits = Limits::default();
    match bytes.below(16) {
        0 => limits.operations = 100,
        1 => limits.call_depth = 2,
        2 => limits.variables = 4,
        3 => limits.string_bytes = 12,
        4 => limits.array_items = 3,
        5 => limits.map_entries = 2,
        _ => {}
    }
    limits
}

fn dynamic(outcome: Outcome<'_, '_, '_>) -> Option<Dynamic> {
    outcome.into_dynamic()
}

/// Whether two values are the same in type and in every digit.
fn same(left: &Dynamic, right: &Dynamic) -> bool {
    if let (Some(left), Some(right)) = (left.read_lock::<Array>(), right.read_lock::<Array>()) {
        return left.len() == right.len()
            && left
                .iter()
                .zip(right.iter())
                .all(|(left, right)| same(left, right));
    }
    if let (Some(left), Some(right)) = (left.read_lock::<Map>(), right.read_lock::<Map>()) {
        return left.len() == right.len()
            && left
                .iter()
                .zip(right.iter())
                .all(|(left, right)| left.0 == right.0 && same(left.1, right.1));
    }
    left.type_name() == right.type_name() && left.to_string() == right.to_string()
}
