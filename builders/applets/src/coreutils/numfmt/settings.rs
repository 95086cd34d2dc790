//! What `--format` and `--field` of `numfmt` say.
//!
//! Counterpart: coreutils' `numfmt.c`, `parse_format_string`, and `set-fields.c`.

use super::{Job, die};
use crate::shared::options::Parsed;
use crate::shared::{program, quote};
use bstr::{BString, ByteSlice};

impl Job {
    /// Reads `--format`: one `%f` with flags, width and precision.
    pub(super) fn format(&mut self, format: &BString) {
        let shown = quote::locale(format);
        let mut at = 0;
        loop {
            match format.get(at..).unwrap_or_default() {
                [] => die(&[b"format ", &shown, b" has no % directive"]),
                [b'%', b'%', ..] => at += 2,
                [b'%', ..] => break,
                _ => at += 1,
            }
        }
        // GNU counts `%%` before the number as one letter, and loses as many.
        let before = format.get(..at).unwrap_or_default();
        if before.contains(&b'%') {
            program::refuse("a percent sign before the number");
        }
        self.before = before.into();
        let mut rest = format.get(at + 1..).unwrap_or_default();
        let mut zero = false;
        while let [flag @ (b' ' | b'\'' | b'0'), after @ ..] = rest {
            zero |= *flag == b'0';
            rest = after;
        }
        let digits = |text: &[u8]| {
            let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
            let count = text
                .iter()
                .skip(sign)
                .take_while(|it| it.is_ascii_digit())
                .count();
            if count == 0 { 0 } else { sign + count }
        };
        let (width, after) = rest.split_at(digits(rest));
        if !width.is_empty() {
            let pad: Option<i32> = width.to_str().ok().and_then(|it| it.parse().ok());
            let Some(pad) = pad else {
                program::refuse("a width in --format of this size");
            };
            if pad > 0 && zero {
                self.zero_padding = pad.unsigned_abs() as usize;
            } else if pad != 0 {
                // `--padding=-N` says on which side, also here.
                let left = pad < 0 || self.padding < 0;
                let width = i64::from(pad).abs();
                self.padding = if left { -width } else { width };
            }
        }
        rest = after;
        if rest.is_empty() {
            die(&[b"format ", &shown, b" ends in %"]);
        }
        if let [b'.', after @ ..] = rest {
            let (number, after) = after.split_at(digits(after));
            if matches!(number.first(), Some(b'-' | b'+'))
                || matches!(after.first(), Some(b' ' | b'\t' | b'+'))
            {
                die(&[b"invalid precision in format ", &shown]);
            }
            let precision = number.to_str().ok().and_then(|it| it.parse().ok());
            self.precision = Some(if number.is_empty() {
                0
            } else {
                precision.unwrap_or(0)
            });
            if self.precision.is_some_and(|it| it > 100) {
                program::refuse("a precision of this size");
            }
            rest = after;
        }
        let Some(behind) = rest.strip_prefix(b"f") else {
            die(&[
                b"invalid format ",
                &shown,
                b", directive must be %[0]['][-][N][.][N]f",
            ]);
        };
        let mut at = 0;
        while let Some(byte) = behind.get(at) {
            if *byte == b'%' {
                if behind.get(at + 1) != Some(&b'%') {
                    die(&[b"format ", &shown, b" has too many % directives"]);
                }
                at += 1;
            }
            at += 1;
        }
        self.behind = behind.into();
    }
}

/// `--field`: `1`, `2-4`, `-3`, `5-`, and lists of these.
pub(super) fn fields(parsed: &Parsed) -> Vec<(u64, u64)> {
    let given = parsed.options.iter().filter(|(key, _)| *key == 'φ').count();
    if given > 1 {
        die(&[b"multiple field specifications"]);
    }
    let Some(text) = parsed.value('φ') else {
        return vec![(1, 1)];
    };
    let mut fields = Vec::new();
    for part in text.split_str(",") {
        let number = |text: &[u8], empty: u64| match text {
            b"" => Some(empty),
            _ => {
                let plain = text.iter().all(u8::is_ascii_digit);
                let number = text.to_str().ok().and_then(|it| it.parse().ok());
                number.filter(|it| plain && *it > 0)
            }
        };
        let (from, to) = part.split_once_str("-").unwrap_or((part, part));
        match (number(from, 1), number(to, u64::MAX)) {
            (Some(from), Some(to)) if from <= to && !part.is_empty() => fields.push((from, to)),
            _ => program::refuse("a list of fields that is broken"),
        }
    }
    fields
}
