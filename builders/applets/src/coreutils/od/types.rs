//! The types of `od -t`: how a datum is shown, and how wide.

use crate::shared::{program, quote};
use bstr::ByteSlice;

/// What a datum is shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Letter,
    Signed,
    Octal,
    Unsigned,
    Hexadecimal,
    Float,
}

/// One type.
#[derive(Clone, Debug)]
pub struct Type {
    kind: Kind,
    /// Bytes of a datum.
    pub size: usize,
    /// Letters of a field, without the blank before it.
    pub width: usize,
    /// `z`: the line's printable letters behind it.
    pub trailer: bool,
}

/// Names of the control characters (`-a`).
const NAMES: [&str; 33] = [
    "nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "nl", "vt", "ff", "cr",
    "so", "si", "dle", "dc1", "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc",
    "fs", "gs", "rs", "us", "sp",
];

impl Type {
    /// Reads a text such as `x1z` and appends its types; what is wrong ends the program.
    pub fn parse(text: &[u8], types: &mut Vec<Type>) {
        let mut rest = text;
        while let Some((letter, after)) = rest.split_first() {
            rest = after;
            let (kind, mut size) = match letter {
                b'a' => (Kind::Name, 1),
                b'c' => (Kind::Letter, 1),
                b'd' => (Kind::Signed, 4),
                b'o' => (Kind::Octal, 4),
                b'u' => (Kind::Unsigned, 4),
                b'x' => (Kind::Hexadecimal, 4),
                b'f' => (Kind::Float, 8),
                other => program::die(
                    1,
                    &[
                        b"invalid character '",
                        &[*other],
                        b"' in type string ",
                        &quote::locale(text),
                    ],
                ),
            };
            match (kind, rest.first()) {
                (Kind::Name | Kind::Letter, _) => {}
                (Kind::Float, Some(b'F')) => (size, rest) = (4, rest.get(1..).unwrap_or_default()),
                (Kind::Float, Some(b'D')) => rest = rest.get(1..).unwrap_or_default(),
                (Kind::Float, Some(b'L' | b'H' | b'B')) => program::refuse("od's type 'fL'"),
                (
                    Kind::Signed | Kind::Octal | Kind::Unsigned | Kind::Hexadecimal,
                    Some(letter @ (b'C' | b'S' | b'I' | b'L')),
                ) => {
                    size = match letter {
                        b'C' => 1,
                        b'S' => 2,
                        b'I' => 4,
                        _ => 8,
                    };
                    rest = rest.get(1..).unwrap_or_default();
                }
                _ => {
                    let digits = rest.iter().take_while(|it| it.is_ascii_digit()).count();
                    if digits > 0 {
                        let (number, after) = rest.split_at(digits);
                        let found = number.to_str().ok().and_then(|it| it.parse().ok());
                        let right = match kind {
                            Kind::Float => matches!(found, Some(4 | 8)),
                            _ => matches!(found, Some(1 | 2 | 4 | 8)),
                        };
                        if kind == Kind::Float && found == Some(16) {
                            program::refuse("od's type 'f16'");
                        }
                        size = match found.filter(|_| right) {
                            Some(size) => size,
                            None => bad_size(text, number, kind == Kind::Float),
                        };
                        rest = after;
                    }
                }
            }
            let trailer = rest.first() == Some(&b'z');
            if trailer {
                rest = rest.get(1..).unwrap_or_default();
            }
            types.push(Type {
                kind,
                size,
                width: width(kind, size),
                trailer,
            });
        }
    }

