//! A compiled hook gives what the interpreter gives, or leaves it to the interpreter: the input chooses a script, a
//! context and limits.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    mission_rules::testing::compare(bytes);
});
