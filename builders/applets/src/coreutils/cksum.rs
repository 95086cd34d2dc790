//! `cksum` (POSIX's CRC) and `sum` (the older two).
//!
//! Counterpart: coreutils' `cksum.c` and `sum.c`; `cksum -a` is the programs for digests.

use super::{Utility, digest, lines};
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::BString;

pub const CKSUM: Utility = Utility {
    name: "cksum",
    spec: Spec {
        options: &[
            value('a', "algorithm"),
            value('l', "length"),
            flag('τ', "tag"),
            flag('ʋ', "untagged"),
            flag('z', "zero"),
        ],
        permute: true,
        usage: 1,
    },
    run: cksum,
};
pub const SUM: Utility = Utility {
    name: "sum",
    spec: Spec {
        options: &[flag('r', ""), flag('s', "sysv")],
        permute: true,
        usage: 1,
    },
    run: sum,
};

/// Calls `show` with every file's content and name; without operands the name is `None`.
fn each(operands: &[BString], mut show: impl FnMut(&[u8], Option<&[u8]>)) -> u8 {
    let mut status = 0;
    for path in &lines::or_stdin(operands) {
        match lines::read(path) {
            Ok(text) => {
                let name = (!operands.is_empty()).then_some(path.as_slice());
                show(&text, name);
            }
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                status = 1;
            }
        }
    }
    status
}

fn put(text: &str, name: Option<&[u8]>) {
    io::put(text.as_bytes());
    if let Some(name) = name {
        io::put(b" ");
        io::put(name);
    }
    io::put(b"\n");
}

fn cksum(spec: &Spec, words: Vec<BString>) -> u8 {
    let mut parsed = parse(spec, words);
    let name = parsed.value('a').cloned().unwrap_or_else(|| "crc".into());
    let tagged = parsed.last_of(&['τ', 'ʋ']) != Some('ʋ');
    if parsed.has('l') && name != "blake2b" {
        program::refuse("a length of what is not blake2b");
    }
    if let Some(status) = digest::cksum(&mut parsed, &name, tagged) {
        return status;
    }
    if parsed.options.iter().any(|(key, _)| *key != 'a') {
        program::refuse("an option for digests with another sum");
    }
    match name.as_slice() {
        b"crc" => crc(&parsed),
        b"bsd" => bsd(&parsed),
        b"sysv" => sysv(&parsed),
        _ => program::refuse("a sum of another name"),
    }
}

fn crc(parsed: &Parsed) -> u8 {
    let mut table = [0u32; 256];
    for (value, place) in (0u32..).zip(&mut table) {
        *place = (0..8).fold(value << 24, |crc, _| {
            if crc & 0x8000_0000 != 0 {
                crc << 1 ^ 0x04c1_1db7
            } else {
                crc << 1
            }
        });
    }
    each(&parsed.operands, |text, name| {
        let step = |crc: u32, byte: u8| {
            let index = (crc >> 24) as u8 ^ byte;
            crc << 8 ^ table.get(usize::from(index)).copied().unwrap_or(0)
        };
        let mut crc = text.iter().fold(0, |crc, byte| step(crc, *byte));
        let mut length = text.len();
        while length > 0 {
            crc = step(crc, length as u8);
            length >>= 8;
        }
        put(&format!("{} {}", !crc, text.len()), name);
    })
}

fn sum(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if parsed.last_of(&['r', 's']) == Some('s') {
        sysv(&parsed)
    } else {
        bsd(&parsed)
    }
}

fn sysv(parsed: &Parsed) -> u8 {
    each(&parsed.operands, |text, name| {
        let all = text
            .iter()
            .fold(0u32, |all, byte| all.wrapping_add(u32::from(*byte)));
        let folded = (all & 0xffff) + (all >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        put(&format!("{folded} {}", text.len().div_ceil(512)), name);
    })
}

fn bsd(parsed: &Parsed) -> u8 {
    each(&parsed.operands, |text, name| {
        let sum = text.iter().fold(0u32, |sum, byte| {
            let turned = (sum >> 1) + ((sum & 1) << 15);
            (turned + u32::from(*byte)) & 0xffff
        });
        put(&format!("{sum:05} {:5}", text.len().div_ceil(1024)), name);
    })
}
