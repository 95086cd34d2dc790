//! `od`: options, blocks, addresses, and duplicates.
//!
//! Counterpart: coreutils' `od.c` on a little-endian machine. Refused: strings (`-S`), `long
//! double`, and offsets as operands.

mod types;

use super::{Utility, lines, number};
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{io, program, quote};
use bstr::BString;
use types::Type;

pub const OD: Utility = Utility {
    name: "od",
    spec: Spec {
        options: &[
            value('A', "address-radix"),
            flag('a', ""),
            flag('b', ""),
            flag('c', ""),
            flag('d', ""),
            value('é', "endian"),
            flag('f', ""),
            flag('i', ""),
            value('j', "skip-bytes"),
            flag('l', ""),
            value('N', "read-bytes"),
            flag('o', ""),
            flag('s', ""),
            value('t', "format"),
            flag('v', "output-duplicates"),
            maybe('w', "width"),
            flag('x', ""),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let types = all_types(&parsed);
    let modern = parsed
        .options
        .iter()
        .any(|(key, _)| "AjNtvw".contains(*key));
    let operands = &parsed.operands;
    let offset = |word: &BString| match word.as_slice() {
        [b'+', ..] => true,
        [b'0'..=b'9', ..] => operands.len() == 2,
        _ => false,
    };
    if !modern && operands.len() <= 2 && operands.last().is_some_and(offset) {
        program::refuse("an offset as an operand");
    }
    let radix = match parsed.value('A') {
        None => b'o',
        Some(text) => match text.first() {
            Some(letter @ (b'd' | b'o' | b'x' | b'n')) => *letter,
            letter => {
                let shown = letter.copied().unwrap_or(0);
                let text = b"invalid output address radix '";
                let behind = b"'; it must be one character from [doxn]";
                program::die(1, &[text, &[shown], behind])
            }
        },
    };
    let count = |key: char, name| {
        let text = parsed.value(key)?;
        Some(number::constant(text, number::MULTIPLIERS, name))
    };
    let skip = count('j', "-j").unwrap_or(0);
    let limit = count('N', "-N").unwrap_or(u64::MAX);
    let (all, status) = input(&lines::or_stdin(operands), skip, limit);
    let multiple = types.iter().fold(1, |all, it| lcm(all, it.size));
    let width = match parsed.options.iter().rev().find(|(key, _)| *key == 'w') {
        Some((_, None)) => 32,
        Some((_, Some(text))) => {
            let width = number::constant(text, b"", "-w").min(1 << 28);
            usize::try_from(width).unwrap_or(0)
        }
        None if multiple < 16 => multiple * (16 / multiple),
        None => multiple,
    };
    let width = if width > 0 && width % multiple == 0 {
        width
    } else {
        let text = format!("warning: invalid width {width}; using {multiple} instead");
        program::complain(&[text.as_bytes()]);
        multiple
    };
    let big = match parsed.value('é').map(|it| it.as_slice()) {
        None | Some(b"little") => false,
        Some(b"big") => true,
        Some(_) => program::refuse("a byte order of another name"),
    };
    let dump = Dump {
        types: &types,
        radix,
        width,
        all_blocks: parsed.has('v'),
        big,
        multiple,
    };
    dump.print(&all, skip);
    status
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
}

/// The types of all options in their order; shorts of two bytes in octal if there is none.
fn all_types(parsed: &Parsed) -> Vec<Type> {
    let mut types = Vec::new();
    for (key, text) in &parsed.options {
        let text: &[u8] = match (key, text) {
            ('t', Some(text)) => text,
            ('a', _) => b"a",
            ('b', _) => b"o1",
            ('c', _) => b"c",
            ('d', _) => b"u2",
            ('f', _) => b"fF",
            ('i', _) => b"dI",
            ('l', _) => b"dL",
            ('o', _) => b"o2",
            ('s', _) => b"d2",
            ('x', _) => b"x2",
            _ => continue,
        };
        Type::parse(text, &mut types);
    }
    if types.is_empty() {
        Type::parse(b"o2", &mut types);
    }
    types
}

/// All files one after the other, from `skip`, at most `limit` bytes.
fn input(paths: &[BString], skip: u64, limit: u64) -> (Vec<u8>, u8) {
    let mut all = Vec::new();
    let mut status = 0;
    let wanted = usize::try_from(skip.saturating_add(limit)).unwrap_or(usize::MAX);
    for path in paths {
        if all.len() >= wanted && wanted != usize::MAX {
            break;
        }
        match lines::open(path) {
            Ok(source) => {
                // Devices such as /dev/zero have no end.
                let mut buffer = vec![0; 64 * 1024];
                while all.len() < wanted {
                    let room = (wanted - all.len()).min(buffer.len());
                    match source.read(buffer.get_mut(..room).unwrap_or_default()) {
                        Ok(0) => break,
                        Ok(count) => {
                            all.extend_from_slice(buffer.get(..count).unwrap_or_default());
                        }
                        Err(errno) => {
                            program::complain_errno(&[&quote::maybe(path)], errno);
                            status = 1;
                            break;
                        }
                    }
                }
            }
            Err(rustix::io::Errno::ISDIR) => {
                program::complain_errno(
                    &[&quote::maybe(path), b": read error"],
                    rustix::io::Errno::ISDIR,
                );
                status = 1;
            }
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                status = 1;
            }
        }
    }
    match usize::try_from(skip).ok().filter(|skip| *skip <= all.len()) {
        Some(skip) => (all.split_off(skip), status),
        None => program::die(1, &[b"cannot skip past end of combined input"]),
    }
}

struct Dump<'a> {
    types: &'a [Type],
    radix: u8,
    width: usize,
    all_blocks: bool,
    big: bool,
    multiple: usize,
}

