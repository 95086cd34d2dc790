//! `seq`.
//!
//! Counterpart: coreutils' `seq.c`. It counts in `long double`; here in exact decimals, which gives
//! the same texts as long as they have at most 18 digits: beyond that, whole numbers aside, the
//! numbers are refused, and so is a zero that is reached by steps that are not exact in binary.

use super::{Utility, float};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};
use num_bigint::{BigInt, Sign};

pub const SEQ: Utility = Utility {
    name: "seq",
    spec: Spec {
        options: &[
            value('f', "format"),
            value('s', "separator"),
            flag('w', "equal-width"),
        ],
        permute: false,
        usage: 1,
    },
    run,
};

/// Most significant digits that x86-64's `long double` surely holds.
const SURE_DIGITS: usize = 18;

/// An operand: its value in units of `10^-scale`, how wide it is written, and its digits behind the point.
struct Operand {
    value: BigInt,
    /// Written with a minus, which zero keeps.
    minus: bool,
    scale: usize,
    width: i64,
    precision: usize,
}

struct Format {
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    flags: Vec<u8>,
    width: usize,
    precision: Option<usize>,
    letter: u8,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    // Negative numbers are no options.
    let is_number = |word: &BString| matches!(word.as_slice(), [b'-', b'.' | b'0'..=b'9', ..]);
    let mut words = words;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if is_number(word) {
            words.insert(at, "--".into());
            break;
        }
        let takes_next = matches!(
            word.as_slice(),
            b"-s" | b"-f" | b"--separator" | b"--format"
        );
        if !word.starts_with(b"-") || *word == "--" {
            break;
        }
        at += 1 + usize::from(takes_next);
    }
    let parsed = parse(spec, words);
    let operands = &parsed.operands;
    if let [_, _, _, extra, ..] = operands.as_slice() {
        program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]);
    }
    if operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    let format = parsed.value('f').map(layout);
    if format.is_some() && parsed.has('w') {
        let text = b"format string may not be specified when printing equal width strings";
        program::usage_error(1, &[text]);
    }
    let numbers: Vec<Operand> = operands.iter().map(operand).collect();
    let one = || Operand {
        value: BigInt::from(1),
        minus: false,
        scale: 0,
        width: 1,
        precision: 0,
    };
    let mut numbers = numbers.into_iter();
    let (first, step, last) = match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(first), Some(step), Some(last)) => (first, step, last),
        (Some(first), Some(last), None) => (first, one(), last),
        (Some(last), ..) => (one(), one(), last),
        _ => return 1,
    };
    if step.value.sign() == Sign::NoSign {
        let shown = operands.get(1).map(|it| quote::locale(it));
        program::usage_error(
            1,
            &[
                b"invalid Zero increment value: ",
                &shown.unwrap_or_default(),
            ],
        );
    }
    let separator = parsed.value('s').cloned().unwrap_or_else(|| "\n".into());
    let format = format.unwrap_or_else(|| standard(&first, &step, &last, parsed.has('w')));
    print(&first, &step, &last, &format, &separator);
    0
}

/// `%.Nf`, with a width if all shall have the same.
fn standard(first: &Operand, step: &Operand, last: &Operand, equal: bool) -> Format {
    let precision = first.precision.max(step.precision);
    let mut width = 0;
    if equal {
        let behind = precision as i64;
        let mut first_width = first.width + (behind - first.precision as i64);
        let mut last_width = last.width + (behind - last.precision as i64);
        if last.precision > 0 && precision == 0 {
            last_width -= 1;
        }
        if last.precision == 0 && precision > 0 {
            last_width += 1;
        }
        if first.precision == 0 && precision > 0 {
            first_width += 1;
        }
        width = usize::try_from(first_width.max(last_width)).unwrap_or(0);
    }
    Format {
        prefix: Vec::new(),
        suffix: Vec::new(),
        flags: if equal { b"0".to_vec() } else { Vec::new() },
        width,
        precision: Some(precision),
        letter: b'f',
    }
}

