//! What a script left behind, as Nix sees it: kinds, executable bits, contents, targets of links.
//!
//! Contract: two directories agree if and only if their NAR hashes do; what has no place in a NAR is
//! a failure of the test that made it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use wasibuild_nix_compat::file_system_object::FileSystemObject;

/// A place of the host's file system, read to memory.
pub fn object(place: &Path) -> FileSystemObject {
    let data = fs::symlink_metadata(place).expect("metadata");
    if data.is_symlink() {
        let target = fs::read_link(place).expect("a link");
        return FileSystemObject::symlink(target.into_os_string().into_encoded_bytes());
    }
    if data.is_dir() {
        let entries = fs::read_dir(place).expect("listed").map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_encoded_bytes();
            (name.into(), object(&entry.path()))
        });
        return FileSystemObject::directory(entries.collect::<Vec<_>>());
    }
    assert!(
        !data.file_type().is_fifo() && data.is_file(),
        "{} has no place in a NAR",
        place.display()
    );
    let contents = fs::read(place).expect("read");
    if data.permissions().mode() & 0o100 == 0 {
        FileSystemObject::file(contents)
    } else {
        FileSystemObject::executable(contents)
    }
}

/// The hash of the NAR of a place.
pub fn nar_hash(place: &Path) -> [u8; 32] {
    object(place).nar_hash().expect("a NAR").0
}

/// What is at a place, for a message.
pub fn shown(place: &Path) -> String {
    let mut text = String::new();
    show(&object(place), "", &mut text);
    text
}

fn show(object: &FileSystemObject, name: &str, text: &mut String) {
    match object {
        FileSystemObject::Directory { entries } => {
            for (entry, inside) in entries {
                show(inside, &format!("{name}/{entry}"), text);
            }
            if entries.is_empty() {
                text.push_str(&format!("  {name}/\n"));
            }
        }
        FileSystemObject::Symlink { target } => {
            text.push_str(&format!("  {name} -> {target}\n"));
        }
        FileSystemObject::File {
            executable,
            contents,
        } => {
            let bytes = contents.to_bytes(1 << 20).expect("a small file");
            let shown = bstr::BStr::new(&bytes);
            let kind = if *executable { "*" } else { "" };
            text.push_str(&format!("  {name}{kind} {shown:?}\n"));
        }
    }
}
