//! Reading directories in a fixed order.

use crate::bytes;
use bstr::BString;
use std::io;
use std::path::Path;

/// The names in a directory, sorted by their bytes, whatever order the host lists them in.
pub fn list_directory(path: &Path) -> io::Result<Vec<BString>> {
    // The one place in the builders that lists a directory; it sorts.
    #[allow(clippy::disallowed_methods)]
    let entries = std::fs::read_dir(path)?;
    let mut names = entries
        .map(|entry| Ok(bytes::from_os(&entry?.file_name())))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
