//! Numbers: doubles, and how jq prints them.
//!
//! jq 1.6 reads a number as a double and prints the shortest digits that give it back; since 1.7 a
//! number that was only copied is printed as it was written. Where the two differ the number is
//! marked, and printing it is refused: a script's jq may be either.
//!
//! Counterpart: `jv_dtoa.c` (`jvp_dtoa_fmt`), and decNumber's scientific strings.

use crate::shared::program;
use std::cmp::Ordering;

/// A number.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    value: f64,
    /// Versions of jq print it differently as long as it is only copied.
    differs: bool,
}

impl Number {
    /// The result of a computation.
    pub fn computed(value: f64) -> Number {
        Number {
            value,
            differs: false,
        }
    }

    /// A number as it is written in JSON or in a program. None if it is not one.
    pub fn written(text: &str) -> Option<Number> {
        let value: f64 = text.parse().ok()?;
        let differs = canonical(text)? != format(value);
        Some(Number { value, differs })
    }

    /// The double.
    pub fn get(self) -> f64 {
        self.value
    }

    /// As every version prints it.
    pub fn print(self) -> String {
        if self.differs {
            program::refuse(&format!(
                "versions of jq print the number {} differently",
                format(self.value)
            ));
        }
        format(self.value)
    }

    /// Their order. `nan` is below everything, also itself.
    pub fn compare(self, other: Number) -> Ordering {
        if self.value == other.value && (self.differs || other.differs) {
            const EXACT: f64 = 9_007_199_254_740_992.0;
            if self.value.abs() > EXACT {
                program::refuse("a comparison of numbers beyond the precision of doubles");
            }
        }
        self.value
            .partial_cmp(&other.value)
            .unwrap_or(if self.value.is_nan() {
                Ordering::Less
            } else {
                Ordering::Greater
            })
    }
}

/// The shortest digits, and the place of the point relative to them.
fn digits(value: f64) -> (String, i32) {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    (digits, exponent.parse::<i32>().unwrap_or(0) + 1)
}

/// As jq prints a double.
pub fn format(value: f64) -> String {
    if value.is_nan() {
        return "null".to_owned();
    }
    let value = value.clamp(-f64::MAX, f64::MAX);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value == 0.0 {
        return format!("{sign}0");
    }
    let (digits, point) = digits(value.abs());
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if point <= -4 || point > count + 15 {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let exponent = point - 1;
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{dot}{rest}e{mark}{:02}", exponent.abs());
    }
    if point <= 0 {
        let zeros = "0".repeat(point.unsigned_abs() as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    if point >= count {
        let zeros = "0".repeat((point - count).unsigned_abs() as usize);
        return format!("{sign}{digits}{zeros}");
    }
    let (whole, fraction) = digits.split_at(point.unsigned_abs() as usize);
    format!("{sign}{whole}.{fraction}")
}

/// As decNumber prints what was written.
fn canonical(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let exponent = exponent - i64::try_from(fraction.len()).ok()?;
    let trimmed = all.trim_start_matches('0');
    let digits = if trimmed.is_empty() { "0" } else { trimmed };
    let count = i64::try_from(digits.len()).ok()?;
    let adjusted = exponent + count - 1;
    if exponent > 0 || adjusted < -6 {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        return Some(format!("{sign}{first}{dot}{rest}E{adjusted:+}"));
    }
    let after = usize::try_from(-exponent).ok()?;
    if after == 0 {
        return Some(format!("{sign}{digits}"));
    }
    let padded = format!(
        "{}{digits}",
        "0".repeat((after + 1).saturating_sub(digits.len()))
    );
    let (whole, fraction) = padded.split_at(padded.len() - after);
    Some(format!("{sign}{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_jq_prints_them() {
        for (value, text) in [
            (1e17, "1e+17"),
            (1.5e16, "15000000000000000"),
            (123_456_789_012_345_678.0, "123456789012345680"),
            (1e-4, "0.0001"),
            (1.234e-5, "1.234e-05"),
            (-0.0, "-0"),
            (12.5, "12.5"),
            (f64::INFINITY, "1.7976931348623157e+308"),
        ] {
            assert_eq!(format(value), text);
        }
    }

    #[test]
    fn what_versions_print_differently_is_marked() {
        for (text, differs) in [
            ("1", false),
            ("-12.5", false),
            ("1.0", true),
            ("100000000000000000", true),
            ("1e3", true),
            ("0.0001", false),
            ("0.00001", true),
            ("3.14159265358979323846", true),
        ] {
            let number = Number::written(text).expect("a number");
            assert_eq!(number.differs, differs, "{text}");
        }
    }
}
