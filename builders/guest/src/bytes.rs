//! Between bytes and the standard library's paths.
//!
//! File names and attribute values are bytes in Nix. On Unix and on WASI so are `OsStr`s, and this
//! module is the only place that says so.

use bstr::{BStr, BString};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use std::os::unix::ffi::{OsStrExt, OsStringExt};
#[cfg(target_os = "wasi")]
use std::os::wasi::ffi::{OsStrExt, OsStringExt};

/// The path that these bytes spell.
pub fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The bytes of an OS string.
pub fn from_os(text: &OsStr) -> BString {
    BString::from(text.as_bytes())
}

/// The bytes of a path.
pub fn from_path(path: &Path) -> &BStr {
    BStr::new(path.as_os_str().as_bytes())
}

/// Appends a relative path to a path, both as bytes.
pub fn join(base: &Path, relative: &[u8]) -> PathBuf {
    base.join(OsStr::from_bytes(relative))
}

/// The words between ASCII blanks, as a shell splits an unquoted variable.
pub fn words(text: &[u8]) -> Vec<BString> {
    text.split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
        .map(BString::from)
        .collect()
}
