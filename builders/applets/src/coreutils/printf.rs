//! `printf`.
//!
//! Counterpart: coreutils' `printf.c`. Floating-point numbers are `long double`, whose size differs
//! between machines: see `float`; `%a`, and Unicode escapes beyond ASCII, are refused.

use super::{Utility, float};
use crate::shared::options::Spec;
use crate::shared::{io, program, quote};
use bstr::BString;

pub const PRINTF: Utility = Utility {
    name: "printf",
    spec: Spec {
        options: &[],
        permute: false,
        usage: 1,
    },
    run,
};

/// Widest field, and longest precision.
const MAX_WIDTH: usize = 1 << 26;

fn run(_: &Spec, mut words: Vec<BString>) -> u8 {
    if let [only] = words.as_slice()
        && (*only == "--help" || *only == "--version")
    {
        program::refuse(&format!("the option '{only}' is beyond this applet"));
    }
    if words.first().is_some_and(|word| *word == "--") {
        words.remove(0);
    }
    let Some((format, mut arguments)) = words.split_first() else {
        program::usage_error(1, &[b"missing operand"]);
    };
    let mut status = 0;
    loop {
        let mut printer = Printer {
            arguments,
            used: 0,
            status: 0,
            out: Vec::new(),
        };
        let end = printer.print(format);
        io::put(&printer.out);
        status |= printer.status;
        match end {
            Ok(()) => {}
            // Whatever went wrong before: GNU ends well here.
            Err(End::Stopped) => return 0,
            Err(End::Fatal(text)) => program::die(1, &[&text]),
            Err(End::Refused(text)) => program::refuse(&text),
        }
        arguments = arguments.get(printer.used..).unwrap_or_default();
        if printer.used == 0 || arguments.is_empty() {
            break;
        }
    }
    if let Some(extra) = arguments.first() {
        let text = b"warning: ignoring excess arguments, starting with ";
        program::complain(&[text, &quote::locale(extra)]);
    }
    status
}

/// Why printing ends early.
#[derive(Debug)]
pub enum End {
    /// `\c`.
    Stopped,
    /// GNU's message; the status is 1.
    Fatal(BString),
    /// Beyond this applet.
    Refused(String),
}

/// One pass through the format.
pub struct Printer<'a> {
    /// What is left of the arguments.
    pub arguments: &'a [BString],
    /// How many of them were used.
    pub used: usize,
    /// 1 after a number that was none.
    pub status: u8,
    /// What was printed.
    pub out: Vec<u8>,
}

#[derive(Debug, Default)]
struct Directive {
    minus: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

type Result<T> = std::result::Result<T, End>;

fn fatal<T>(parts: &[&[u8]]) -> Result<T> {
    Err(End::Fatal(parts.concat().into()))
}

impl Printer<'_> {
    fn argument(&mut self) -> Option<BString> {
        let argument = self.arguments.get(self.used).cloned();
        self.used += usize::from(argument.is_some());
        argument
    }

    fn complain(&mut self, parts: &[&[u8]]) {
        io::put(&std::mem::take(&mut self.out));
        program::complain(parts);
    }

    /// Prints the format once.
    pub fn print(&mut self, format: &[u8]) -> Result<()> {
        let mut at = 0;
        while let Some(byte) = format.get(at).copied() {
            let rest = format.get(at + 1..).unwrap_or_default();
            at += 1;
            match (byte, rest.first()) {
                (b'%', Some(b'%')) => {
                    self.out.push(b'%');
                    at += 1;
                }
                (b'%', Some(b'b')) => {
                    let text = self.argument().unwrap_or_default();
                    self.escaped(&text)?;
                    at += 1;
                }
                (b'%', Some(b'q')) => {
                    if let Some(text) = self.argument() {
                        self.out.extend_from_slice(&quote::shell_if_needed(&text));
                    }
                    at += 1;
                }
                (b'%', _) => at += self.directive(rest)?,
                (b'\\', _) => at += self.escape(rest, false)?,
                _ => self.out.push(byte),
            }
        }
        Ok(())
    }

