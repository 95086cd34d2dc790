//! `tee`.

use super::Utility;
use crate::shared::io::{Source, write_all};
use crate::shared::options::{Spec, flag, parse};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use rustix::fs::OFlags;

pub const TEE: Utility = Utility {
    name: "tee",
    spec: Spec {
        options: &[flag('a', "append"), flag('i', "ignore-interrupts")],
        permute: true,
        usage: 1,
    },
    run: tee,
};

fn tee(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let how = if parsed.has('a') {
        OFlags::APPEND
    } else {
        OFlags::TRUNC
    };
    let mut status = 0;
    let mut files = Vec::new();
    for path in &parsed.operands {
        match fs::open_write(path, OFlags::CREATE | how) {
            Ok(file) => files.push((file, path)),
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                status = 1;
            }
        }
    }
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match Source::Stdin.read(&mut buffer) {
            Ok(0) => return status,
            Ok(count) => count,
            Err(errno) => program::die_errno(1, &[b"read error"], errno),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        io::put(bytes);
        io::flush_quietly();
        files.retain(|(file, path)| match write_all(file, bytes) {
            Ok(()) => true,
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                status = 1;
                false
            }
        });
    }
}
