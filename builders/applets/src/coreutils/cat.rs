//! `cat`.

use super::Utility;
use crate::shared::io::Source;
use crate::shared::options::{Parsed, Spec, flag, parse};
use crate::shared::{fs, io, program, quote};
use bstr::BString;

pub const CAT: Utility = Utility {
    name: "cat",
    spec: Spec {
        options: &[
            flag('A', "show-all"),
            flag('b', "number-nonblank"),
            flag('e', ""),
            flag('E', "show-ends"),
            flag('n', "number"),
            flag('s', "squeeze-blank"),
            flag('t', ""),
            flag('T', "show-tabs"),
            flag('u', ""),
            flag('v', "show-nonprinting"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// How lines are shown, and what is known of the line that is being written.
struct Show {
    number: bool,
    number_nonblank: bool,
    squeeze: bool,
    ends: bool,
    tabs: bool,
    nonprinting: bool,
    line: u64,
    at_start: bool,
    blank_lines: u32,
    /// A carriage return that is shown only if a newline follows.
    return_waits: bool,
}

impl Show {
    fn new(parsed: &Parsed) -> Show {
        let has = |keys: &[char]| keys.iter().any(|key| parsed.has(*key));
        Show {
            number: has(&['n', 'b']),
            number_nonblank: has(&['b']),
            squeeze: has(&['s']),
            ends: has(&['A', 'e', 'E']),
            tabs: has(&['A', 't', 'T']),
            nonprinting: has(&['A', 'e', 't', 'v']),
            line: 0,
            at_start: true,
            blank_lines: 0,
            return_waits: false,
        }
    }

    fn is_plain(&self) -> bool {
        !(self.number || self.squeeze || self.ends || self.tabs || self.nonprinting)
    }

    fn put_number(&mut self) {
        self.line += 1;
        io::put(format!("{:6}\t", self.line).as_bytes());
    }

    fn put(&mut self, bytes: &[u8]) {
        let mut out = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if std::mem::take(&mut self.return_waits) {
                out.extend_from_slice(if *byte == b'\n' { b"^M" } else { b"\r" });
            }
            if *byte == b'\n' {
                if self.at_start {
                    self.blank_lines = self.blank_lines.saturating_add(1);
                    if self.squeeze && self.blank_lines > 1 {
                        continue;
                    }
                    if self.number && !self.number_nonblank {
                        io::put(&std::mem::take(&mut out));
                        self.put_number();
                    }
                }
                if self.ends {
                    out.push(b'$');
                }
                out.push(b'\n');
                self.at_start = true;
                continue;
            }
            if self.at_start {
                self.at_start = false;
                self.blank_lines = 0;
                if self.number {
                    io::put(&std::mem::take(&mut out));
                    self.put_number();
                }
            }
            if *byte == b'\r' && self.ends && !self.nonprinting {
                self.return_waits = true;
                continue;
            }
            self.push(&mut out, *byte);
        }
        io::put(&out);
    }

    fn finish(&mut self) {
        if std::mem::take(&mut self.return_waits) {
            io::put(b"\r");
        }
    }

    fn push(&self, out: &mut Vec<u8>, byte: u8) {
        match byte {
            b'\t' if self.tabs => out.extend_from_slice(b"^I"),
            b'\t' => out.push(byte),
            _ if !self.nonprinting => out.push(byte),
            0x80.. => {
                out.extend_from_slice(b"M-");
                match byte & 0x7f {
                    low @ 0..0x20 => out.extend_from_slice(&[b'^', low + 64]),
                    0x7f => out.extend_from_slice(b"^?"),
                    low => out.push(low),
                }
            }
            0x7f => out.extend_from_slice(b"^?"),
            0..0x20 => out.extend_from_slice(&[b'^', byte + 64]),
            _ => out.push(byte),
        }
    }
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let mut parsed = parse(spec, words);
    let mut show = Show::new(&parsed);
    if parsed.operands.is_empty() {
        parsed.operands.push("-".into());
    }
    let mut status = 0;
    let mut buffer = vec![0; 64 * 1024];
    for path in &parsed.operands {
        if let Err(errno) = copy(path, &mut show, &mut buffer) {
            program::complain_errno(&[&quote::maybe(path)], errno);
            status = 1;
        }
    }
    show.finish();
    status
}

fn copy(path: &[u8], show: &mut Show, buffer: &mut [u8]) -> crate::shared::errno::Result<()> {
    let source = Source::open(path)?;
    if let Source::File(file) = &source
        && fs::fstat(file)?.is_dir()
    {
        return Err(rustix::io::Errno::ISDIR);
    }
    while !io::failed() {
        let count = source.read(buffer)?;
        if count == 0 {
            break;
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        if show.is_plain() {
            io::put(bytes);
        } else {
            show.put(bytes);
        }
        // What was read goes on before more is waited for: the reader may be waiting too.
        if matches!(source, Source::Stdin) {
            io::flush_quietly();
        }
    }
    Ok(())
}
