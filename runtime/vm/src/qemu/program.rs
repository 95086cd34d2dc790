//! The emulator's program.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Architecture, MachineError};

/// A release of QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32);

/// The first that shares a directory from macOS (9p on Darwin came with 7.1).
pub const MIN_VERSION: Version = Version(7, 1);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A QEMU that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// Its release.
    pub version: Version,
}

/// Where the emulator is: `named`, or the first in `path` (the form of `PATH`).
///
/// # Errors
/// When there is none.
pub fn locate(
    architecture: Architecture,
    named: Option<&Path>,
    path: Option<&std::ffi::OsStr>,
) -> Result<PathBuf, MachineError> {
    let name = named.unwrap_or(Path::new(architecture.qemu()));
    if name.components().count() > 1 {
        return Ok(name.to_owned());
    }
    path.iter()
        .flat_map(|path| std::env::split_paths(path))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            missing(
                architecture,
                name,
                "it is in no directory of PATH".to_owned(),
            )
        })
}

fn missing(architecture: Architecture, program: &Path, problem: String) -> MachineError {
    MachineError::NoQemu {
        program: program.display().to_string(),
        problem,
        package: architecture.qemu_package(),
    }
}

/// Finds the emulator, as [`locate`] does, and asks for its version.
///
/// # Errors
/// When there is none, or it is too old.
pub fn find(
    architecture: Architecture,
    named: Option<&Path>,
    path: Option<&std::ffi::OsStr>,
) -> Result<Program, MachineError> {
    let path = locate(architecture, named, path)?;
    let output = Command::new(&path)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing(architecture, &path, error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(version) = parse(&text) else {
        let first = text.lines().next().unwrap_or_default();
        let problem = format!(
            "it does not say its version, but '{}'",
            first.escape_debug()
        );
        return Err(missing(architecture, &path, problem));
    };
    if version < MIN_VERSION {
        return Err(MachineError::OldQemu {
            program: path,
            found: version.to_string(),
        });
    }
    Ok(Program { path, version })
}

/// The version in `QEMU emulator version 7.2.22 (…)`.
fn parse(text: &str) -> Option<Version> {
    let (_, rest) = text.split_once("QEMU emulator version ")?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    Some(Version(
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let debian = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright";
        assert_eq!(parse(debian), Some(Version(7, 2)));
        assert_eq!(parse("QEMU emulator version 10.1.0"), Some(Version(10, 1)));
        assert_eq!(parse("qemu: unknown option"), None);
        assert!(Version(10, 0) > MIN_VERSION && Version(6, 9) < MIN_VERSION);
    }

    #[test]
    fn a_missing_program_says_how_to_get_it() {
        let error = find(Architecture::Aarch64, None, Some("/nonexistent".as_ref()));
        let text = error.expect_err("none").to_string();
        assert!(text.contains("qemu-system-arm"), "{text}");
    }
}
