//! `numfmt`.
//!
//! Contract: it computes in C's `long double`, which differs between processors: all is done with
//! both, and a number whose texts differ is refused. Counterpart: coreutils' `numfmt.c`.

mod settings;

use super::float::{self, Form};
use super::long_double::Long;
use super::{Utility, number};
use crate::shared::io::{self, Records, Source};
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{program, quote};
use bstr::{BString, ByteSlice};
use std::cmp::Ordering;

pub const NUMFMT: Utility = Utility {
    name: "numfmt",
    spec: Spec {
        options: &[
            value('d', "delimiter"),
            value('φ', "field"),
            value('ƒ', "format"),
            value('ŕ', "from"),
            value('ū', "from-unit"),
            flag('ğ', "grouping"),
            maybe('ħ', "header"),
            value('ï', "invalid"),
            value('π', "padding"),
            value('ř', "round"),
            value('ş', "suffix"),
            value('ŧ', "to"),
            value('ť', "to-unit"),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// The mantissas of the processors.
const BITS: [u64; 2] = [64, 113];
const UNITS: &[u8] = b"KMGTPEZY";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    None,
    Auto,
    Si,
    Iec,
    IecI,
}

impl Scale {
    fn base(self) -> u64 {
        match self {
            Scale::Iec | Scale::IecI => 1024,
            _ => 1000,
        }
    }
}

struct Job {
    from: Scale,
    to: Scale,
    from_unit: u64,
    to_unit: u64,
    round: u8,
    invalid: u8,
    suffix: BString,
    delimiter: Option<u8>,
    fields: Vec<(u64, u64)>,
    padding: i64,
    auto_padding: bool,
    zero_padding: usize,
    precision: Option<usize>,
    before: BString,
    behind: BString,
}

/// A number as it was read: its parts in decimal digits.
struct Read {
    negative: bool,
    whole: Vec<u8>,
    fraction: Option<Vec<u8>>,
    base: u64,
    power: usize,
    precision: usize,
}

fn die(parts: &[&[u8]]) -> ! {
    program::die(1, parts)
}

fn scale(text: Option<&BString>, name: &str, output: bool) -> Scale {
    match text.map(|it| it.as_slice()) {
        None | Some(b"none") => Scale::None,
        Some(b"auto") if !output => Scale::Auto,
        Some(b"si") => Scale::Si,
        Some(b"iec") => Scale::Iec,
        Some(b"iec-i") => Scale::IecI,
        Some(_) => program::refuse(&format!("--{name} of another name")),
    }
}

/// `1K` is 1000 and `1Ki` is 1024.
fn unit(text: Option<&BString>) -> u64 {
    let Some(text) = text else { return 1 };
    let fail = || -> ! { die(&[b"invalid unit size: ", &quote::locale(text)]) };
    let found = match text.split_last() {
        None => fail(),
        Some((last, _)) if last.is_ascii_digit() => number::size(text, b"KMGTPEZY"),
        Some((b'i', rest)) if rest.last().is_some_and(|it| !it.is_ascii_digit()) => {
            number::size(rest, b"KMGTPEZY")
        }
        Some(_) => number::size(&[text, &b"B"[..]].concat(), b"KMGTPEZY0"),
    };
    match found {
        Ok(size) if size > 0 => size,
        _ => fail(),
    }
}

impl Job {
    fn new(parsed: &Parsed) -> Job {
        let one_of = |key: char, words: &[&str], name: &str| -> u8 {
            let Some(text) = parsed.value(key) else {
                return 0;
            };
            match words.iter().position(|it| it.as_bytes() == text.as_slice()) {
                Some(at) => at as u8,
                None => program::refuse(&format!("--{name} of another name")),
            }
        };
        let mut job = Job {
            from: scale(parsed.value('ŕ'), "from", false),
            to: scale(parsed.value('ŧ'), "to", true),
            from_unit: unit(parsed.value('ū')),
            to_unit: unit(parsed.value('ť')),
            round: one_of(
                'ř',
                &["from-zero", "up", "down", "towards-zero", "nearest"],
                "round",
            ),
            invalid: one_of('ï', &["abort", "fail", "warn", "ignore"], "invalid"),
            suffix: parsed.value('ş').cloned().unwrap_or_default(),
            delimiter: parsed.value('d').map(|text| match text.as_slice() {
                [] => 0,
                [one] => *one,
                _ => die(&[b"the delimiter must be a single character"]),
            }),
            fields: settings::fields(parsed),
            padding: 0,
            auto_padding: false,
            zero_padding: 0,
            precision: None,
            before: BString::default(),
            behind: BString::default(),
        };
        if let Some(text) = parsed.value('π') {
            job.padding = match text.to_str().ok().and_then(|it| it.parse::<i32>().ok()) {
                Some(padding) if padding != 0 => padding.into(),
                _ => die(&[b"invalid padding value ", &quote::locale(text)]),
            };
        }
        if let Some(format) = parsed.value('ƒ') {
            if parsed.has('ğ') {
                die(&[b"--grouping cannot be combined with --format"]);
            }
            job.format(format);
        }
        if parsed.has('ğ') && job.to != Scale::None {
            die(&[b"grouping cannot be combined with --to"]);
        }
        job.auto_padding = job.padding == 0 && job.delimiter.is_none();
        job
    }

    fn takes(&self, field: u64) -> bool {
        self.fields
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&field))
    }

    fn complain(&self, parts: &[&[u8]]) {
        if self.invalid != 3 {
            program::complain(parts);
        }
        if self.invalid == 0 {
            program::exit(2);
        }
    }

    /// One line; false if something in it is no number.
    fn line(&self, line: &[u8]) -> bool {
        let (mut at, mut field, mut good) = (0, 0, true);
        loop {
            field += 1;
            let rest = line.get(at..).unwrap_or_default();
            let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\n');
            let length = match self.delimiter {
                Some(delimiter) => memchr::memchr(delimiter, rest).unwrap_or(rest.len()),
                None => {
                    let before = rest.iter().take_while(blank).count();
                    let word = rest.iter().skip(before).take_while(|it| !blank(it)).count();
                    before + word
                }
            };
            let text = rest.get(..length).unwrap_or_default();
            if !self.takes(field) {
                io::put(text);
            } else if !self.field(text, field) {
                io::put(text);
                good = false;
            }
            at += length;
            if at >= line.len() {
                return good;
            }
            io::put(&[self.delimiter.unwrap_or(b' ')]);
            at += 1;
        }
    }

    fn field(&self, text: &[u8], field: u64) -> bool {
        let text = match text.strip_suffix(self.suffix.as_slice()) {
            Some(rest) if !self.suffix.is_empty() && !rest.is_empty() => rest,
            _ => text,
        };
        let number = text.trim_start_with(|it| it == ' ' || it == '\t');
        let skipped = number.len() < text.len();
        let mut padding = self.padding;
        if self.auto_padding && (skipped || field > 1) {
            padding = text.len() as i64;
        }
        let Some(read) = self.read(number) else {
            return false;
        };
        let shown = BITS.map(|bits| self.show(&read, bits));
        let [one, other] = &shown;
        if one != other {
            program::refuse(&format!(
                "the number '{}': its digits depend on the machine",
                number.as_bstr()
            ));
        }
        let mut out = match one {
            Ok(text) => BString::from(text.as_str()),
            Err(message) => {
                self.complain(&[message.as_bytes()]);
                return false;
            }
        };
        out.extend_from_slice(&self.suffix);
        let width = usize::try_from(padding.unsigned_abs()).unwrap_or(0);
        let fill = vec![b' '; width.saturating_sub(out.len())];
        io::put(&self.before);
        if padding > 0 {
            io::put(&fill);
        }
        io::put(&out);
        if padding < 0 {
            io::put(&fill);
        }
        io::put(&self.behind);
        true
    }

    /// Reads digits, a fraction and a unit; complains about what is none.
    fn read(&self, text: &[u8]) -> Option<Read> {
        let shown = quote::locale(text);
        let (negative, rest) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let digits = |text: &[u8]| text.iter().take_while(|it| it.is_ascii_digit()).count();
        let significant = |text: &[u8]| text.iter().skip_while(|it| **it == b'0').count();
        let (whole, mut rest) = rest.split_at(digits(rest));
        let large = || self.complain(&[b"value too large to be converted: ", &shown]);
        let invalid = || self.complain(&[b"invalid number: ", &shown]);
        if significant(whole) > 27 {
            large();
            return None;
        }
        if whole.is_empty() && !rest.starts_with(b".") {
            invalid();
            return None;
        }
        let mut fraction = None;
        if let Some(after) = rest.strip_prefix(b".") {
            let (found, after) = after.split_at(digits(after));
            if found.is_empty() {
                invalid();
                return None;
            }
            if significant(found) > 27 {
                large();
                return None;
            }
            fraction = Some(found.to_vec());
            rest = after;
        }
        let mut read = Read {
            negative,
            whole: whole.to_vec(),
            precision: fraction.as_ref().map_or(0, Vec::len),
            fraction,
            base: self.from.base(),
            power: 0,
        };
        if !rest.is_empty() {
            rest = rest.trim_start_with(|it| it == ' ' || it == '\t');
            let place = rest
                .first()
                .and_then(|it| UNITS.iter().position(|unit| unit == it));
            let Some(place) = place else {
                // C's `strchr` finds the end of the text too.
                if rest.is_empty() {
                    program::refuse("blanks behind a number");
                }
                self.complain(&[b"invalid suffix in input: ", &shown]);
                return None;
            };
            if self.from == Scale::None {
                self.complain(&[
                    b"rejecting suffix in input: ",
                    &shown,
                    b" (consider using --from)",
                ]);
                return None;
            }
            read.power = place + 1;
            rest = rest.get(1..).unwrap_or_default();
            if self.from == Scale::Auto && rest.starts_with(b"i") {
                read.base = 1024;
                rest = rest.get(1..).unwrap_or_default();
            }
            read.precision = 0;
        }
        if self.from == Scale::IecI {
            match rest.strip_prefix(b"i") {
                Some(after) => rest = after,
                None => {
                    self.complain(&[b"missing 'i' suffix in input: ", &shown, b" (e.g Ki/Mi/Gi)"]);
                    return None;
                }
            }
        }
        if !rest.is_empty() {
            let behind = quote::locale(rest);
            self.complain(&[b"invalid suffix in input ", &shown, b": ", &behind]);
            return None;
        }
        Some(read)
    }

    /// The number as text, with so many bits of mantissa. The error is a message.
    fn show(&self, read: &Read, bits: u64) -> Result<String, String> {
        let whole = |value: u64| Long::whole(value, bits);
        let ten = whole(10);
        let power = |base: &Long, times: usize| {
            (1..times).fold(base.clone(), |product, _| product.times(base))
        };
        let digits = |digits: &[u8]| {
            digits.iter().fold(whole(0), |value, digit| {
                value.times(&ten).plus(&whole(u64::from(digit - b'0')))
            })
        };
        let mut value = digits(&read.whole);
        if let Some(fraction) = &read.fraction {
            value = value.plus(&digits(fraction).over(&power(&ten, fraction.len())));
        }
        value = value.signed(read.negative);
        if read.power > 0 {
            value = value.times(&power(&whole(read.base), read.power));
        }
        if self.from_unit != 1 || self.to_unit != 1 {
            value = value
                .times(&whole(self.from_unit))
                .over(&whole(self.to_unit));
        }
        let precision = self.precision.unwrap_or(read.precision);
        let mut magnitude = 0;
        let mut small = value.clone();
        while small.compare_size(&ten) != Ordering::Less {
            small = small.over(&ten);
            magnitude += 1;
        }
        let general = |value: &Long| signed(value, b'g', 6);
        if self.to == Scale::None && magnitude + precision > 18 {
            return Err(if precision > 0 {
                format!(
                    "value/precision too large to be printed: '{}/{precision}' (consider using --to)",
                    general(&value)
                )
            } else {
                format!(
                    "value too large to be printed: '{}' (consider using --to)",
                    general(&value)
                )
            });
        }
        if magnitude > 26 {
            return Err(format!(
                "value too large to be printed: '{}' (cannot handle values > 999Y)",
                general(&value)
            ));
        }
        let scaled = |value: Long, places: usize| {
            if places == 0 {
                return self.rounded(&value, bits);
            }
            let factor = power(&ten, places);
            self.rounded(&value.times(&factor), bits).over(&factor)
        };
        if self.to == Scale::None {
            let value = scaled(value, precision);
            return Ok(self.padded(&value, precision, ""));
        }
        let base = whole(self.to.base());
        let mut place = 0;
        while value.compare_size(&base) != Ordering::Less {
            value = value.over(&base);
            place += 1;
        }
        let places = match self.precision {
            Some(precision) => precision.min(place * 3),
            None => usize::from(value.compare_size(&ten) == Ordering::Less),
        };
        value = scaled(value, places);
        if value.compare_size(&base) != Ordering::Less {
            value = value.over(&base);
            place += 1;
        }
        let point = !value.is_zero() && value.compare_size(&ten) == Ordering::Less && place > 0;
        let precision = self.precision.unwrap_or(usize::from(point));
        let unit = place.checked_sub(1).and_then(|it| UNITS.get(it));
        let mut unit = unit
            .map(|it| char::from(*it).to_string())
            .unwrap_or_default();
        if self.to == Scale::IecI && place > 0 {
            unit.push('i');
        }
        Ok(self.padded(&value, precision, &unit))
    }

    /// With zeros before it, as wide as the format asks for.
    fn padded(&self, value: &Long, precision: usize, unit: &str) -> String {
        let text = signed(value, b'f', precision);
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.as_str()),
        };
        let width = self.zero_padding.saturating_sub(sign.len());
        format!("{sign}{digits:0>width$}{unit}")
    }

    fn rounded(&self, value: &Long, bits: u64) -> Long {
        // C rounds what fits into 63 bits, and the rest is a multiple of that.
        let (whole, left) = value.truncated();
        let one = Long::whole(1, bits).signed(value.negative);
        let up = match self.round {
            0 => left,
            1 => left && !value.negative,
            2 => left && value.negative,
            3 => false,
            _ => {
                let half = one.over(&Long::whole(2, bits));
                let nearest = value.plus(&half).truncated().0;
                // C's whole numbers have no zero below zero.
                let negative = nearest.negative && !nearest.is_zero();
                return nearest.signed(negative);
            }
        };
        let whole = if up { whole.plus(&one) } else { whole };
        let negative = whole.negative && !whole.is_zero();
        whole.signed(negative)
    }
}

