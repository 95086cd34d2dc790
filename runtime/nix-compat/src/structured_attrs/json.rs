//! JSON as the library that Nix uses (nlohmann) reads and writes it.
//!
//! Contract: [`dump`] is compact, sorts keys by their bytes, leaves UTF-8 as it is, escapes only
//! quotes, backslashes and control characters, and prints numbers as that library: integers as they
//! are, others with the fewest digits that give the same number back, with an exponent below 1e-5 and
//! from 1e15 on, and always with a period or an exponent. [`parse`] takes `-0` for the integer 0, and
//! the last of two equal keys; it refuses nesting beyond 127.
//! One known difference: that library finds the digits with Grisu2, which for about one number in a
//! thousand of those that need 16 or 17 digits gives another form of the same number.

use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Reads JSON.
pub(super) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(&without_negative_zeros(text))
}

/// The text with `-0` (the integer) written as `0`: serde_json takes it for a floating-point number.
fn without_negative_zeros(text: &str) -> Cow<'_, str> {
    if !text.contains("-0") {
        return text.into();
    }
    let mut result = String::with_capacity(text.len());
    let mut in_string = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '-' && !in_string && chars.peek() == Some(&'0') {
            chars.next();
            let is_integer = !matches!(chars.peek(), Some('0'..='9' | '.' | 'e' | 'E'));
            result.push_str(if is_integer { "0" } else { "-0" });
            continue;
        }
        result.push(char);
        match char {
            '"' => in_string = !in_string,
            '\\' => result.extend(chars.next()),
            _ => {}
        }
    }
    result.into()
}

/// Writes an object. Recursive; the values' depth is bounded by [`parse`].
pub(super) fn dump(members: &BTreeMap<&str, &Value>) -> String {
    let mut text = String::with_capacity(4096);
    write_members(&mut text, members);
    text
}

fn write(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(integer), _, _) => text.push_str(&integer.to_string()),
            (_, Some(integer), _) => text.push_str(&integer.to_string()),
            (_, _, float) => text.push_str(&write_float(float.unwrap_or_default())),
        },
        Value::String(string) => write_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(text, item);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let members = members.iter();
            write_members(
                text,
                &members
                    .map(|(name, value)| (name.as_str(), value))
                    .collect(),
            );
        }
    }
}

fn write_members(text: &mut String, members: &BTreeMap<&str, &Value>) {
    text.push('{');
    for (index, (name, member)) in members.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_string(text, name);
        text.push(':');
        write(text, member);
    }
    text.push('}');
}

fn write_string(text: &mut String, string: &str) {
    text.reserve(string.len() + 2);
    text.push('"');
    // Whole runs at once: few characters are special, and those are single bytes.
    let mut rest = string;
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    while let Some((run, other)) = rest
        .bytes()
        .position(|byte| special(&byte))
        .and_then(|length| rest.split_at_checked(length))
    {
        text.push_str(run);
        let mut chars = other.chars();
        match chars.next() {
            Some('"') => text.push_str("\\\""),
            Some('\\') => text.push_str("\\\\"),
            Some('\u{8}') => text.push_str("\\b"),
            Some('\u{c}') => text.push_str("\\f"),
            Some('\n') => text.push_str("\\n"),
            Some('\r') => text.push_str("\\r"),
            Some('\t') => text.push_str("\\t"),
            Some(char) => text.push_str(&format!("\\u{:04x}", u32::from(char))),
            None => break,
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    text.push('"');
}

/// A floating-point number, which is finite: JSON has no others.
fn write_float(float: f64) -> String {
    // “d.ddde±x”, the fewest digits that read back as the same number.
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    if float == 0.0 {
        return format!("{sign}0.0");
    }
    // Where the decimal point stands, counted from before the first digit.
    let point = exponent + 1;
    match usize::try_from(point) {
        Ok(places @ 1..=15) => match digits.split_at_checked(places) {
            Some((whole, "")) => format!("{sign}{whole}.0"),
            Some((whole, fraction)) => format!("{sign}{whole}.{fraction}"),
            None => format!("{sign}{digits:0<places$}.0"),
        },
        _ if (-3..=0).contains(&point) => {
            let zeros = "0".repeat(usize::try_from(-point).unwrap_or(0));
            format!("{sign}0.{zeros}{digits}")
        }
        _ => {
            let exponent_sign = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{mantissa}e{exponent_sign}{:02}", exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump_value(value: &Value) -> String {
        let mut text = String::new();
        write(&mut text, value);
        text
    }
    use proptest::prelude::*;

    fn through(text: &str) -> String {
        dump_value(&parse(text).unwrap())
    }

    #[test]
    fn numbers_as_nix_prints_them() {
        for (read, written) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("[-0,-0e0]", "[0,-0.0]"),
            ("1.0", "1.0"),
            ("1e0", "1.0"),
            ("1.5", "1.5"),
            ("0.1", "0.1"),
            ("100.0", "100.0"),
            ("1e14", "100000000000000.0"),
            ("1e15", "1e+15"),
            ("123456789012345.6", "123456789012345.6"),
            ("1e16", "1e+16"),
            ("1.5e300", "1.5e+300"),
            ("0.001", "0.001"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1.25e-7", "1.25e-07"),
            ("5e-324", "5e-324"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("-9223372036854775809", "-9.223372036854776e+18"),
        ] {
            assert_eq!(through(read), written, "{read}");
        }
    }

    #[test]
    fn texts_as_nix_prints_them() {
        assert_eq!(
            through(r#" { "b" : [ ] , "a" : { } , "a" : "-0" } "#),
            r#"{"a":"-0","b":[]}"#
        );
        assert_eq!(
            through(r#""\u00e9\u0001\u001f\u007f\b\f\/\\\" -0""#),
            "\"é\\u0001\\u001f\u{7f}\\b\\f/\\\\\\\" -0\""
        );
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse("\"\\ud800\"").is_err());
        assert!(parse("1e999").is_err());
        assert!(parse("-00").is_err());
    }

    proptest! {
        #[test]
        fn floats_read_back(float in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
            let text = write_float(float);
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), float.to_bits());
            prop_assert_eq!(through(&text), text);
        }

        #[test]
        fn strings_read_back(string: String) {
            let text = dump_value(&Value::from(string.clone()));
            prop_assert_eq!(parse(&text).unwrap(), Value::from(string));
        }
    }
}
