//! See `wasibuild_fuzz_targets::export`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasibuild_fuzz_targets::export::run(bytes));