fn operand(text: &BString) -> Operand {
    let bad = || -> ! {
        let shown = quote::locale(text);
        program::usage_error(1, &[b"invalid floating point argument: ", &shown])
    };
    if text.iter().any(|it| matches!(it, b'x' | b'X')) {
        program::refuse(&format!("the number '{text}'"));
    }
    let Some((number, used)) = float::parse(text) else {
        program::refuse(&format!("the number '{text}'"));
    };
    if used == 0 || used < text.len() {
        bad();
    }
    // As seq.c's scan_arg: what the text would take without an exponent.
    let trimmed = text.trim_ascii_start();
    let trimmed = trimmed.strip_prefix(b"+").unwrap_or(trimmed);
    let point = trimmed.iter().position(|it| *it == b'.');
    let exponent_at = trimmed.iter().position(|it| matches!(it, b'e' | b'E'));
    let mut width = trimmed.len() as i64;
    let mut precision = 0i64;
    let mut fraction = 0i64;
    if let Some(point) = point {
        let end = exponent_at.unwrap_or(trimmed.len());
        fraction = end as i64 - point as i64 - 1;
        precision = fraction;
        let digit_before = point
            .checked_sub(1)
            .and_then(|at| trimmed.get(at))
            .is_some_and(u8::is_ascii_digit);
        width += match (fraction, digit_before) {
            (0, _) => -1,
            (_, false) => 1,
            _ => 0,
        };
    }
    if let Some(at) = exponent_at {
        let digits = trimmed.get(at + 1..).unwrap_or_default();
        let mut power: i64 = digits
            .to_str()
            .ok()
            .and_then(|it| it.parse().ok())
            .unwrap_or(0);
        precision += if power < 0 {
            -power
        } else {
            -precision.min(power)
        };
        width -= trimmed.len() as i64 - at as i64;
        if power < 0 {
            match point {
                Some(point) if at == point + 1 => width += 1,
                Some(_) => {}
                None => width += 1,
            }
            power = -power;
        } else {
            if point.is_some() && precision == 0 && fraction > 0 {
                width -= 1;
            }
            power -= fraction.min(power);
        }
        width += power;
    }
    let mut value = BigInt::from(number.digits);
    if number.negative {
        value = -value;
    }
    let scale = usize::try_from(-number.exponent).unwrap_or(0);
    if number.exponent > 0 {
        value *= BigInt::from(10).pow(number.exponent.unsigned_abs() as u32);
    }
    Operand {
        value,
        minus: number.negative,
        scale,
        width,
        precision: usize::try_from(precision).unwrap_or(0),
    }
}

/// Reads `-f`.
fn layout(text: &BString) -> Format {
    let shown = quote::locale(text);
    let fail = |before: &[u8], behind: &[u8]| -> ! { program::die(1, &[before, &shown, behind]) };
    // Text up to a directive: `%%` is a percent sign.
    let plain = |from: usize| -> (Vec<u8>, usize) {
        let (mut out, mut at) = (Vec::new(), from);
        while let Some(byte) = text.get(at) {
            if *byte == b'%' {
                if text.get(at + 1) != Some(&b'%') {
                    break;
                }
                at += 1;
            }
            out.push(*byte);
            at += 1;
        }
        (out, at)
    };
    let (prefix, mut at) = plain(0);
    if at >= text.len() {
        fail(b"format ", b" has no % directive");
    }
    at += 1;
    let run = |at: &mut usize, good: &dyn Fn(u8) -> bool| -> Vec<u8> {
        let found: Vec<u8> = text
            .iter()
            .skip(*at)
            .copied()
            .take_while(|it| good(*it))
            .collect();
        *at += found.len();
        found
    };
    let number = |digits: &[u8]| digits.to_str().ok().and_then(|it| it.parse::<usize>().ok());
    let flags = run(&mut at, &|it| b"-+#0 '".contains(&it));
    let width = number(&run(&mut at, &|it| it.is_ascii_digit())).unwrap_or(0);
    let mut precision = None;
    if text.get(at) == Some(&b'.') {
        at += 1;
        precision = Some(number(&run(&mut at, &|it| it.is_ascii_digit())).unwrap_or(0));
    }
    if text.get(at) == Some(&b'L') {
        at += 1;
    }
    let letter = match text.get(at) {
        None => fail(b"format ", b" ends in %"),
        Some(letter @ (b'e' | b'f' | b'g' | b'E' | b'F' | b'G')) => *letter,
        Some(b'a' | b'A') => program::refuse("the format %a"),
        Some(other) => fail(
            b"format ",
            &[b" has unknown %", &[*other][..], b" directive"].concat(),
        ),
    };
    let (suffix, end) = plain(at + 1);
    if end < text.len() {
        fail(b"format ", b" has too many % directives");
    }
    if width > 1 << 20 || precision.is_some_and(|it| it > 1 << 20) {
        program::refuse("a format this wide");
    }
    Format {
        prefix,
        suffix,
        flags,
        width,
        precision,
        letter,
    }
}

