//! C's `long double` as `printf` shows it, where that does not depend on the machine.
//!
//! Contract: x86-64 has 64 bits of mantissa, aarch64 has 113. A number is read and rounded in both
//! ways, exactly; where the two texts differ the answer is `None` and the caller refuses.
//! Counterpart: glibc's `strtold` and `printf`'s `%Le %Lf %Lg`.

use num_bigint::{BigInt, BigUint, Sign};

/// Most digits and largest exponent that are computed with.
const MAX_DIGITS: usize = 2000;
const MAX_EXPONENT: i64 = 4000;

/// A decimal number: `digits * 10^exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The sign, which zero has too.
    pub negative: bool,
    /// The digits as one number.
    pub digits: BigUint,
    /// Power of ten.
    pub exponent: i64,
}

/// How a number is shown.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// `e`, `f` or `g`, or the same in capitals.
    pub letter: u8,
    /// Digits behind the point; for `g` significant ones.
    pub precision: usize,
    /// `#`.
    pub alternate: bool,
}

/// Reads a decimal number as `strtold` does and tells how many bytes it took. `None`: what is read
/// is beyond this: hexadecimal, infinite, not a number, or too long.
pub fn parse(text: &[u8]) -> Option<(Decimal, usize)> {
    let space = text
        .iter()
        .take_while(|it| matches!(it, b' ' | 9..=13))
        .count();
    let mut at = space;
    let byte = |at: usize| text.get(at).copied();
    let negative = byte(at) == Some(b'-');
    if matches!(byte(at), Some(b'-' | b'+')) {
        at += 1;
    }
    let word = text
        .get(at..at + 3)
        .unwrap_or_default()
        .to_ascii_lowercase();
    if word == b"inf" || word == b"nan" {
        return None;
    }
    if matches!(text.get(at..at + 2), Some(b"0x" | b"0X")) {
        return hexadecimal(text, at + 2, negative);
    }
    let (mut digits, mut exponent) = (Vec::new(), 0i64);
    while let Some(digit @ b'0'..=b'9') = byte(at) {
        digits.push(digit);
        at += 1;
    }
    if byte(at) == Some(b'.')
        && (!digits.is_empty() || byte(at + 1).is_some_and(|it| it.is_ascii_digit()))
    {
        at += 1;
        while let Some(digit @ b'0'..=b'9') = byte(at) {
            digits.push(digit);
            exponent -= 1;
            at += 1;
        }
    }
    if digits.is_empty() {
        let zero = Decimal {
            negative: false,
            digits: BigUint::default(),
            exponent: 0,
        };
        return Some((zero, 0));
    }
    if digits.len() > MAX_DIGITS {
        return None;
    }
    if matches!(byte(at), Some(b'e' | b'E')) {
        let mut after = at + 1;
        let minus = byte(after) == Some(b'-');
        if matches!(byte(after), Some(b'-' | b'+')) {
            after += 1;
        }
        let mut power = 0i64;
        let start = after;
        while let Some(digit @ b'0'..=b'9') = byte(after) {
            power = (power * 10 + i64::from(digit - b'0')).min(1 << 40);
            after += 1;
        }
        if after > start {
            at = after;
            exponent += if minus { -power } else { power };
        }
    }
    let digits = BigUint::parse_bytes(&digits, 10)?;
    if digits == BigUint::default() {
        exponent = 0;
    }
    if exponent.abs() > MAX_EXPONENT {
        return None;
    }
    let number = Decimal {
        negative,
        digits,
        exponent,
    };
    Some((number, at))
}

/// A whole number in hexadecimal; fractions and powers of two are beyond this.
fn hexadecimal(text: &[u8], start: usize, negative: bool) -> Option<(Decimal, usize)> {
    let rest = text.get(start..).unwrap_or_default();
    let count = rest.iter().take_while(|it| it.is_ascii_hexdigit()).count();
    let (digits, behind) = rest.split_at(count);
    if count == 0 || count > MAX_DIGITS || matches!(behind, [b'.' | b'p' | b'P', ..]) {
        return None;
    }
    let number = Decimal {
        negative,
        digits: BigUint::parse_bytes(digits, 16)?,
        exponent: 0,
    };
    Some((number, start + count))
}

impl Decimal {
    /// Which is greater, exactly; zeros are equal.
    pub fn compare(&self, other: &Decimal) -> std::cmp::Ordering {
        let least = self.exponent.min(other.exponent);
        let scaled = |it: &Decimal| {
            let digits = &it.digits * power(10, (it.exponent - least).unsigned_abs());
            let sign = if it.negative { Sign::Minus } else { Sign::Plus };
            BigInt::from_biguint(sign, digits)
        };
        scaled(self).cmp(&scaled(other))
    }
}

/// The number without its sign as `printf` shows it; `None` if machines differ.
pub fn show(number: &Decimal, form: Form) -> Option<String> {
    if form.precision > MAX_DIGITS {
        return None;
    }
    let one = shown(number, 64, form);
    let other = shown(number, 113, form);
    (one == other).then_some(one)
}

fn power(base: u32, exponent: u64) -> BigUint {
    BigUint::from(base).pow(u32::try_from(exponent).unwrap_or(u32::MAX))
}