    /// `%b`.
    fn escaped(&mut self, text: &[u8]) -> Result<()> {
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            at += 1;
            if *byte == b'\\' {
                at += self.escape(text.get(at..).unwrap_or_default(), true)?;
            } else {
                self.out.push(*byte);
            }
        }
        Ok(())
    }

    /// What stands behind a backslash; gives how many bytes it takes. In `%b` octal numbers start
    /// with a zero.
    fn escape(&mut self, rest: &[u8], octal_zero: bool) -> Result<usize> {
        let digits = |from: usize, base: u32, most: usize| -> (usize, u32) {
            let found = rest.iter().skip(from).take(most);
            let mut digits = found.map_while(|it| char::from(*it).to_digit(base));
            let (mut count, mut value) = (0, 0);
            for digit in &mut digits {
                count += 1;
                value = value * base + digit;
            }
            (count, value)
        };
        let Some(letter) = rest.first() else {
            self.out.push(b'\\');
            return Ok(0);
        };
        let simple = match letter {
            b'"' | b'\\' => *letter,
            b'a' => 7,
            b'b' => 8,
            b'e' => 27,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'c' => return Err(End::Stopped),
            b'x' => {
                let (count, value) = digits(1, 16, 2);
                if count == 0 {
                    return fatal(&[b"missing hexadecimal number in escape"]);
                }
                self.out.push(value as u8);
                return Ok(1 + count);
            }
            b'0'..=b'7' => {
                let skip = usize::from(octal_zero && *letter == b'0');
                let (count, value) = digits(skip, 8, 3);
                self.out.push(value as u8);
                return Ok(skip + count);
            }
            b'u' | b'U' => {
                let wanted = if *letter == b'u' { 4 } else { 8 };
                let (count, _) = digits(1, 16, wanted);
                if count < wanted {
                    return fatal(&[b"missing hexadecimal number in escape"]);
                }
                return Err(End::Refused("a Unicode escape".into()));
            }
            other => {
                self.out.extend([b'\\', *other]);
                return Ok(1);
            }
        };
        self.out.push(simple);
        Ok(1)
    }

    /// A directive behind `%`; gives how many bytes it takes.
    fn directive(&mut self, rest: &[u8]) -> Result<usize> {
        let mut found = Directive::default();
        let mut bad: Vec<u8> = Vec::new();
        let mut at = 0;
        let byte = |at: usize| rest.get(at).copied();
        loop {
            match byte(at) {
                Some(b'I' | b'\'') => bad.extend(b"aAceEosxX"),
                Some(b'-') => found.minus = true,
                Some(b'+') => found.plus = true,
                Some(b' ') => found.space = true,
                Some(b'#') => {
                    found.alternate = true;
                    bad.extend(b"cdisu");
                }
                Some(b'0') => {
                    found.zero = true;
                    bad.extend(b"cs");
                }
                _ => break,
            }
            at += 1;
        }
        let number = |at: &mut usize| -> usize {
            let mut value = 0usize;
            while let Some(digit @ b'0'..=b'9') = byte(*at) {
                value = value
                    .saturating_mul(10)
                    .saturating_add(usize::from(digit - b'0'));
                *at += 1;
            }
            value
        };
        if byte(at) == Some(b'*') {
            at += 1;
            if let Some(text) = self.argument() {
                let width = self.integer(&text)?;
                if i32::try_from(width).is_err() {
                    return fatal(&[b"invalid field width: ", &quote::locale(&text)]);
                }
                found.minus |= width < 0;
                found.width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
            }
        } else {
            found.width = number(&mut at);
        }
        if byte(at) == Some(b'.') {
            at += 1;
            bad.push(b'c');
            if byte(at) == Some(b'*') {
                at += 1;
                found.precision = match self.argument() {
                    None => Some(0),
                    Some(text) => {
                        let precision = self.integer(&text)?;
                        if precision > i64::from(i32::MAX) {
                            return fatal(&[b"invalid precision: ", &quote::locale(&text)]);
                        }
                        usize::try_from(precision).ok()
                    }
                };
            } else {
                found.precision = Some(number(&mut at));
            }
        }
        while matches!(byte(at), Some(b'l' | b'L' | b'h' | b'j' | b't' | b'z')) {
            at += 1;
        }
        let conversion = byte(at).unwrap_or(0);
        if !b"aAcdeEfFgGiosuxX".contains(&conversion) || bad.contains(&conversion) {
            let shown = rest.get(..(at + 1).min(rest.len())).unwrap_or_default();
            return fatal(&[b"%", shown, b": invalid conversion specification"]);
        }
        if found.width > MAX_WIDTH || found.precision.is_some_and(|it| it > MAX_WIDTH) {
            return Err(End::Refused("a field this wide".into()));
        }
        self.convert(conversion, &found)?;
        Ok(at + 1)
    }

    fn convert(&mut self, conversion: u8, how: &Directive) -> Result<()> {
        let argument = self.argument();
        match conversion {
            b'c' => {
                // Without a letter it is the byte 0, as C's.
                let text = argument.unwrap_or_default();
                let letter = text.first().copied().unwrap_or(0);
                self.pad(how, &[letter]);
            }
            b's' => {
                let text = argument.unwrap_or_default();
                let most = how.precision.unwrap_or(usize::MAX).min(text.len());
                self.pad(how, text.get(..most).unwrap_or_default());
            }
            b'd' | b'i' => {
                let value = match argument {
                    Some(text) => self.integer(&text)?,
                    None => 0,
                };
                let digits = value.unsigned_abs().to_string();
                self.number(how, sign(value < 0, how), &digits);
            }
            b'o' | b'u' | b'x' | b'X' => {
                let value = match argument {
                    Some(text) => self.unsigned(&text)?,
                    None => 0,
                };
                let digits = match conversion {
                    b'o' => format!("{value:o}"),
                    b'u' => value.to_string(),
                    b'x' => format!("{value:x}"),
                    _ => format!("{value:X}"),
                };
                let digits = match how.precision {
                    Some(precision) if conversion == b'o' && how.alternate => {
                        format!("{digits:0>precision$}")
                    }
                    _ => digits,
                };
                let prefix: &[u8] = match conversion {
                    b'x' if how.alternate && value != 0 => b"0x",
                    b'X' if how.alternate && value != 0 => b"0X",
                    b'o' if how.alternate && !digits.starts_with('0') => b"0",
                    _ => b"",
                };
                if conversion == b'o' && how.alternate && value == 0 {
                    // The zero is the prefix, which no precision takes away.
                    let digits = if digits.is_empty() { "0" } else { &digits };
                    let precision = how.precision.map(|it| it.max(1));
                    let how = Directive { precision, ..*how };
                    self.number(&how, b"", digits);
                } else {
                    self.number(how, prefix, &digits);
                }
            }
            letter => self.float(letter, how, argument)?,
        }
        Ok(())
    }

    fn float(&mut self, letter: u8, how: &Directive, argument: Option<BString>) -> Result<()> {
        let text = argument.unwrap_or_default();
        let beyond = || -> Result<()> {
            Err(End::Refused(format!(
                "the number '{text}', whose digits depend on the machine"
            )))
        };
        if letter == b'a' || letter == b'A' {
            return beyond();
        }
        let value = if let [b'\'' | b'"', code, after @ ..] = text.as_slice() {
            self.more(after);
            float::Decimal {
                negative: false,
                digits: u32::from(*code).into(),
                exponent: 0,
            }
        } else {
            let Some((value, used)) = float::parse(&text) else {
                return beyond();
            };
            self.verify(&text, used, false);
            value
        };
        let form = float::Form {
            letter,
            precision: how.precision.unwrap_or(6),
            alternate: how.alternate,
        };
        let Some(shown) = float::show(&value, form) else {
            return beyond();
        };
        let sign = sign(value.negative, how);
        let zeros = if how.zero && !how.minus {
            how.width.saturating_sub(sign.len() + shown.len())
        } else {
            0
        };
        let text = [sign, &vec![b'0'; zeros], shown.as_bytes()].concat();
        self.pad(how, &text);
        Ok(())
    }

    fn pad(&mut self, how: &Directive, text: &[u8]) {
        let blanks = how.width.saturating_sub(text.len());
        if !how.minus {
            self.out.extend(std::iter::repeat_n(b' ', blanks));
        }
        self.out.extend_from_slice(text);
        if how.minus {
            self.out.extend(std::iter::repeat_n(b' ', blanks));
        }
    }

    fn number(&mut self, how: &Directive, prefix: &[u8], digits: &str) {
        let digits = if how.precision == Some(0) && digits == "0" {
            ""
        } else {
            digits
        };
        let mut zeros = how.precision.unwrap_or(0).saturating_sub(digits.len());
        if how.precision.is_none() && how.zero && !how.minus {
            zeros = how.width.saturating_sub(prefix.len() + digits.len());
        }
        let text = [prefix, &vec![b'0'; zeros], digits.as_bytes()].concat();
        self.pad(how, &text);
    }

    /// Warns of what stands behind a character constant.
    fn more(&mut self, after: &[u8]) {
        if !after.is_empty() {
            self.complain(&[
                b"warning: ",
                after,
                b": character(s) following character constant have been ignored",
            ]);
        }
    }

    /// Tells what is wrong with a number of which `used` bytes were read.
    fn verify(&mut self, text: &BString, used: usize, overflow: bool) {
        let shown = quote::locale(text);
        let what: &[u8] = if overflow {
            b": Numerical result out of range"
        } else if used == text.len() {
            return;
        } else if used == 0 {
            b": expected a numeric value"
        } else {
            b": value not completely converted"
        };
        self.complain(&[&shown, what]);
        self.status = 1;
    }

    /// `strtoimax` with base 0.
    fn integer(&mut self, text: &BString) -> Result<i64> {
        if let [b'\'' | b'"', code, after @ ..] = text.as_slice() {
            self.more(after);
            return Ok(i64::from(*code));
        }
        let (negative, magnitude, used) = read(text);
        let value = magnitude.map(|it| {
            if negative {
                -i128::from(it)
            } else {
                i128::from(it)
            }
        });
        let value = value.and_then(|it| i64::try_from(it).ok());
        self.verify(text, used, value.is_none());
        Ok(value.unwrap_or(if negative { i64::MIN } else { i64::MAX }))
    }

    /// `strtoumax` with base 0: a negative number wraps.
    fn unsigned(&mut self, text: &BString) -> Result<u64> {
        if let [b'\'' | b'"', code, after @ ..] = text.as_slice() {
            self.more(after);
            return Ok(u64::from(*code));
        }
        let (negative, magnitude, used) = read(text);
        self.verify(text, used, magnitude.is_none());
        let value = magnitude.unwrap_or(u64::MAX);
        Ok(if negative && magnitude.is_some() {
            value.wrapping_neg()
        } else {
            value
        })
    }
}

