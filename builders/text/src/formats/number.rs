//! How the tools that nixpkgs uses spell a number.
//!
//! All start from the shortest decimal digits that read back as the same double, and differ in
//! when they use an exponent and how.

use serde_json::Number;

/// A double as digits and a decimal exponent: 0.DIGITS × 10^point, sign apart.
struct Decimal {
    negative: bool,
    digits: String,
    /// Where the decimal point stands: after that many digits, which may be negative.
    point: i32,
}

impl Decimal {
    fn new(value: f64) -> Self {
        // `{:e}` gives the shortest digits that round-trip: `1.25e-7`.
        let text = format!("{:e}", value.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Self {
            negative: value.is_sign_negative(),
            digits: mantissa.chars().filter(char::is_ascii_digit).collect(),
            point: exponent.parse::<i32>().unwrap_or(0) + 1,
        }
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    /// All digits, with zeros up to or from the decimal point; `.0` when integral.
    fn fixed(&self) -> String {
        let (sign, digits) = (self.sign(), &self.digits);
        let point = usize::try_from(self.point).unwrap_or(0);
        if self.point <= 0 {
            let zeros = "0".repeat(self.point.unsigned_abs() as usize);
            format!("{sign}0.{zeros}{digits}")
        } else if point >= digits.len() {
            let zeros = "0".repeat(point - digits.len());
            format!("{sign}{digits}{zeros}.0")
        } else {
            let (whole, fraction) = digits.split_at(point);
            format!("{sign}{whole}.{fraction}")
        }
    }

    /// `D.DDD` and the exponent that goes with it.
    fn scientific(&self) -> (String, i32) {
        let (first, rest) = self.digits.split_at(self.digits.len().min(1));
        let dot = if rest.is_empty() { "" } else { "." };
        (format!("{}{first}{dot}{rest}", self.sign()), self.point - 1)
    }
}

/// As `jq .` (1.7 and newer) prints a number that Nix wrote.
///
/// Nix spells a double with an exponent outside 10^-4 … 10^15; jq keeps the digits and prints them
/// in the form of the General Decimal Arithmetic specification, "to-scientific-string".
pub fn jq(number: &Number) -> String {
    let Some(value) = as_double(number) else {
        return number.to_string();
    };
    let decimal = Decimal::new(value);
    let digits = i32::try_from(decimal.digits.len()).unwrap_or(i32::MAX);
    if -4 < decimal.point && decimal.point <= 15 {
        return decimal.fixed();
    }
    let (mantissa, exponent) = decimal.scientific();
    // A plain spelling needs no zeros after the digits, and at most five after the point.
    if decimal.point <= digits && exponent >= -6 {
        let text = decimal.fixed();
        return text.strip_suffix(".0").unwrap_or(&text).to_owned();
    }
    format!("{mantissa}E{exponent:+}")
}

/// As Python's `repr` spells it.
pub fn python(number: &Number) -> String {
    let Some(value) = as_double(number) else {
        return number.to_string();
    };
    let decimal = Decimal::new(value);
    if -4 < decimal.point && decimal.point <= 16 {
        return decimal.fixed();
    }
    let (mantissa, exponent) = decimal.scientific();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// As `toString` in Nix spells it: six digits after the point.
pub fn nix(number: &Number) -> String {
    match as_double(number) {
        Some(value) => format!("{value:.6}"),
        None => number.to_string(),
    }
}

/// The value, when JSON wrote it as a double.
fn as_double(number: &Number) -> Option<f64> {
    number.as_f64().filter(|_| number.is_f64())
}
