//! See `wasibuild_fuzz_targets::posix_regex`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasibuild_fuzz_targets::posix_regex::run(bytes));
