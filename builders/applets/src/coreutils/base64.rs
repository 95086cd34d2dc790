//! `base64`, `base32` and `basenc`.
//!
//! Counterpart: coreutils' `basenc.c`, gnulib's `base64.c` and `base32.c`: what was decoded before
//! the first wrong letter is written.

use super::{Utility, lines, number};
use crate::shared::options::{Opt, Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::BString;
use rustix::io::Errno;

const OPTIONS: &[Opt] = &[
    flag('d', "decode"),
    flag('i', "ignore-garbage"),
    value('w', "wrap"),
];
const SPEC: Spec = Spec {
    options: OPTIONS,
    permute: true,
    usage: 1,
};

pub const BASE32: Utility = Utility {
    name: "base32",
    spec: SPEC,
    run: |spec, words| run(spec, words, &THIRTY_TWO),
};
pub const BASE64: Utility = Utility {
    name: "base64",
    spec: SPEC,
    run: |spec, words| run(spec, words, &SIXTY_FOUR),
};

pub const BASENC: Utility = Utility {
    name: "basenc",
    spec: Spec {
        options: &[
            flag('d', "decode"),
            flag('i', "ignore-garbage"),
            value('w', "wrap"),
            flag('①', "base64"),
            flag('②', "base64url"),
            flag('③', "base32"),
            flag('④', "base32hex"),
            flag('⑤', "base16"),
        ],
        permute: true,
        usage: 1,
    },
    run: |spec, words| {
        let parsed = parse(spec, words.clone());
        let codes = parsed.options.iter().rev();
        let code = codes.filter_map(|(key, _)| match key {
            '①' => Some(&SIXTY_FOUR),
            '②' => Some(&SIXTY_FOUR_URL),
            '③' => Some(&THIRTY_TWO),
            '④' => Some(&THIRTY_TWO_HEX),
            '⑤' => Some(&SIXTEEN),
            _ => None,
        });
        match code.into_iter().next() {
            Some(code) => run(spec, words, code),
            None => program::usage_error(1, &[b"missing encoding type"]),
        }
    },
};

/// An alphabet of two to the power of `bits` letters; a group has `letters` of them.
struct Code {
    alphabet: &'static [u8],
    bits: u32,
    letters: usize,
}

static THIRTY_TWO: Code = Code {
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    bits: 5,
    letters: 8,
};
static SIXTY_FOUR: Code = Code {
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    letters: 4,
};

static SIXTY_FOUR_URL: Code = Code {
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    bits: 6,
    letters: 4,
};
static THIRTY_TWO_HEX: Code = Code {
    alphabet: b"0123456789ABCDEFGHIJKLMNOPQRSTUV",
    bits: 5,
    letters: 8,
};
static SIXTEEN: Code = Code {
    alphabet: b"0123456789ABCDEF",
    bits: 4,
    letters: 2,
};

fn run(spec: &Spec, words: Vec<BString>, code: &Code) -> u8 {
    let parsed = parse(spec, words);
    let wrap = match parsed.value('w') {
        // A width that is too large is none.
        Some(text) => match number::size(text, b"") {
            Ok(width) => usize::try_from(width).unwrap_or(0),
            Err(number::Bad::Overflow) => 0,
            Err(_) => program::die(1, &[b"invalid wrap size: ", &quote::locale(text)]),
        },
        None => 76,
    };
    if let [_, extra, ..] = parsed.operands.as_slice() {
        program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]);
    }
    let path = parsed.operands.first().cloned().unwrap_or("-".into());
    let text = match lines::open(&path) {
        Ok(source) => match source.read_to_end() {
            Ok(text) => text,
            Err(errno) => program::die_errno(1, &[b"read error"], errno),
        },
        Err(Errno::ISDIR) => program::die_errno(1, &[b"read error"], Errno::ISDIR),
        Err(errno) => program::die_errno(1, &[&quote::maybe(&path)], errno),
    };
    if !parsed.has('d') {
        code.encode(&text, wrap);
        return 0;
    }
    if code.decode(&text, parsed.has('i')) {
        0
    } else {
        program::die(1, &[b"invalid input"])
    }
}

impl Code {
    fn encode(&self, text: &[u8], wrap: usize) {
        let mut column = 0;
        let bytes = self.letters * self.bits as usize / 8;
        let mut out = Vec::new();
        for group in text.chunks(bytes) {
            let filled = (0..bytes).fold(0u64, |value, at| {
                value << 8 | u64::from(group.get(at).copied().unwrap_or(0))
            });
            let used = (group.len() * 8).div_ceil(self.bits as usize);
            for at in 0..self.letters {
                let shift = self.bits as usize * (self.letters - 1 - at);
                let index = (filled >> shift) as usize & ((1 << self.bits) - 1);
                let letter = self.alphabet.get(index).filter(|_| at < used);
                if wrap > 0 && column == wrap {
                    out.push(b'\n');
                    column = 0;
                }
                out.push(letter.copied().unwrap_or(b'='));
                column += 1;
            }
            if out.len() > 1 << 15 {
                io::put(&out);
                out.clear();
            }
        }
        if wrap > 0 && column > 0 {
            out.push(b'\n');
        }
        io::put(&out);
    }

    /// Writes what the letters stand for; false at a wrong one.
    fn decode(&self, text: &[u8], ignore: bool) -> bool {
        let mut table = [None; 256];
        for (value, letter) in (0u8..).zip(self.alphabet) {
            if let Some(place) = table.get_mut(usize::from(*letter)) {
                *place = Some(value);
            }
        }
        let value = |letter: u8| table.get(usize::from(letter)).copied().flatten();
        let mut letters = text
            .iter()
            .copied()
            .filter(|it| *it != b'\n' && (!ignore || *it == b'=' || value(*it).is_some()));
        let mut group = Vec::new();
        let mut out = Vec::new();
        loop {
            group.clear();
            group.extend(letters.by_ref().take(self.letters));
            if group.is_empty() {
                io::put(&out);
                return true;
            }
            if !self.decode_group(&group, value, &mut out) {
                io::put(&out);
                return false;
            }
            if out.len() > 1 << 15 {
                io::put(&out);
                out.clear();
            }
        }
    }

    fn decode_group(
        &self,
        group: &[u8],
        value: impl Fn(u8) -> Option<u8>,
        out: &mut Vec<u8>,
    ) -> bool {
        // The letters of a group that are there in whole bytes, and the rest padding.
        if self.letters == 8 && group.len() < 8 {
            return false;
        }
        let (mut bits, mut have) = (0u64, 0);
        for (at, letter) in group.iter().enumerate() {
            let Some(digit) = value(*letter) else {
                // Padding: it fills the group, and starts where whole bytes end.
                let rest = group.get(at..).unwrap_or_default();
                let starts = at > 1 && have < self.bits;
                return starts && group.len() == self.letters && rest.iter().all(|it| *it == b'=');
            };
            bits = bits << self.bits | u64::from(digit);
            have += self.bits;
            if have >= 8 {
                have -= 8;
                out.push((bits >> have) as u8);
            }
        }
        group.len() == self.letters
    }
}
