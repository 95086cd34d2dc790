//! Numbers and text: reading, and C's formats.
//!
//! Counterpart: gawk's `node.c` (`r_force_number`, `format_val`) and `format_tree`.

/// The number at the start of a text, as `strtod` reads decimal ones; 0 without one.
pub fn parse(text: &[u8]) -> f64 {
    prefix(text).0
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// The number and how many bytes it takes; none: there is no number.
fn prefix(text: &[u8]) -> (f64, usize) {
    let at = |index: usize| text.get(index).copied().unwrap_or(0);
    let mut end = text.iter().take_while(|it| is_blank(**it)).count();
    let start = end;
    let signed = matches!(at(end), b'+' | b'-');
    if signed {
        let word = text
            .get(end + 1..end + 4)
            .unwrap_or_default()
            .to_ascii_lowercase();
        if (word == b"inf" || word == b"nan") && (text.len() == end + 4 || is_blank(at(end + 4))) {
            let value = if word == b"inf" {
                f64::INFINITY
            } else {
                f64::NAN
            };
            let value = if at(end) == b'-' { -value } else { value };
            return (value, end + 4);
        }
        end += 1;
    }
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.iter().take_while(|it| it.is_ascii_digit()).count()
    };
    let whole = digits(end);
    end += whole;
    let mut count = whole;
    if at(end) == b'.' {
        let fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
            count += fraction;
        }
    }
    if count == 0 {
        return (0.0, 0);
    }
    if matches!(at(end), b'e' | b'E') {
        let sign = usize::from(matches!(at(end + 1), b'+' | b'-'));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let found = text.get(start..end).unwrap_or_default();
    let found = String::from_utf8_lossy(found);
    (found.parse().unwrap_or(0.0), end)
}

/// The number of input that looks like one.
pub fn looks_like(text: &[u8]) -> Option<f64> {
    let (value, end) = prefix(text);
    let rest = text.get(end..).unwrap_or_default();
    (end > 0 && rest.iter().all(|it| is_blank(*it))).then_some(value)
}

/// How a conversion is to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form {
    /// `-`.
    pub left: bool,
    /// `+`.
    pub plus: bool,
    /// A space.
    pub blank: bool,
    /// `#`.
    pub other: bool,
    /// `0`.
    pub zeros: bool,
    /// Least width.
    pub width: usize,
    /// Digits.
    pub precision: Option<usize>,
}

impl Form {
    /// Fills up to the width.
    pub fn pad(&self, body: &[u8], zeros: bool) -> Vec<u8> {
        let missing = self.width.saturating_sub(body.len());
        if missing == 0 {
            return body.to_vec();
        }
        if self.left {
            return [body, &vec![b' '; missing]].concat();
        }
        if zeros && self.zeros {
            let sign = usize::from(matches!(body.first(), Some(b'+' | b'-' | b' ')));
            let hex = match body.get(sign..sign + 2) {
                Some(b"0x" | b"0X") => 2,
                _ => 0,
            };
            let (head, tail) = body.split_at(sign + hex);
            return [head, &vec![b'0'; missing], tail].concat();
        }
        [&vec![b' '; missing], body].concat()
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.blank) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    /// `%d`.
    pub fn integer(&self, value: f64) -> Vec<u8> {
        let value = value.trunc();
        let mut digits = format!("{:.0}", value.abs());
        if let Some(precision) = self.precision {
            if precision == 0 && value == 0.0 {
                digits.clear();
            }
            digits = format!(
                "{}{digits}",
                "0".repeat(precision.saturating_sub(digits.len()))
            );
        }
        let negative = value < 0.0;
        let body = format!("{}{digits}", self.sign(negative));
        self.pad(body.as_bytes(), self.precision.is_none())
    }

    /// `%o`, `%x`, `%X`, `%u` of a whole number that is not negative.
    pub fn unsigned(&self, value: u64, letter: u8) -> Vec<u8> {
        let mut digits = match letter {
            b'o' => format!("{value:o}"),
            b'x' => format!("{value:x}"),
            b'X' => format!("{value:X}"),
            _ => format!("{value}"),
        };
        if let Some(precision) = self.precision {
            if precision == 0 && value == 0 {
                digits.clear();
            }
            digits = format!(
                "{}{digits}",
                "0".repeat(precision.saturating_sub(digits.len()))
            );
        }
        if self.other && value != 0 {
            match letter {
                b'o' if !digits.starts_with('0') => digits.insert(0, '0'),
                b'x' => digits.insert_str(0, "0x"),
                b'X' => digits.insert_str(0, "0X"),
                _ => {}
            }
        }
        self.pad(digits.as_bytes(), self.precision.is_none())
    }

    /// `%e`, `%f`, `%g` and their capitals.
    pub fn float(&self, value: f64, letter: u8) -> Vec<u8> {
        let sign = self.sign(value.is_sign_negative());
        let precision = self.precision.unwrap_or(6);
        let size = value.abs();
        let mut body = match letter.to_ascii_lowercase() {
            b'f' => self.fixed(size, precision),
            b'e' => self.scientific(size, precision),
            _ => self.general(size, precision.max(1)),
        };
        if letter.is_ascii_uppercase() {
            body.make_ascii_uppercase();
        }
        self.pad(format!("{sign}{body}").as_bytes(), true)
    }

    fn fixed(&self, size: f64, precision: usize) -> String {
        let dot = if precision == 0 && self.other {
            "."
        } else {
            ""
        };
        format!("{size:.precision$}{dot}")
    }

    fn scientific(&self, size: f64, precision: usize) -> String {
        let text = format!("{size:.precision$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let mark = if exponent < 0 { '-' } else { '+' };
        let dot = if precision == 0 && self.other {
            "."
        } else {
            ""
        };
        format!("{mantissa}{dot}e{mark}{:02}", exponent.abs())
    }

    fn general(&self, size: f64, precision: usize) -> String {
        let text = format!("{size:.*e}", precision - 1);
        let exponent: i64 = text
            .split_once('e')
            .and_then(|it| it.1.parse().ok())
            .unwrap_or(0);
        let most = i64::try_from(precision).unwrap_or(i64::MAX);
        let plain = (-4..most).contains(&exponent);
        let text = if plain {
            let digits = usize::try_from(most - 1 - exponent).unwrap_or(0);
            self.fixed(size, digits)
        } else {
            self.scientific(size, precision - 1)
        };
        if self.other {
            return text;
        }
        let (mantissa, exponent) = match text.find('e') {
            Some(at) => text.split_at(at),
            None => (text.as_str(), ""),
        };
        let mantissa = if mantissa.contains('.') {
            mantissa.trim_end_matches('0').trim_end_matches('.')
        } else {
            mantissa
        };
        format!("{mantissa}{exponent}")
    }
}
