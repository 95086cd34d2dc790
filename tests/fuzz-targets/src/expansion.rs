//! The shell's expansions: parameters, quotes, braces, arithmetic, patterns, conditions, and `printf`.
//! Any script's words become something within small bounds; no panic, and no time without end.

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let _ = builder_shell::expand_only(bytes);
}
