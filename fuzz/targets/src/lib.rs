//! What fuzzing tries: each target takes any bytes, and panics where a promise is broken. libFuzzer drives them from
//! `fuzz/fuzz_targets`, and `cargo test` from `tests/`.

mod commands;
mod compiled;
mod pack;
mod script;
mod wire;

pub use self::{commands::commands, compiled::compiled, pack::pack, script::script, wire::wire};

/// The text that bytes begin with.
fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}
