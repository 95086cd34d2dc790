//! The shell's state as bytes, from another instance and from other builds of the run: any bytes are read or
//! told to be none.

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let read = builder_shell::read_state(bytes);
    assert_ne!(read, None, "it panicked");
}
