//! See `wasibuild_fuzz_targets::shell_state`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasibuild_fuzz_targets::shell_state::run(bytes));
