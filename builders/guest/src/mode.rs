//! The executable bit, which a NAR records and WASI preview 1 cannot set.
//!
//! The wasibuild host offers `wasibuild_v1.fd_set_mode` (docs/abi.md). A module that imports it
//! does not start on other hosts, so a builder comes in two modules where it matters: one that is
//! given [`plain`] and imports nothing but WASI, and one that is given [`extension`]. Which one
//! a derivation uses is chosen in `nix-plugin/lib`.

use crate::error::{Error, Result};
use std::fs::File;
use std::io;

/// How a file is marked executable, or `None` where the module cannot do it.
pub type MarkExecutable = Option<fn(&File) -> io::Result<()>>;

/// For modules that import only WASI: executable files must be refused.
pub fn plain() -> MarkExecutable {
    None
}

/// For modules that import the extension. In a native twin, the same by `fchmod`.
pub fn extension() -> MarkExecutable {
    Some(set_executable)
}

/// Refuses an executable file in a module that cannot make one. To be called before writing.
pub fn check(executable: bool, mark: MarkExecutable) -> Result<()> {
    if executable && mark.is_none() {
        return Err(Error::Refused(
            "this module imports nothing but WASI, which cannot make a file executable; use the \
             builder's `-executable` module"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The permission bits of an executable before Nix canonicalises them to 555.
const EXECUTABLE: u32 = 0o755;

#[cfg(target_os = "wasi")]
fn set_executable(file: &File) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    crate::host::set_fd_mode(file.as_raw_fd(), EXECUTABLE)
}

#[cfg(unix)]
fn set_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(EXECUTABLE))
}

/// Whether any execute bit of a file is set, as Nix sees an input.
///
/// Plain WASI does not show the mode; a module without the extension takes every file for a plain
/// one (see docs/builders.md for what follows from that).
#[cfg(unix)]
pub fn is_executable(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o111 != 0)
}

/// Whether any execute bit of a file is set, as Nix sees an input. Imports the extension.
#[cfg(target_os = "wasi")]
pub fn is_executable(file: &File) -> io::Result<bool> {
    use std::os::fd::AsRawFd;
    Ok(crate::host::fd_mode(file.as_raw_fd())? & 0o111 != 0)
}
