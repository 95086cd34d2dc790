//! See `wasibuild_fuzz_targets::aterm`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasibuild_fuzz_targets::aterm::run(bytes));
