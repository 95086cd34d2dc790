//! The shell's arguments: which of them is the script, and where the sandbox has it.
//!
//! Contract: options are those of bash(1), which the shell reads again itself. A script below the
//! shown directory, or in the store, keeps its place; any other is put into `/tmp` under its own
//! name, which is what `$0` shows.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};

use super::Planted;
use crate::environment::BUILD_DIR;

/// What the shell is called with.
#[derive(Debug)]
pub struct Words {
    /// Its arguments.
    pub arguments: Vec<BString>,
    /// The script, if it must be put somewhere.
    pub script: Option<Planted>,
}

/// Finds the script among the arguments.
///
/// # Errors
/// When it cannot be read.
pub fn words(
    arguments: &[OsString],
    shown: Option<&Path>,
    inputs: &BTreeMap<String, PathBuf>,
) -> io::Result<Words> {
    let mut words: Vec<BString> = arguments
        .iter()
        .map(|word| BString::from(word.as_bytes()))
        .collect();
    let mut script = None;
    if let Some(word) = script_index(&words).and_then(|index| words.get_mut(index))
        && !in_store(word, inputs)
    {
        (*word, script) = place(Path::new(OsStr::from_bytes(word)), shown)?;
    }
    Ok(Words {
        arguments: words,
        script,
    })
}

/// The number of the word that names the script; none with `-c` and `-s`.
fn script_index(words: &[BString]) -> Option<usize> {
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let letters = match word.as_slice() {
            b"--" | b"-" => return Some(index + 1),
            [b'-', b'-', ..] => b"",
            [b'-' | b'+', letters @ ..] => letters,
            _ => return Some(index),
        };
        if word.starts_with(b"-") && letters.find_byteset(b"cs").is_some() {
            return None;
        }
        // `-o NAME` and `-O NAME`.
        let takes_word = letters.find_byteset(b"oO").is_some();
        index += if takes_word { 2 } else { 1 };
    }
    None
}

fn in_store(word: &BString, inputs: &BTreeMap<String, PathBuf>) -> bool {
    let below = word.strip_prefix(b"/nix/store/");
    let name = below.and_then(|below| below.split_str("/").next());
    name.and_then(|name| name.to_str().ok())
        .is_some_and(|name| inputs.contains_key(name))
}

/// Where the sandbox has the script of this name, and what must be put there.
fn place(file: &Path, shown: Option<&Path>) -> io::Result<(BString, Option<Planted>)> {
    let real = fs::canonicalize(file).map_err(|error| named(file, error))?;
    if let Some(shown) = shown
        && let Ok(below) = real.strip_prefix(fs::canonicalize(shown)?)
    {
        let mut path = BString::from(BUILD_DIR);
        path.push(b'/');
        path.extend_from_slice(below.as_os_str().as_bytes());
        return Ok((path, None));
    }
    let text = fs::read(&real).map_err(|error| named(file, error))?;
    let name = file.file_name().unwrap_or_else(|| OsStr::new("script"));
    let mut path = BString::from("/tmp/");
    path.extend_from_slice(name.as_bytes());
    let object = FileSystemObject::File {
        executable: true,
        contents: Contents::from(text),
    };
    Ok((path.clone(), Some((path, object))))
}

fn named(file: &Path, error: io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot read the script '{}': {error}", file.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_found_behind_options() {
        let index = |line: &str| {
            let words: Vec<BString> = line.split_whitespace().map(BString::from).collect();
            script_index(&words)
        };
        assert_eq!(index("a b"), Some(0));
        assert_eq!(index("-ex a"), Some(1));
        assert_eq!(index("-e -o pipefail +x a"), Some(4));
        assert_eq!(index("-O extglob a"), Some(2));
        assert_eq!(index("-- -a"), Some(1));
        assert_eq!(index("--norc a"), Some(1));
        assert_eq!(index("-c a"), None);
        assert_eq!(index("-ec a"), None);
        assert_eq!(index("-s a"), None);
        assert_eq!(index(""), None);
    }
}
