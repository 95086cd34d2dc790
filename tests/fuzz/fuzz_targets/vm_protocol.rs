//! See `wasibuild_fuzz_targets::vm_protocol`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wasibuild_fuzz_targets::vm_protocol::run(bytes));
