//! See `wasibuild_fuzz_targets::narinfo`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasibuild_fuzz_targets::narinfo::run(bytes));
