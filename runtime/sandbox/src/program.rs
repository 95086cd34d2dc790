//! What runs when a guest starts a program that is not WebAssembly.
//!
//! Contract: the kernel runs `\0asm` files and follows `#!` itself; anything else it shows to the
//! caller's [`ProgramLoader`], which either gives a module in its place (an applet), or says that
//! only a Linux machine can run it, which ends the build at once.

use crate::engine::Module;
use bstr::{BStr, BString};

/// The program that a guest wants to start.
#[derive(Clone, Copy, Debug)]
pub struct ProgramQuery<'a> {
    /// The path in the view with all links resolved; its store path identifies the package.
    pub path: &'a BStr,
    /// The path that was asked for: multi-call programs go by its last component.
    pub requested: &'a BStr,
    /// The argument vector.
    pub argv: &'a [BString],
    /// The first bytes of the file, up to 256.
    pub head: &'a [u8],
}

/// The loader's answer.
pub enum LoadAnswer {
    /// Run this module, with the same arguments.
    Run(Module),
    /// A program for Linux only; the reason is for the error message.
    Foreign(String),
    /// No program at all: the guest sees `ENOEXEC`, as for a script without `#!`.
    NotAProgram,
}

/// Decides about programs that the kernel does not run by itself.
pub trait ProgramLoader: Send + Sync {
    /// Called during `spawn`, with the kernel locked: it must not wait for a guest.
    fn load(&self, query: ProgramQuery<'_>) -> LoadAnswer;
}

/// The loader without applets: every program but WebAssembly is foreign.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoApplets;

impl ProgramLoader for NoApplets {
    fn load(&self, query: ProgramQuery<'_>) -> LoadAnswer {
        let machine_code = query.head.starts_with(b"\x7fELF")
            || query.head.starts_with(b"\xcf\xfa\xed\xfe")
            || query.path == "/bin/sh";
        if machine_code {
            LoadAnswer::Foreign("machine code, not WebAssembly".to_owned())
        } else {
            LoadAnswer::NotAProgram
        }
    }
}