/// `numerator / denominator`, to the nearest, ties to even.
fn divide(numerator: &BigUint, denominator: &BigUint) -> BigUint {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let twice = rest << 1u32;
    let up = twice > *denominator || (twice == *denominator && quotient.bit(0));
    if up { quotient + 1u32 } else { quotient }
}

fn shown(number: &Decimal, bits: u64, form: Form) -> String {
    let (mut numerator, mut denominator) = (number.digits.clone(), BigUint::from(1u32));
    if number.exponent >= 0 {
        numerator *= power(10, number.exponent.unsigned_abs());
    } else {
        denominator = power(10, number.exponent.unsigned_abs());
    }
    if numerator == BigUint::default() {
        return layout(&numerator, &denominator, form);
    }
    // Round to `bits` bits: scale so that the quotient has just as many.
    let mut shift = bits as i64 - numerator.bits() as i64 + denominator.bits() as i64;
    let scaled = |shift: i64| {
        if shift >= 0 {
            (&numerator << shift as u64, denominator.clone())
        } else {
            (numerator.clone(), &denominator << shift.unsigned_abs())
        }
    };
    let (above, below) = scaled(shift);
    if (&above / &below).bits() > bits {
        shift -= 1;
    }
    let (above, below) = scaled(shift);
    let mantissa = divide(&above, &below);
    // The value is mantissa / 2^shift.
    if shift >= 0 {
        layout(&mantissa, &(BigUint::from(1u32) << shift as u64), form)
    } else {
        layout(
            &(mantissa << shift.unsigned_abs()),
            &BigUint::from(1u32),
            form,
        )
    }
}

/// Shows `numerator / denominator` exactly rounded.
pub fn layout(numerator: &BigUint, denominator: &BigUint, form: Form) -> String {
    let capital = form.letter.is_ascii_uppercase();
    match form.letter.to_ascii_lowercase() {
        b'f' => fixed(numerator, denominator, form.precision, form.alternate),
        b'e' => {
            let (digits, exponent) = significant(numerator, denominator, form.precision + 1);
            scientific(&digits, exponent, form.alternate, capital)
        }
        _ => {
            let wanted = form.precision.max(1);
            let (digits, exponent) = significant(numerator, denominator, wanted);
            let keep = |text: String| -> String {
                if form.alternate || !text.contains('.') {
                    return text;
                }
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            };
            if exponent < -4 || exponent >= wanted as i64 {
                let digits = if form.alternate {
                    digits.as_str()
                } else {
                    let kept = digits.trim_end_matches('0');
                    if kept.is_empty() { "0" } else { kept }
                };
                return scientific(digits, exponent, form.alternate, capital);
            }
            let precision = usize::try_from(wanted as i64 - 1 - exponent).unwrap_or(0);
            keep(fixed(numerator, denominator, precision, form.alternate))
        }
    }
}

fn fixed(numerator: &BigUint, denominator: &BigUint, precision: usize, alternate: bool) -> String {
    let scaled = divide(&(numerator * power(10, precision as u64)), denominator);
    let text = format!("{:0>1$}", scaled.to_string(), precision + 1);
    let (whole, fraction) = text.split_at(text.len() - precision);
    if fraction.is_empty() && !alternate {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// That many digits, rounded, and the power of ten of the first.
fn significant(numerator: &BigUint, denominator: &BigUint, count: usize) -> (String, i64) {
    if *numerator == BigUint::default() {
        return ("0".repeat(count), 0);
    }
    let length = |it: &BigUint| it.to_string().len() as i64;
    let mut exponent = length(numerator) - length(denominator);
    // By the number of digits it may be one too large.
    let scaled = |by: i64| {
        if by >= 0 {
            (
                numerator * power(10, by.unsigned_abs()),
                denominator.clone(),
            )
        } else {
            (
                numerator.clone(),
                denominator * power(10, by.unsigned_abs()),
            )
        }
    };
    let (above, below) = scaled(-exponent);
    if above < below {
        exponent -= 1;
    }
    let (above, below) = scaled(count as i64 - 1 - exponent);
    let digits = divide(&above, &below).to_string();
    if digits.len() <= count {
        return (digits, exponent);
    }
    // Rounded up to the next power of ten.
    (
        digits.get(..count).unwrap_or(&digits).to_owned(),
        exponent + 1,
    )
}

fn scientific(digits: &str, exponent: i64, alternate: bool, capital: bool) -> String {
    let (first, rest) = digits.split_at(digits.len().min(1));
    let point = if rest.is_empty() && !alternate {
        ""
    } else {
        "."
    };
    let letter = if capital { 'E' } else { 'e' };
    let sign = if exponent < 0 { '-' } else { '+' };
    let power = exponent.unsigned_abs();
    format!("{first}{point}{rest}{letter}{sign}{power:02}")
}

/// A decimal from an integer of a scale, for `seq`.
pub fn of_scaled(value: &BigInt, scale: i64) -> Decimal {
    Decimal {
        negative: value.sign() == Sign::Minus,
        digits: value.magnitude().clone(),
        exponent: -scale,
    }
}
