//! The shell's expansions: parameters, quotes, braces, arithmetic, patterns, conditions, and `printf`.
//! Any script's words become something within small bounds; no panic, and no time without end.

/// Runs one input.
pub fn run(bytes: &[u8]) {
    // It runs in a thread: nothing comes back from one that panicked.
    builder_shell::expand_only(bytes).expect("an answer");
}
