//! Names of units and of what they refer to.
//!
//! NixOS writes them into a shell script without quotes, or in single quotes. Names that the shell
//! would take apart are refused; systemd knows no such names.

use bstr::{BStr, ByteSlice};
use wasibuild_guest::{Error, Result};

/// The longest value of an option in bytes: systemd reads lines up to 1 MiB.
pub const LONGEST_LINE: usize = 1_048_576;

/// Whether a shell would leave the name as it is outside of quotes.
pub fn is_plain(name: &[u8]) -> bool {
    let special = b" \t\n*?[]'\"`$\0";
    !name.is_empty() && !name.iter().any(|byte| special.contains(byte))
}

/// Checks a relative path of plain names.
pub fn check(attribute: &str, name: &str) -> Result<()> {
    let shown = BStr::new(name);
    let problem = if !is_plain(name.as_bytes()) {
        "contains a blank, a quote, a wildcard or `$`, which no unit name may"
    } else if name.starts_with('/') || name.ends_with('/') {
        "begins or ends with a slash; give a name relative to the directory of units"
    } else if name
        .as_bytes()
        .split_str("/")
        .any(|part| matches!(part, b"" | b"." | b".."))
    {
        "contains an empty part, `.` or `..`; name the unit itself"
    } else {
        return Ok(());
    };
    Err(Error::value(attribute, format!("{shown:?} {problem}")))
}

/// The last component of a path.
pub fn base(path: &[u8]) -> &[u8] {
    let path = path.trim_end_with(|character| character == '/');
    match path.rfind_byte(b'/') {
        Some(slash) => path.get(slash + 1..).unwrap_or_default(),
        None => path,
    }
}