impl Dump<'_> {
    fn print(&self, all: &[u8], skip: u64) {
        let mut offset = skip;
        let mut previous: Option<&[u8]> = None;
        let mut starred = false;
        // Types stand below each other: each is as wide as the widest.
        let block = |it: &Type| (it.width + 1) * (self.width / it.size);
        let widest = self.types.iter().map(block).max().unwrap_or(0);
        for bytes in all.chunks(self.width) {
            if !self.all_blocks && bytes.len() == self.width && previous == Some(bytes) {
                if !starred {
                    io::put(b"*\n");
                    starred = true;
                }
            } else {
                starred = false;
                self.block(bytes, offset, widest);
            }
            previous = Some(bytes);
            offset += bytes.len() as u64;
            if io::failed() {
                return;
            }
        }
        if self.radix != b'n' {
            io::put(self.address(offset).as_bytes());
            io::put(b"\n");
        }
    }

    fn address(&self, offset: u64) -> String {
        match self.radix {
            b'd' => format!("{offset:07}"),
            b'o' => format!("{offset:07o}"),
            b'x' => format!("{offset:06x}"),
            _ => String::new(),
        }
    }

    fn block(&self, bytes: &[u8], offset: u64, widest: usize) {
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len().next_multiple_of(self.multiple), 0);
        let address = self.address(offset);
        for (index, it) in self.types.iter().enumerate() {
            let mut line: Vec<u8> = if index == 0 {
                address.as_bytes().to_vec()
            } else {
                let width = match self.radix {
                    b'n' => 0,
                    b'x' => 6,
                    _ => 7,
                };
                vec![b' '; width]
            };
            let fields = self.width / it.size;
            let blank = (self.width - bytes.len()) / it.size;
            let pad = widest - it.width * fields;
            let mut remaining = pad;
            for (number, datum) in padded.chunks(it.size).take(fields - blank).enumerate() {
                let left = fields - number;
                let next = pad * (left - 1) / fields;
                let width = remaining - next + it.width;
                remaining = next;
                let text = it.show(datum, self.big);
                line.extend(std::iter::repeat_n(b' ', width.saturating_sub(text.len())));
                line.extend_from_slice(&text);
            }
            if it.trailer {
                let rest = blank * it.width + pad * blank / fields;
                line.extend(std::iter::repeat_n(b' ', rest));
                line.extend_from_slice(b"  >");
                let shown = |byte: &u8| {
                    if (0x20..0x7f).contains(byte) {
                        *byte
                    } else {
                        b'.'
                    }
                };
                line.extend(bytes.iter().map(shown));
                line.push(b'<');
            }
            line.push(b'\n');
            io::put(&line);
        }
    }
}
