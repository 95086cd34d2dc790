//! The shell: any text is a script or has a syntax error, and any pattern matches or does not; neither
//! panics nor takes longer than its length allows.

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let _ = builder_shell::check_syntax(bytes);
    let (pattern, text) = bytes.split_at(bytes.len() / 2);
    let _ = builder_shell::pattern_matches(pattern, text);
}