fn signed(value: &Long, letter: u8, precision: usize) -> String {
    let (above, below) = value.fraction();
    let form = Form {
        letter,
        precision,
        alternate: false,
    };
    let text = float::layout(&above, &below, form);
    if value.negative {
        format!("-{text}")
    } else {
        text
    }
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let job = Job::new(&parsed);
    let end = if parsed.has('z') { 0 } else { b'\n' };
    let mut header = match (parsed.has('ħ'), parsed.value('ħ')) {
        (false, _) => 0,
        (true, None) => 1,
        (true, Some(text)) => match number::size(text, b"") {
            Ok(count) if count > 0 => count,
            _ => die(&[b"invalid header value ", &quote::locale(text)]),
        },
    };
    let mut good = true;
    for operand in &parsed.operands {
        good &= job.line(operand);
        io::put(&[end]);
    }
    if parsed.operands.is_empty() {
        let mut records = Records::new(Source::Stdin, end);
        let mut record = Vec::new();
        loop {
            match records.next(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(errno) => {
                    program::complain_errno(&[b"error reading input"], errno);
                    break;
                }
            }
            if header > 0 {
                header -= 1;
                io::put(&record);
                continue;
            }
            let (line, ended) = match record.strip_suffix(&[end]) {
                Some(line) => (line, true),
                None => (record.as_slice(), false),
            };
            if line.contains(&0) {
                program::refuse("a line with a NUL");
            }
            good &= job.line(line);
            if ended {
                io::put(&[end]);
            }
        }
    }
    if good || job.invalid >= 2 { 0 } else { 2 }
}
