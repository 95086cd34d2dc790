//! The only place that touches the world: descriptors, files, processes, clock. Paths are
//! absolute: the shell's directory is its own, so that a subshell in the same instance can have
//! another. Two implementations with the same functions: `wasm` over WASI preview 1 and the
//! `wasibuild_v1` imports (`docs/abi.md`), `native` over libc for tests, fuzzing and the native
//! twin.

mod descriptor;
#[cfg(unix)]
mod native;
#[cfg(target_os = "wasi")]
mod wasm;
mod witnessed;

use std::io;

pub use descriptor::{
    Handle, bad_descriptor, can_seek, is_broken_pipe, is_not_executable_format, is_terminal,
    not_a_directory, permission_denied, read, seek_back, write,
};
#[cfg(unix)]
use native as system;
#[cfg(target_os = "wasi")]
use wasm as system;
pub use witnessed::*;

/// A process.
pub type Pid = u32;

/// How to open a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenMode {
    pub read: bool,
    pub write: bool,
    pub create: bool,
    pub truncate: bool,
    pub append: bool,
    /// Fail if it exists.
    pub exclusive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Regular,
    Directory,
    Symlink,
    Fifo,
    Socket,
    Char,
    Block,
}

#[derive(Debug, Clone)]
pub struct Stat {
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    pub size: u64,
    pub modified: (i64, i64),
    pub accessed: (i64, i64),
    pub device: u64,
    pub inode: u64,
    pub uid: u32,
    pub gid: u32,
}

/// A question of `access(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
    Execute,
}

/// A program to start. It gets the listed descriptors and no others.
#[derive(Debug)]
pub struct Spawn<'a> {
    pub program: &'a [u8],
    pub argv: &'a [Vec<u8>],
    /// `NAME=value`
    pub env: &'a [Vec<u8>],
    pub cwd: &'a [u8],
    /// Number in the program, and what it is here.
    pub fds: &'a [(u32, &'a Handle)],
    /// Mask for new files; in wasm the kernel passes it on by itself.
    #[cfg_attr(target_os = "wasi", allow(dead_code))]
    pub umask: u32,
    /// Signals that the program begins with ignored.
    pub ignored: &'a [i32],
    /// The script and the line that start it, for the host's messages.
    #[cfg_attr(not(target_os = "wasi"), allow(dead_code))]
    pub place: (&'a [u8], u32),
}

/// What [`wait`] reports: the process, and its status as `$?` has it.
pub type Ended = (Pid, i32);

/// The text of an error as C's `strerror` has it.
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text.get(..at).unwrap_or(&text).to_string(),
        None => text,
    }
}
