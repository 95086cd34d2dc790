//! Integer constants: decimal, `0x` hexadecimal, `0` octal, `base#digits` with bases 2 to 64.

/// Parses a constant as an arithmetic expression reads it.
pub fn parse_integer(text: &[u8]) -> Result<i64, &'static str> {
    let (base, digits) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        _ => match text.iter().position(|c| *c == b'#') {
            Some(at) => {
                let base = parse_decimal(text.get(..at).unwrap_or_default()).unwrap_or(0);
                if !(2..=64).contains(&base) {
                    return Err("invalid arithmetic base");
                }
                let digits = text.get(at + 1..).unwrap_or_default();
                if digits.is_empty() {
                    return Err("invalid integer constant");
                }
                (base, digits)
            }
            None => (10, text),
        },
    };
    let mut value: i64 = 0;
    for c in digits {
        let digit = match c {
            b'0'..=b'9' => i64::from(c - b'0'),
            b'a'..=b'z' => i64::from(c - b'a') + 10,
            b'A'..=b'Z' if base <= 36 => i64::from(c - b'A') + 10,
            b'A'..=b'Z' => i64::from(c - b'A') + 36,
            b'@' => 62,
            b'_' => 63,
            _ => return Err("invalid number"),
        };
        if digit >= base {
            return Err("value too great for base");
        }
        value = value.wrapping_mul(base).wrapping_add(digit);
    }
    Ok(value)
}

/// A plain decimal integer with an optional sign and surrounding blanks, as builtins read their
/// arguments (`legal_number`).
pub fn parse_decimal(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut value: i64 = 0;
    for c in digits {
        value = value.checked_mul(10)?;
        let digit = i64::from(c - b'0');
        value = if negative {
            value.checked_sub(digit)?
        } else {
            value.checked_add(digit)?
        };
    }
    Some(value)
}
