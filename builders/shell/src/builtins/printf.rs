//! `printf`, with `%q`, `%Q`, `%b`, `%(…)T` and `-v`.

use super::Call;
use super::escape::{Escapes, escape, unescape};
use crate::expand::quote;
use crate::state::assign::{Scope, is_reference, split_reference};
use crate::state::{Flow, Shell, Unwind};

pub fn printf(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"v:", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let target = options.value(b'v').map(<[u8]>::to_vec);
    if let Some(name) = &target
        && !is_reference(name)
    {
        sh.not_identifier(&call.name, name);
        return Ok(2);
    }
    let Some(format) = call.args.get(options.used).cloned() else {
        sh.builtin_error(&call.name, b"usage: printf [-v var] format [arguments]");
        return Ok(2);
    };
    let args = call
        .args
        .get(options.used + 1..)
        .unwrap_or_default()
        .to_vec();
    let mut p = Printf {
        sh,
        args: &args,
        next: 0,
        out: Vec::new(),
        status: 0,
        stop: false,
        too_wide: false,
    };
    loop {
        let before = p.next;
        p.pass(&format);
        if p.too_wide || p.out.len() > p.sh.bounds.text {
            // Another text would be a guess.
            let most = p.sh.bounds.field;
            p.error(format!("a field wider than {most} characters"));
            return Err(Unwind::Exit(1));
        }
        if p.stop || p.next >= args.len() || p.next == before {
            break;
        }
    }
    let (mut out, status) = (p.out, p.status);
    let Some(name) = target else {
        let written = sh.output(&call.name, &out);
        return Ok(if written != 0 { written } else { status });
    };
    // A variable ends at a NUL.
    out.truncate(out.iter().position(|c| *c == 0).unwrap_or(out.len()));
    let (base, subscript) = split_reference(&name);
    let key = match subscript {
        Some(s) => Some(sh.expand_subscript_text(base, s)?),
        None => None,
    };
    match sh.assign(base, key.as_deref(), out, false, Scope::Visible) {
        Ok(()) => Ok(status),
        Err(_) => Ok(1),
    }
}

struct Printf<'a> {
    sh: &'a mut Shell,
    args: &'a [Vec<u8>],
    next: usize,
    out: Vec<u8>,
    status: i32,
    stop: bool,
    too_wide: bool,
}

#[derive(Debug, Default, Clone)]
struct Spec {
    minus: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    quote: bool,
    width: usize,
    precision: Option<usize>,
}

