//! An output as a NAR, or what a failed build left.
//!
//! Contract: all processes of the build are dead, so that nothing changes meanwhile. Entries are
//! sorted by their bytes; nothing is followed. What a store cannot hold (a device, a pipe, a socket) is
//! an error with its path, or is left out. Not recursive, so that depth costs no stack. What large files hold is not read, but
//! handed to the sink as a file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::nar::Writer;

use super::{Result, Tried};

/// From so many bytes on a file is handed over, rather than read.
const LARGE: u64 = 32 << 10;

/// Takes an archive.
pub trait Sink: Write {
    /// Takes the first `size` bytes of a file.
    fn take_file(&mut self, file: &File, size: u64) -> io::Result<()>;
}

/// What becomes of what a store cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// It is an error.
    Refuse,
    /// It is left out: the archive is for people to look at.
    Skip,
}

/// Writes what lies at `root`.
pub fn write(root: &Path, sink: &mut impl Sink, others: Others) -> Result<()> {
    let mut writer = Writer::new(sink);
    // The directories that are open, with what is left of each, last name first.
    let mut open: Vec<(PathBuf, Vec<Vec<u8>>)> = Vec::new();
    node(&mut writer, root.to_owned(), &mut open)?;
    while let Some((directory, names)) = open.last_mut() {
        let Some(name) = names.pop() else {
            writer.end_directory().map_err(|error| error.to_string())?;
            open.pop();
            continue;
        };
        let place = directory.join(super::build::path(&name));
        if others == Others::Skip && !can_be_stored(&place) {
            continue;
        }
        writer.entry(&name).map_err(|error| error.to_string())?;
        node(&mut writer, place, &mut open)?;
    }
    writer.finish().map_err(|error| error.to_string())?;
    Ok(())
}

fn can_be_stored(place: &Path) -> bool {
    let kind = fs::symlink_metadata(place).map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_dir() || kind.is_file() || kind.is_symlink())
}

fn node(
    writer: &mut Writer<&mut impl Sink>,
    place: PathBuf,
    open: &mut Vec<(PathBuf, Vec<Vec<u8>>)>,
) -> Result<()> {
    let shown = || format!("read '{}'", place.display());
    let metadata = fs::symlink_metadata(&place).tried(shown)?;
    let kind = metadata.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(&place).tried(shown)?;
        writer.symlink(target.as_os_str().as_bytes()).tried(shown)
    } else if kind.is_file() {
        let mut file = File::open(&place).tried(shown)?;
        let executable = metadata.permissions().mode() & 0o100 != 0;
        let size = metadata.len();
        if size < LARGE {
            writer.file(executable, size, &mut file).tried(shown)
        } else {
            let whole = |sink: &mut &mut _| Sink::take_file(*sink, &file, size);
            writer.file_by(executable, size, whole).tried(shown)
        }
    } else if kind.is_dir() {
        let mut names = Vec::new();
        for entry in fs::read_dir(&place).tried(shown)? {
            names.push(entry.tried(shown)?.file_name().into_vec());
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        writer.directory().tried(shown)?;
        open.push((place, names));
        Ok(())
    } else {
        Err(format!(
            "'{}' is neither a file, nor a directory, nor a link: a store cannot hold it",
            place.display()
        ))
    }
}
