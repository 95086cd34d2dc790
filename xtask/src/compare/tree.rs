//! Trees on disk: read, written, removed; as a store has them, with modes 444 and 555 and the time 1.

use anyhow::{Context, Result, bail};
use bstr::BString;
use std::fs::{self, FileTimes, Permissions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};

/// Reads a tree into memory; of its modes only whether a file is executable.
pub fn read(path: &Path) -> Result<FileSystemObject> {
    let context = || format!("reading {}", path.display());
    let meta = fs::symlink_metadata(path).with_context(context)?;
    if meta.is_symlink() {
        let target = fs::read_link(path).with_context(context)?;
        return Ok(FileSystemObject::symlink(
            target.into_os_string().into_vec(),
        ));
    }
    if meta.is_file() {
        let contents = fs::read(path).with_context(context)?;
        return Ok(if meta.permissions().mode() & 0o100 == 0 {
            FileSystemObject::file(contents)
        } else {
            FileSystemObject::executable(contents)
        });
    }
    if !meta.is_dir() {
        bail!(
            "{} is neither a file, nor a directory, nor a link",
            path.display()
        );
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).with_context(context)? {
        let entry = entry.with_context(context)?;
        let name = BString::from(entry.file_name().into_vec());
        entries.push((name, read(&entry.path())?));
    }
    Ok(FileSystemObject::directory(entries))
}

/// Writes a tree as a store has it; nothing may be there.
pub fn write(object: &FileSystemObject, path: &Path) -> Result<()> {
    let context = || format!("writing {}", path.display());
    match object {
        FileSystemObject::Symlink { target } => {
            std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target), path)
                .with_context(context)?;
            return Ok(());
        }
        FileSystemObject::File { contents, .. } => {
            fs::write(path, bytes(contents)?).with_context(context)?;
        }
        FileSystemObject::Directory { entries } => {
            fs::create_dir(path).with_context(context)?;
            for (name, entry) in entries {
                write(entry, &path.join(std::ffi::OsStr::from_bytes(name)))?;
            }
        }
    }
    let executable = !matches!(
        object,
        FileSystemObject::File {
            executable: false,
            ..
        }
    );
    seal(path, executable)
}

/// The bytes of a file of a tree in memory.
pub fn bytes(contents: &Contents) -> Result<bytes::Bytes> {
    Ok(contents.to_bytes(u64::MAX)?)
}

/// Sets the modes and times of everything in a tree as a store has them.
pub fn canonicalise(path: &Path) -> Result<()> {
    let meta = fs::symlink_metadata(path).with_context(|| format!("reading {}", path.display()))?;
    if meta.is_symlink() {
        return Ok(());
    }
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            canonicalise(&entry?.path())?;
        }
    }
    seal(
        path,
        meta.is_dir() || meta.permissions().mode() & 0o100 != 0,
    )
}

/// Sets the mode and the time of one file or directory.
pub fn seal(path: &Path, executable: bool) -> Result<()> {
    let context = || format!("setting the mode and the time of {}", path.display());
    let mode = if executable { 0o555 } else { 0o444 };
    let one = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    // Read first: a file of mode 000 cannot be opened.
    fs::set_permissions(path, Permissions::from_mode(mode)).with_context(context)?;
    let file = fs::File::open(path).with_context(context)?;
    file.set_times(FileTimes::new().set_accessed(one).set_modified(one))
        .with_context(context)
}

/// Removes a tree, whatever its modes; nothing there is no error.
pub fn remove(path: &Path) -> Result<()> {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let context = || format!("removing {}", path.display());
    if meta.is_dir() {
        open_folders(path).with_context(context)?;
        fs::remove_dir_all(path).with_context(context)
    } else {
        fs::remove_file(path).with_context(context)
    }
}

fn open_folders(path: &Path) -> std::io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}

/// Empties a directory, or makes it.
pub fn fresh(path: &Path) -> Result<()> {
    remove(path)?;
    fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))
}

/// The first place where two trees differ, and how; for a message.
pub fn difference(ours: &FileSystemObject, theirs: &FileSystemObject) -> Option<String> {
    use FileSystemObject::{Directory, File, Symlink};
    match (ours, theirs) {
        (Symlink { target: a }, Symlink { target: b }) if a == b => None,
        (Symlink { target: a }, Symlink { target: b }) => {
            Some(format!(": the link leads to '{a}' in place of '{b}'"))
        }
        (
            File {
                executable: a,
                contents: x,
            },
            File {
                executable: b,
                contents: y,
            },
        ) => {
            let (x, y) = (bytes(x).ok()?, bytes(y).ok()?);
            if x != y {
                Some(first_line(&x, &y))
            } else if a != b {
                Some(format!(" is{} executable", if *a { "" } else { " not" }))
            } else {
                None
            }
        }
        (Directory { entries: a }, Directory { entries: b }) => {
            let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            names
                .into_iter()
                .find_map(|name| match (a.get(name), b.get(name)) {
                    (Some(x), Some(y)) => difference(x, y).map(|what| format!("/{name}{what}")),
                    (None, _) => Some(format!("/{name} is missing")),
                    (_, None) => Some(format!("/{name} should not be there")),
                })
        }
        _ => Some(" is of another type".to_owned()),
    }
}

fn first_line(ours: &[u8], theirs: &[u8]) -> String {
    let (mut a, mut b) = (ours.split(|c| *c == b'\n'), theirs.split(|c| *c == b'\n'));
    let mut number = 0;
    loop {
        number += 1;
        match (a.next(), b.next()) {
            (None, None) => return String::new(),
            (x, y) if x == y => {}
            (x, y) => {
                let show = |line: Option<&[u8]>| match line {
                    Some(line) => format!("\"{}\"", line.escape_ascii()),
                    None => "nothing".to_owned(),
                };
                return format!(", line {number}: {} in place of {}", show(x), show(y));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &'static str, executable: bool) -> FileSystemObject {
        let file = FileSystemObject::File {
            executable,
            contents: text.into(),
        };
        FileSystemObject::directory([
            (
                BString::from("folder"),
                FileSystemObject::directory([(BString::from("file"), file)]),
            ),
            (BString::from("link"), FileSystemObject::symlink("folder")),
        ])
    }

    #[test]
    fn a_tree_comes_back_as_it_was_written() -> Result<()> {
        let place = tempfile::tempdir()?;
        let path = place.path().join("tree");
        let tree = sample("a\nb\n", true);
        write(&tree, &path)?;
        let again = read(&path)?;
        assert_eq!(again.nar_hash()?, tree.nar_hash()?);
        assert_eq!(difference(&again, &tree), None);
        let mode = |name: &str| -> Result<u32> {
            Ok(fs::metadata(path.join(name))?.permissions().mode() & 0o777)
        };
        assert_eq!((mode("folder")?, mode("folder/file")?), (0o555, 0o555));
        remove(&path)?;
        assert!(!path.exists());
        Ok(())
    }

    #[test]
    fn differences_name_the_first_place() {
        let tree = sample("a\nb\n", false);
        let shown = |other: &FileSystemObject| difference(other, &tree).unwrap_or_default();
        assert_eq!(
            shown(&sample("a\nc\n", false)),
            "/folder/file, line 2: \"c\" in place of \"b\""
        );
        assert_eq!(shown(&sample("a\nb\n", true)), "/folder/file is executable");
        assert_eq!(shown(&FileSystemObject::file("x")), " is of another type");
        assert_eq!(
            shown(&FileSystemObject::directory([])),
            "/folder is missing"
        );
    }
}