impl Format {
    /// The number as text.
    fn show(&self, value: &BigInt, scale: usize, negative: bool) -> Vec<u8> {
        let whole = scale == 0 && self.letter == b'f' && self.precision == Some(0);
        let text = if whole {
            value.magnitude().to_string()
        } else {
            let number = float::of_scaled(value, scale as i64);
            let form = float::Form {
                letter: self.letter,
                precision: self.precision.unwrap_or(6),
                alternate: self.flags.contains(&b'#'),
            };
            let shown = float::show(&number, form)
                .filter(|text| text.bytes().filter(u8::is_ascii_digit).count() <= SURE_DIGITS);
            let Some(text) = shown else {
                program::refuse("a number whose digits depend on the machine");
            };
            text
        };
        let sign: &[u8] = if negative {
            b"-"
        } else if self.flags.contains(&b'+') {
            b"+"
        } else if self.flags.contains(&b' ') {
            b" "
        } else {
            b""
        };
        let fill = self.width.saturating_sub(sign.len() + text.len());
        let left = self.flags.contains(&b'-');
        let zero = self.flags.contains(&b'0') && !left;
        let mut out = Vec::new();
        if !left && !zero {
            out.extend(std::iter::repeat_n(b' ', fill));
        }
        out.extend_from_slice(sign);
        if zero {
            out.extend(std::iter::repeat_n(b'0', fill));
        }
        out.extend_from_slice(text.as_bytes());
        if left {
            out.extend(std::iter::repeat_n(b' ', fill));
        }
        out
    }
}

/// Whether a binary fraction is exactly this number.
fn is_binary(number: &Operand) -> bool {
    (&number.value % BigInt::from(5).pow(number.scale as u32)) == BigInt::default()
}

fn print(first: &Operand, step: &Operand, last: &Operand, format: &Format, separator: &[u8]) {
    let scale = first.scale.max(step.scale).max(last.scale);
    let scaled = |it: &Operand| &it.value * BigInt::from(10).pow((scale - it.scale) as u32);
    let mut minus = first.minus;
    // C counts in binary: 0.1 is not exact there, and where such numbers meet at zero, what is left
    // of the error shows, as 2e-19 or as a minus.
    let rounded = !is_binary(first) || !is_binary(step);
    let (first, step, last) = (scaled(first), scaled(step), scaled(last));
    let beyond = |value: &BigInt| {
        if step.sign() == Sign::Minus {
            *value < last
        } else {
            *value > last
        }
    };
    let mut value = first;
    if beyond(&value) {
        return;
    }
    // Numbers without digits behind the point are shown as such.
    let ten = BigInt::from(10).pow(scale as u32);
    let whole = |it: &BigInt| (it % &ten) == BigInt::default();
    let integers =
        format.letter == b'f' && format.precision == Some(0) && whole(&value) && whole(&step);
    let show = |value: &BigInt, minus: bool| {
        let negative = minus || value.sign() == Sign::Minus;
        if integers {
            format.show(&(value / &ten), 0, negative)
        } else {
            format.show(value, scale, negative)
        }
    };
    let mut extra = false;
    loop {
        let text = show(&value, minus);
        minus = false;
        io::put(&format.prefix);
        io::put(&text);
        io::put(&format.suffix);
        if extra || io::failed() {
            break;
        }
        value += &step;
        if rounded && value.sign() == Sign::NoSign {
            program::refuse("a zero whose digits depend on the machine");
        }
        if beyond(&value) {
            // One more, if what is just beyond the last prints as the last, and is no repetition.
            let next = show(&value, false);
            let same = float::parse(&next).is_some_and(|(number, used)| {
                let digits = BigInt::from(number.digits);
                let digits = if number.negative { -digits } else { digits };
                let power = number.exponent + scale as i64;
                used == next.len()
                    && power >= 0
                    && digits * BigInt::from(10).pow(power.unsigned_abs() as u32) == last
            });
            if !same || next == text {
                break;
            }
            extra = true;
        }
        io::put(separator);
    }
    io::put(b"\n");
}