impl Printf<'_> {
    fn arg(&mut self) -> Option<Vec<u8>> {
        let arg = self.args.get(self.next).cloned();
        if arg.is_some() {
            self.next += 1;
        }
        arg
    }

    fn error(&mut self, text: impl AsRef<[u8]>) {
        self.sh.builtin_error(b"printf", text);
        self.status = 1;
    }

    /// Goes through the format once.
    fn pass(&mut self, format: &[u8]) {
        let mut at = 0;
        while let Some(&c) = format.get(at) {
            at += 1;
            match c {
                b'\\' => match escape(
                    format.get(at..).unwrap_or_default(),
                    Escapes::Format,
                    self.sh.st.utf8,
                    &mut self.out,
                ) {
                    Some(used) => at += used,
                    None => {
                        self.stop = true;
                        return;
                    }
                },
                b'%' if format.get(at) == Some(&b'%') => {
                    self.out.push(b'%');
                    at += 1;
                }
                b'%' => match self.directive(format, at) {
                    Some(end) => at = end,
                    None => {
                        self.stop = true;
                        return;
                    }
                },
                c => self.out.push(c),
            }
            if self.stop {
                return;
            }
        }
    }

    fn number_or_star(&mut self, format: &[u8], at: &mut usize) -> Option<i64> {
        if format.get(*at) == Some(&b'*') {
            *at += 1;
            let text = self.arg().unwrap_or_default();
            return Some(self.integer(&text));
        }
        let digits = format
            .get(*at..)
            .unwrap_or_default()
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count();
        let text = format.get(*at..*at + digits).unwrap_or_default();
        *at += digits;
        if digits == 0 {
            return None;
        }
        Some(crate::arith::parse_decimal(text).unwrap_or(i64::MAX))
    }

    /// One directive behind `%`; gives where it ends. `None`: a bad one, which stops.
    fn directive(&mut self, format: &[u8], start: usize) -> Option<usize> {
        let mut spec = Spec::default();
        let mut at = start;
        while let Some(c) = format.get(at) {
            match c {
                b'-' => spec.minus = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'#' => spec.alternate = true,
                b'0' => spec.zero = true,
                b'\'' => spec.quote = true,
                _ => break,
            }
            at += 1;
        }
        if let Some(width) = self.number_or_star(format, &mut at) {
            spec.minus |= width < 0;
            if width.unsigned_abs() > self.sh.bounds.field.unsigned_abs() {
                (self.too_wide, self.stop) = (true, true);
                return None;
            }
            spec.width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
        }
        if format.get(at) == Some(&b'.') {
            at += 1;
            let precision = self.number_or_star(format, &mut at).unwrap_or(0);
            // Of a text it is at most what there is; of a number it is digits.
            spec.precision = u64::try_from(precision)
                .ok()
                .map(|digits| usize::try_from(digits).unwrap_or(usize::MAX));
        }
        while matches!(
            format.get(at),
            Some(b'h' | b'l' | b'j' | b'z' | b't' | b'L')
        ) {
            at += 1;
        }
        let Some(&conversion) = format.get(at) else {
            self.error(
                [
                    b"`",
                    format.get(start - 1..).unwrap_or_default(),
                    b"': missing format character",
                ]
                .concat(),
            );
            return None;
        };
        at += 1;
        let text = matches!(conversion, b's' | b'b' | b'q' | b'Q' | b'c' | b'(');
        if !text
            && spec
                .precision
                .is_some_and(|digits| digits > self.sh.bounds.field as usize)
        {
            (self.too_wide, self.stop) = (true, true);
            return None;
        }
        match conversion {
            b'd' | b'i' => {
                let text = self.arg().unwrap_or_default();
                let value = self.integer(&text);
                let sign: &[u8] = if value < 0 {
                    b"-"
                } else if spec.plus {
                    b"+"
                } else if spec.space {
                    b" "
                } else {
                    b""
                };
                self.put_number(&spec, sign, value.unsigned_abs().to_string().into_bytes());
            }
            b'u' | b'o' | b'x' | b'X' => {
                let text = self.arg().unwrap_or_default();
                let value = self.wide(&text, true) as u64;
                let digits = match conversion {
                    b'u' => value.to_string(),
                    b'o' => format!("{value:o}"),
                    b'x' => format!("{value:x}"),
                    _ => format!("{value:X}"),
                };
                let prefix: &[u8] = match conversion {
                    b'x' if spec.alternate && value != 0 => b"0x",
                    b'X' if spec.alternate && value != 0 => b"0X",
                    b'o' if spec.alternate
                        && (!digits.starts_with('0') || spec.precision == Some(0))
                        && spec.precision.is_none_or(|p| p <= digits.len()) =>
                    {
                        b"0"
                    }
                    _ => b"",
                };
                self.put_number(&spec, prefix, digits.into_bytes());
            }
            b's' => {
                let text = self.arg().unwrap_or_default();
                self.put_text(&spec, text);
            }
            b'c' => {
                // Of nothing it is the NUL that ends a text in C.
                let text = self.arg().unwrap_or_default();
                let character = vec![text.first().copied().unwrap_or(0)];
                self.put_text(
                    &Spec {
                        precision: None,
                        ..spec
                    },
                    character,
                );
            }
            b'b' => {
                let text = self.arg().unwrap_or_default();
                let mut value = Vec::new();
                self.stop = unescape(&text, Escapes::PrintfB, self.sh.st.utf8, &mut value);
                self.put_text(&spec, value);
            }
            b'q' | b'Q' => {
                let mut text = self.arg().unwrap_or_default();
                if conversion == b'Q'
                    && let Some(n) = spec.precision
                {
                    text.truncate(n);
                }
                let quoted = quote::backslash(&text, self.sh.st.utf8);
                let precision = if conversion == b'Q' {
                    None
                } else {
                    spec.precision
                };
                self.put_text(&Spec { precision, ..spec }, quoted);
            }
            b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' => {
                let text = self.arg().unwrap_or_default();
                let value = self.float(&text);
                self.put_float(&spec, conversion, value);
            }
            b'(' => {
                let rest = format.get(at..).unwrap_or_default();
                let close = rest.iter().position(|c| *c == b')');
                match close {
                    Some(close) if rest.get(close + 1) == Some(&b'T') => {
                        let template = rest.get(..close).unwrap_or_default();
                        let template: &[u8] = if template.is_empty() {
                            b"%H:%M:%S"
                        } else {
                            template
                        };
                        let text = self.arg();
                        let seconds = match text {
                            None => crate::sys::now().0,
                            Some(text) => match self.integer(&text) {
                                -1 => crate::sys::now().0,
                                -2 => self.sh.started.0,
                                n => n,
                            },
                        };
                        let text = super::print_vars::strftime(template, seconds);
                        self.put_text(&spec, text);
                        at += close + 2;
                    }
                    _ => {
                        self.error(
                            [
                                b"`",
                                format.get(start - 1..).unwrap_or_default(),
                                b"': invalid time format specification",
                            ]
                            .concat(),
                        );
                        return None;
                    }
                }
            }
            b'n' => {
                if let Some(name) = self.arg() {
                    let count = self.out.len().to_string();
                    self.sh.put(&name, count.into_bytes());
                }
            }
            other => {
                self.error([b"`", &[other][..], b"': invalid format character"].concat());
                return None;
            }
        }
        Some(at)
    }

    fn pad(&mut self, spec: &Spec, text: &[u8]) {
        let fill = spec.width.saturating_sub(text.len());
        if !spec.minus {
            self.out.extend(std::iter::repeat_n(b' ', fill));
        }
        self.out.extend_from_slice(text);
        if spec.minus {
            self.out.extend(std::iter::repeat_n(b' ', fill));
        }
    }

    fn put_text(&mut self, spec: &Spec, mut text: Vec<u8>) {
        if let Some(n) = spec.precision {
            text.truncate(n);
        }
        self.pad(spec, &text);
    }

    fn put_number(&mut self, spec: &Spec, prefix: &[u8], mut digits: Vec<u8>) {
        if spec.precision == Some(0) && digits == b"0" {
            digits.clear();
        }
        let mut zeros = spec.precision.unwrap_or(0).saturating_sub(digits.len());
        if spec.precision.is_none() && spec.zero && !spec.minus {
            zeros = spec.width.saturating_sub(prefix.len() + digits.len());
        }
        let mut text = prefix.to_vec();
        text.extend(std::iter::repeat_n(b'0', zeros));
        text.extend(digits);
        self.pad(spec, &text);
    }

    /// An integer argument: C constants, or a character behind a quote.
    fn integer(&mut self, text: &[u8]) -> i64 {
        self.wide(text, false) as i64
    }

    /// As an `intmax_t`, or as an `uintmax_t`.
    fn wide(&mut self, text: &[u8], unsigned: bool) -> i128 {
        if let [b'\'' | b'"', rest @ ..] = text {
            return i128::from(self.char_code(rest));
        }
        let trimmed = text.trim_ascii_start();
        if trimmed.is_empty() {
            if !text.is_empty() {
                self.error([text, b": invalid number"].concat());
            }
            return 0;
        }
        let (negative, digits) = match trimmed {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (base, body) = match digits {
            [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
                (16, rest)
            }
            [b'0', ..] => (8, digits),
            _ => (10, digits),
        };
        let (mut value, mut used, mut overflow) = (0i128, 0, false);
        while let Some(d) = body.get(used).and_then(|c| char::from(*c).to_digit(base)) {
            value = value * i128::from(base) + i128::from(d);
            used += 1;
            if value > u64::MAX as i128 {
                overflow = true;
                value = u64::MAX as i128;
            }
        }
        if used == 0 || used < body.len() {
            self.error([text, b": invalid number"].concat());
        }
        let value = if negative { -value } else { value };
        let (least, most) = if unsigned {
            (-(u64::MAX as i128), u64::MAX as i128)
        } else {
            (i128::from(i64::MIN), i128::from(i64::MAX))
        };
        if overflow || value < least || value > most {
            self.sh.builtin_error(
                b"printf",
                [b"warning: ", text, b": Numerical result out of range"].concat(),
            );
            return if negative && !unsigned { least } else { most };
        }
        value
    }

    fn char_code(&self, rest: &[u8]) -> i64 {
        match crate::pattern::char_at(rest, self.sh.st.utf8) {
            Some((c, _)) if c >= 0x11_0000 => i64::from(c - 0x11_0000),
            Some((c, _)) => i64::from(c),
            None => 0,
        }
    }

    fn float(&mut self, text: &[u8]) -> f64 {
        if let [b'\'' | b'"', rest @ ..] = text {
            return self.char_code(rest) as f64;
        }
        if text.is_empty() {
            return 0.0;
        }
        let trimmed = std::str::from_utf8(text).unwrap_or("").trim_start();
        if let Some(hex) = trimmed
            .strip_prefix("0x")
            .or_else(|| trimmed.strip_prefix("0X"))
            && let Ok(value) = u64::from_str_radix(hex, 16)
        {
            return value as f64;
        }
        let mut end = trimmed.len();
        while end > 0 {
            if let Some(Ok(value)) = trimmed.get(..end).map(str::parse::<f64>) {
                if end < trimmed.len() {
                    self.error([text, b": invalid number"].concat());
                }
                return value;
            }
            end -= 1;
        }
        self.error([text, b": invalid number"].concat());
        0.0
    }

    fn put_float(&mut self, spec: &Spec, conversion: u8, value: f64) {
        let body = super::print_vars::format_float(
            conversion,
            value.abs(),
            spec.precision,
            spec.alternate,
        );
        let sign: &[u8] = if value.is_sign_negative() {
            b"-"
        } else if spec.plus {
            b"+"
        } else if spec.space {
            b" "
        } else {
            b""
        };
        let mut text = sign.to_vec();
        if spec.zero && !spec.minus && value.is_finite() {
            let zeros = spec.width.saturating_sub(sign.len() + body.len());
            text.extend(std::iter::repeat_n(b'0', zeros));
        }
        text.extend(body);
        self.pad(spec, &text);
    }
}
