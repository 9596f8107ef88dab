//! See `mission_fuzz_targets::pack`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mission_fuzz_targets::pack(bytes));
