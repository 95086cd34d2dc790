//! What runs when a guest starts a program that is not WebAssembly.
//!
//! Contract: a program that the caller's [`ProgramLoader`] knows by its place in the store is run in
//! its way, whatever lies there; the kernel runs `\0asm` files and follows `#!` itself; anything else
//! it shows to the loader, which either gives a module in its place (an applet), or says that
//! only a Linux machine can run it, which ends the build at once.

use crate::engine::Module;
use bstr::{BStr, BString};

/// Reads a file of the view as the guest would; `None` if it cannot be read.
pub type ReadFile<'a> = dyn FnMut(&[u8]) -> Option<Vec<u8>> + 'a;

/// The program that a guest wants to start.
pub struct ProgramQuery<'a> {
    /// The path in the view; its store path identifies the package. For [`ProgramLoader::replace`]
    /// the directory's links are resolved and the name is as it stands there, perhaps a link; for
    /// [`ProgramLoader::load`] all links are resolved.
    pub path: &'a BStr,
    /// The path that was asked for: multi-call programs go by its last component.
    pub requested: &'a BStr,
    /// The argument vector.
    pub argv: &'a [BString],
    /// The first bytes of the file, up to 256; empty for [`ProgramLoader::replace`].
    pub head: &'a [u8],
    /// Reads files of the view, relative ones from the new process's directory.
    pub read: &'a mut ReadFile<'a>,
}

/// The loader's answer.
pub enum LoadAnswer {
    /// Run this module, with the same arguments.
    Run(Module),
    /// Run this module, with these arguments.
    RunAs(Module, Vec<BString>),
    /// A program for Linux only; the reason is for the error message.
    Foreign(String),
    /// No program at all: the guest sees `ENOEXEC`, as for a script without `#!`.
    NotAProgram,
}

/// Decides about programs that the kernel does not run by itself. It is called during `spawn`, with
/// the kernel locked: it must not wait for a guest.
pub trait ProgramLoader: Send + Sync {
    /// Whether `path` is the place of a program that [`ProgramLoader::replace`] answers for. A link
    /// of an input at such a place that leads out of the store is shown as an executable file to
    /// whoever follows it: the program that it means is never looked for.
    fn knows(&self, path: &BStr) -> bool {
        let _ = path;
        false
    }

    /// What runs in place of the program at a place, asked before its file is read, for each link
    /// on the way to it; `None` if the place says nothing. A WebAssembly file is not asked about.
    fn replace(&self, query: ProgramQuery<'_>) -> Option<LoadAnswer> {
        let _ = query;
        None
    }

    /// What runs for a file that is neither WebAssembly nor a script.
    fn load(&self, query: ProgramQuery<'_>) -> LoadAnswer;
}

/// The loader without applets: every program but WebAssembly is foreign.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoApplets;

impl ProgramLoader for NoApplets {
    fn load(&self, query: ProgramQuery<'_>) -> LoadAnswer {
        if is_machine_code(query.head) || query.path == "/bin/sh" {
            LoadAnswer::Foreign("machine code, not WebAssembly".to_owned())
        } else {
            LoadAnswer::NotAProgram
        }
    }
}

/// Whether a file that begins so is a program for some machine: ELF, or Mach-O for one or several.
pub fn is_machine_code(head: &[u8]) -> bool {
    let magics: [&[u8]; 5] = [
        b"\x7fELF",
        b"\xcf\xfa\xed\xfe",
        b"\xce\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"MZ",
    ];
    magics.iter().any(|magic| head.starts_with(magic))
}