    /// The datum as text; `big`: its first byte is the highest.
    pub fn show(&self, datum: &[u8], big: bool) -> Vec<u8> {
        let value = datum.iter().enumerate().fold(0u64, |value, (at, byte)| {
            let at = if big { datum.len() - 1 - at } else { at };
            value | u64::from(*byte) << (8 * at)
        });
        let digits = self.width;
        match self.kind {
            Kind::Name => match (value & 0x7f) as u8 {
                127 => b"del".to_vec(),
                byte => match NAMES.get(usize::from(byte)) {
                    Some(name) => name.as_bytes().to_vec(),
                    None => vec![byte],
                },
            },
            Kind::Letter => letter(value as u8),
            Kind::Signed => {
                let shift = 64 - 8 * self.size;
                ((value << shift) as i64 >> shift).to_string().into_bytes()
            }
            Kind::Octal => format!("{value:0digits$o}").into_bytes(),
            Kind::Unsigned => value.to_string().into_bytes(),
            Kind::Hexadecimal => format!("{value:0digits$x}").into_bytes(),
            // By its bits: the conversion of a NaN may lose its sign.
            Kind::Float if self.size == 4 && (value as u32) << 1 > 0xff00_0000 => {
                not_a_number(value >> 31 != 0)
            }
            Kind::Float if self.size == 8 && value << 1 > 0xffe0_0000_0000_0000 => {
                not_a_number(value >> 63 != 0)
            }
            Kind::Float if self.size == 4 => {
                let value = f32::from_bits(value as u32);
                let tiny = value.abs() < f32::MIN_POSITIVE;
                let same = |text: &str| text.parse() == Ok(value);
                shortest(f64::from(value), if tiny { 1 } else { 6 }, 9, &same)
            }
            Kind::Float => {
                let value = f64::from_bits(value);
                let tiny = value.abs() < f64::MIN_POSITIVE;
                let same = |text: &str| text.parse() == Ok(value);
                shortest(value, if tiny { 1 } else { 15 }, 17, &same)
            }
        }
    }
}

fn not_a_number(negative: bool) -> Vec<u8> {
    if negative { b"-nan" } else { b" nan" }
        .trim_ascii()
        .to_vec()
}

fn bad_size(text: &[u8], number: &[u8], float: bool) -> ! {
    let shown = quote::locale(text);
    let what: &[u8] = if float {
        b"-byte floating point type"
    } else {
        b"-byte integral type"
    };
    program::die(
        1,
        &[
            b"invalid type string ",
            &shown,
            b";\nthis system doesn't provide a ",
            number,
            what,
        ],
    )
}

fn width(kind: Kind, size: usize) -> usize {
    let of = |widths: [usize; 4]| match size {
        1 => widths[0],
        2 => widths[1],
        4 => widths[2],
        _ => widths[3],
    };
    match kind {
        Kind::Name | Kind::Letter => 3,
        Kind::Signed => of([4, 6, 11, 20]),
        Kind::Octal => of([3, 6, 11, 22]),
        Kind::Unsigned => of([3, 5, 10, 20]),
        Kind::Hexadecimal => of([2, 4, 8, 16]),
        Kind::Float => of([0, 0, 15, 24]),
    }
}

fn letter(byte: u8) -> Vec<u8> {
    match byte {
        0 => b"\\0".to_vec(),
        7 => b"\\a".to_vec(),
        8 => b"\\b".to_vec(),
        9 => b"\\t".to_vec(),
        10 => b"\\n".to_vec(),
        11 => b"\\v".to_vec(),
        12 => b"\\f".to_vec(),
        13 => b"\\r".to_vec(),
        0x20..0x7f => vec![byte],
        _ => format!("{byte:03o}").into_bytes(),
    }
}

/// `%.Ng` with the least N that reads back as the same number.
fn shortest(value: f64, least: usize, most: usize, same: &dyn Fn(&str) -> bool) -> Vec<u8> {
    if value.is_infinite() {
        return if value < 0.0 {
            b"-inf".to_vec()
        } else {
            b"inf".to_vec()
        };
    }
    for precision in least..most {
        let text = general(value, precision);
        if same(&text) {
            return text.into_bytes();
        }
    }
    general(value, most).into_bytes()
}

/// C's `%.Ng`.
fn general(value: f64, precision: usize) -> String {
    let text = format!("{value:.*e}", precision - 1);
    let Some((digits, power)) = text.split_once('e') else {
        return text;
    };
    let power: i32 = power.parse().unwrap_or(0);
    let trim = |text: &str| -> String {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if power < -4 || power >= precision as i32 {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trim(digits), power.unsigned_abs());
    }
    let behind = usize::try_from(precision as i32 - 1 - power).unwrap_or(0);
    trim(&format!("{value:.behind$}"))
}