fn sign(negative: bool, how: &Directive) -> &'static [u8] {
    match (negative, how.plus, how.space) {
        (true, ..) => b"-",
        (_, true, _) => b"+",
        (_, _, true) => b" ",
        _ => b"",
    }
}

/// Sign, magnitude (`None`: too large) and length of a C integer constant.
fn read(text: &[u8]) -> (bool, Option<u64>, usize) {
    let space = text.iter().take_while(|it| matches!(it, b' ' | 9..=13));
    let mut at = space.count();
    let byte = |at: usize| text.get(at).copied();
    let negative = byte(at) == Some(b'-');
    if matches!(byte(at), Some(b'-' | b'+')) {
        at += 1;
    }
    let hexadecimal = byte(at) == Some(b'0')
        && matches!(byte(at + 1), Some(b'x' | b'X'))
        && byte(at + 2).is_some_and(|it| it.is_ascii_hexdigit());
    let base = if hexadecimal {
        at += 2;
        16
    } else if byte(at) == Some(b'0') {
        8
    } else {
        10
    };
    let (start, mut value) = (at, Some(0u64));
    while let Some(digit) = byte(at).and_then(|it| char::from(it).to_digit(base)) {
        value = value.and_then(|it| {
            it.checked_mul(u64::from(base))?
                .checked_add(u64::from(digit))
        });
        at += 1;
    }
    if at == start {
        return (false, Some(0), 0);
    }
    (negative, value, at)
}
