//! `printf`.
//!
//! Counterpart: gawk's `format_tree`.

use super::number::Form;
use super::value::Value;
use crate::shared::program;

/// Formats the values. `convfmt` is for numbers as text.
pub fn sprintf(format: &[u8], values: &[Value], convfmt: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut values = values.iter();
    let mut bytes = format.iter().copied().peekable();
    let next = |values: &mut std::slice::Iter<'_, Value>| match values.next() {
        Some(value) => value.clone(),
        None => program::refuse("a format with too few values"),
    };
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut form = Form::default();
        loop {
            match bytes.peek() {
                Some(b'-') => form.left = true,
                Some(b'+') => form.plus = true,
                Some(b' ') => form.blank = true,
                Some(b'#') => form.other = true,
                Some(b'0') => form.zeros = true,
                _ => break,
            }
            bytes.next();
        }
        let digits = |bytes: &mut std::iter::Peekable<_>, values: &mut _| -> Option<i64> {
            let bytes: &mut std::iter::Peekable<std::iter::Copied<std::slice::Iter<'_, u8>>> =
                bytes;
            if bytes.peek() == Some(&b'*') {
                bytes.next();
                #[allow(clippy::cast_possible_truncation)] // Saturates.
                return Some(next(values).number() as i64);
            }
            let mut found = None;
            while let Some(digit @ b'0'..=b'9') = bytes.peek().copied() {
                found = Some((found.unwrap_or(0) * 10 + i64::from(digit - b'0')).min(1 << 30));
                bytes.next();
            }
            found
        };
        if let Some(width) = digits(&mut bytes, &mut values) {
            form.left |= width < 0;
            form.width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
        }
        if bytes.peek() == Some(&b'.') {
            bytes.next();
            let precision = digits(&mut bytes, &mut values).unwrap_or(0);
            form.precision = usize::try_from(precision).ok();
        }
        if form.width > 1 << 26 || form.precision.is_some_and(|it| it > 1 << 26) {
            program::refuse("a format of more than 64 MiB");
        }
        if matches!(bytes.peek(), Some(b'l' | b'L' | b'h')) {
            program::refuse("a letter of C's types in a format");
        }
        let Some(letter) = bytes.next() else {
            program::refuse("a format that ends within a conversion");
        };
        match letter {
            b'%' => out.push(b'%'),
            b'd' | b'i' | b'o' | b'x' | b'X' | b'u' | b'e' | b'E' | b'f' | b'F' | b'g' | b'G' => {
                let value = next(&mut values).number();
                if !value.is_finite() {
                    let text = super::value::number_text(value, b"%.6g");
                    out.extend(form.pad(&text, false));
                    continue;
                }
                out.extend(number(&form, value, letter));
            }
            b'c' => {
                let value = next(&mut values);
                let body = match &value {
                    Value::Number(code) | Value::Input(_, code) => {
                        // The low byte is meant.
                        vec![*code as i64 as u8]
                    }
                    Value::Nothing => program::refuse("%c of nothing"),
                    Value::Text(text) if text.is_empty() => program::refuse("%c of nothing"),
                    Value::Text(text) => text.get(..1).unwrap_or_default().to_vec(),
                };
                out.extend(form.pad(&body, false));
            }
            b's' => {
                let text = next(&mut values).bytes(convfmt);
                let most = form.precision.unwrap_or(text.len()).min(text.len());
                out.extend(form.pad(text.get(..most).unwrap_or_default(), false));
            }
            letter => program::refuse(&format!("%{} in a format", char::from(letter))),
        }
    }
    out
}

fn number(form: &Form, value: f64, letter: u8) -> Vec<u8> {
    match letter {
        b'd' | b'i' => form.integer(value),
        b'o' | b'x' | b'X' | b'u' => {
            let whole = value.trunc();
            // gawk prints what does not fit as %g would.
            if !(0.0..18_446_744_073_709_551_616.0).contains(&whole) {
                if letter == b'u' && whole < 0.0 {
                    return form.integer(value);
                }
                program::refuse("an unsigned conversion of a number that does not fit");
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It fits.
            form.unsigned(whole as u64, letter)
        }
        _ => form.float(value, letter),
    }
}
