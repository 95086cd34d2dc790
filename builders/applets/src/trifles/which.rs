//! `which`.
//!
//! Counterpart: GNU which 2.21, which nixpkgs has; Debian's says nothing of what it does not find.

use crate::shared::{fs, io, process, program};
use bstr::{BString, ByteSlice};

pub fn which(words: Vec<BString>) -> u8 {
    let (all, operands) = super::operands(words, &["-a", "--all"]);
    let environment = process::environment();
    let path = process::variable(&environment, "PATH").unwrap_or_default();
    let runs = |file: &[u8]| {
        fs::stat(file).is_ok_and(|meta| !meta.is_dir()) && fs::access(file, 1).is_ok()
    };
    let mut status = 0;
    for name in &operands {
        let mut found = 0;
        if name.contains(&b'/') {
            if name.first() != Some(&b'/') {
                program::refuse("a relative path");
            }
            if runs(name) {
                found = 1;
                io::put(name);
                io::put(b"\n");
            }
        }
        for directory in path.split_str(":").filter(|_| !name.contains(&b'/')) {
            if directory.first() != Some(&b'/') {
                program::refuse("a relative directory in PATH");
            }
            let file = fs::join(directory, name);
            if runs(&file) && (all || found == 0) {
                found += 1;
                io::put(&file);
                io::put(b"\n");
            }
        }
        if found == 0 {
            status += 1;
            match name.rfind_byte(b'/').map(|at| name.split_at(at)) {
                Some((head, tail)) => {
                    let tail = tail.get(1..).unwrap_or_default();
                    program::complain(&[b"no ", tail, b" in (", head, b")"]);
                }
                None => program::complain(&[b"no ", name, b" in (", path, b")"]),
            }
        }
    }
    status.min(255) as u8
}
