//! The shell: any text is a script or has a syntax error, and any pattern matches or does not; neither
//! panics nor takes longer than its length allows.

/// Runs one input.
pub fn run(bytes: &[u8]) {
    // It runs in a thread: nothing else comes back from one that panicked.
    let read = builder_shell::check_syntax(bytes);
    assert_ne!(read, Err("no thread".to_owned()));
    let (pattern, text) = bytes.split_at(bytes.len() / 2);
    let _ = builder_shell::pattern_matches(pattern, text);
}
