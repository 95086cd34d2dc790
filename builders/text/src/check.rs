//! A program that looks at the finished file and decides whether the build succeeds.
//!
//! Contract (docs/builders.md): `check` is a WebAssembly program of the store and its arguments; the
//! file's path is added as the last one. It runs with an empty environment in `/`; what it says stands in
//! the build's log, and a status other than 0 fails the build.
//!
//! Counterpart: `checkPhase` of `writeTextFile` in nixpkgs, which is `bash -n -O extglob "$target"` for
//! every shell script that NixOS writes.

use bstr::{BString, ByteSlice};
use std::fs::File;
use std::io;
use std::path::Path;
use wasibuild_guest::host::{Ended, Spawn};
use wasibuild_guest::{Error, MarkExecutable, Result, bytes, output};

/// How a program is started, or `None` where the module cannot do it: only the host's extension can.
pub type RunProgram = Option<fn(&Spawn<'_>) -> io::Result<Ended>>;

/// Reads the attribute: a program and its arguments; no check when it is absent or empty.
pub fn read(words: Vec<BString>, run: RunProgram) -> Result<Vec<BString>> {
    let Some(program) = words.first() else {
        return Ok(words);
    };
    if !program.starts_with_str("/") {
        return Err(Error::value(
            "check",
            format!("`{program}` is no absolute path; the first word names the program"),
        ));
    }
    if run.is_none() {
        return Err(Error::Refused(
            "this module imports nothing but WASI, which cannot start a program for `check`; use \
             the builder's `-executable` module"
                .to_owned(),
        ));
    }
    Ok(words)
}

/// Runs the check on the finished file.
pub fn run(words: &[BString], file: &Path, mark: MarkExecutable, run: RunProgram) -> Result<()> {
    let (Some(program), Some(run)) = (words.first(), run) else {
        return Ok(());
    };
    let path = bytes::to_path(program);
    let mut argv = words.to_vec();
    argv.push(bytes::from_path(file).to_owned());
    let start = |program: &[u8]| {
        run(&Spawn {
            program,
            argv: &argv,
            env: &[],
            cwd: b"/",
            descriptors: &[(0, 0), (1, 1), (2, 2)],
        })
    };
    let ended = match start(program) {
        // A module that Nix copied into the store is a plain file, as those of builders are.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            start(&executable_copy(&path, mark)?)
        }
        other => other,
    }
    .map_err(Error::file(&path, "start the check"))?;
    if ended.code == 0 {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "the check of the file failed with status {}: {}",
        ended.code,
        BString::from(bstr::join(" ", &argv))
    )))
}

/// Copies a program to where it may be executable, which only a program in the sandbox has.
fn executable_copy(program: &Path, mark: MarkExecutable) -> Result<BString> {
    let copy = Path::new("/tmp/check");
    let mut from = File::open(program).map_err(Error::file(program, "read"))?;
    let mut to = output::create_file(copy)?;
    io::copy(&mut from, &mut to).map_err(Error::file(copy, "write"))?;
    output::mark_executable(copy, &to, mark)?;
    Ok(bytes::from_path(copy).to_owned())
}
