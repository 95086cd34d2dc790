//! Starting other programs: the search along `PATH`, and what the child gets.
//!
//! Contract: the child has this process's descriptors but the preopened directories, its working
//! directory, and the given environment. Counterpart: `execvp(3)`.

use super::errno::{Result, from_io};
use super::fs;
use bstr::{BString, ByteSlice};
use rustix::io::Errno;
use wasibuild_guest::host::{self, Ended, Spawn};

/// The environment as `NAME=value`, in the process's order.
#[allow(clippy::disallowed_methods)] // The environment of an applet is an input like its words.
pub fn environment() -> Vec<BString> {
    std::env::vars_os()
        .map(|(name, value)| {
            let mut word = wasibuild_guest::bytes::from_os(&name);
            word.push(b'=');
            word.extend_from_slice(&wasibuild_guest::bytes::from_os(&value));
            word
        })
        .collect()
}

/// The value of a variable in a list of `NAME=value`.
pub fn variable<'a>(environment: &'a [BString], name: &str) -> Option<&'a [u8]> {
    environment
        .iter()
        .find_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// Starts `argv` with this environment and waits for its end.
pub fn run(argv: &[BString], environment: &[BString], stdin: bool) -> Result<Ended> {
    let name = argv.first().ok_or(Errno::INVAL)?;
    let here = super::program::here()?;
    let mut descriptors = host::inheritable();
    descriptors.retain(|(child, _)| stdin || *child != 0);
    let start = |program: &[u8]| {
        let request = Spawn {
            program,
            argv,
            env: environment,
            cwd: &here,
            descriptors: &descriptors,
        };
        host::run(&request).map_err(|error| from_io(&error))
    };
    if name.is_empty() {
        return Err(Errno::NOENT);
    }
    if name.contains(&b'/') {
        return start(name);
    }
    let path = variable(environment, "PATH").unwrap_or(b"/bin:/usr/bin");
    let mut denied = false;
    for directory in path.split_str(":") {
        let directory: &[u8] = if directory.is_empty() {
            b"."
        } else {
            directory
        };
        let program = fs::join(directory, name);
        match fs::stat(&program) {
            Ok(meta) if meta.is_dir() => denied = true,
            Ok(_) => match start(&program) {
                Err(Errno::ACCESS) => denied = true,
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                other => return other,
            },
            Err(Errno::ACCESS) => denied = true,
            Err(_) => {}
        }
    }
    Err(if denied { Errno::ACCESS } else { Errno::NOENT })
}
