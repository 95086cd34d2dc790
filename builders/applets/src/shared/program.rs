//! The running program: its name in messages, its exit status, and how it refuses.
//!
//! Counterpart: gnulib's `error` and `usage`.

use super::errno;
use super::io;
use bstr::{BString, ByteSlice};
use rustix::io::Errno;
use std::sync::OnceLock;

static NAME: OnceLock<BString> = OnceLock::new();
static BASE_NAME: OnceLock<BString> = OnceLock::new();

/// Takes the process's argument vector, and goes to the directory that it was started in. The
/// vector's first word becomes the program's name.
pub fn start() -> Vec<BString> {
    let mut words = std::env::args_os().map(|word| wasibuild_guest::bytes::from_os(&word));
    let name = words.next().unwrap_or_default();
    let base = name.rsplit_str("/").next().unwrap_or_default();
    let _ = BASE_NAME.set(base.into());
    let _ = NAME.set(name);
    if let Err(error) = wasibuild_guest::host::adopt_cwd() {
        refuse(&format!("the working directory is gone: {error}"));
    }
    words.collect()
}

/// The name as the program was called, for messages.
pub fn name() -> &'static [u8] {
    NAME.get().map_or(b"", |name| name.as_slice())
}

/// Its last component.
pub fn base_name() -> &'static [u8] {
    BASE_NAME.get().map_or(b"", |name| name.as_slice())
}

/// Ends the whole build: this invocation is beyond the applet.
pub fn refuse(reason: &str) -> ! {
    io::flush_quietly();
    wasibuild_guest::host::refuse(&format!("{}: {reason}", base_name().as_bstr()))
}

/// Ends the program with this status, after its output.
pub fn exit(status: u8) -> ! {
    let status = io::finish(status);
    std::process::exit(i32::from(status))
}

/// One line on standard error: `NAME: ` and the parts.
pub fn complain(parts: &[&[u8]]) {
    io::flush_quietly();
    let mut line = name().to_vec();
    line.extend_from_slice(b": ");
    for part in parts {
        line.extend_from_slice(part);
    }
    line.push(b'\n');
    io::write_error(&line);
}

/// The same, and the text of an error number.
pub fn complain_errno(parts: &[&[u8]], number: Errno) {
    let mut parts = parts.to_vec();
    parts.extend([b": ".as_slice(), errno::text(number).as_bytes()]);
    complain(&parts);
}

/// Complains and ends.
pub fn die(status: u8, parts: &[&[u8]]) -> ! {
    complain(parts);
    exit(status)
}

/// Complains with the text of an error number and ends.
pub fn die_errno(status: u8, parts: &[&[u8]], number: Errno) -> ! {
    complain_errno(parts, number);
    exit(status)
}

/// Points to `--help` and ends.
pub fn usage(status: u8) -> ! {
    io::flush_quietly();
    let mut line = Vec::new();
    // diffutils says its name here too.
    if matches!(base_name(), b"cmp" | b"diff" | b"sdiff") {
        line.extend_from_slice(name());
        line.extend_from_slice(b": ");
    }
    line.extend_from_slice(b"Try '");
    line.extend_from_slice(name());
    if base_name() == b"tar" {
        line.extend_from_slice(b" --help' or '");
        line.extend_from_slice(name());
        line.extend_from_slice(b" --usage' for more information.\n");
    } else {
        line.extend_from_slice(b" --help' for more information.\n");
    }
    io::write_error(&line);
    exit(status)
}

/// Complains, points to `--help`, ends.
pub fn usage_error(status: u8, parts: &[&[u8]]) -> ! {
    complain(parts);
    usage(status)
}

/// The working directory.
pub fn here() -> errno::Result<BString> {
    match std::env::current_dir() {
        Ok(path) => Ok(wasibuild_guest::bytes::from_path(&path).to_owned()),
        Err(error) => Err(errno::from_io(&error)),
    }
}
