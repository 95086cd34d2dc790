//! Which plain scalars YAML 1.1 would read as something else than a string.
//!
//! Source: the YAML 1.1 type repository (bool, float, int, merge, null, timestamp, value), in the
//! spelling that PyYAML gives it.

/// Whether a plain scalar of this text is a string again when it is read.
pub fn is_string(text: &str) -> bool {
    !(is_word(text) || is_integer(text) || is_float(text) || is_timestamp(text))
}

fn is_word(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "yes", "no", "true", "false", "on", "off", "null", // each also Capital and UPPER
    ];
    let cased = |word: &&&str| {
        let mut capital = word.to_string();
        if let Some(first) = capital.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        text == **word || text == capital || text == word.to_ascii_uppercase()
    };
    matches!(text, "" | "~" | "<<" | "=") || WORDS.iter().any(|word| cased(&word))
}

/// Reads a text from the front.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn skip(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    /// Skips one byte if it is one of these.
    fn one_of(&mut self, set: &[u8]) -> bool {
        let found = self.peek().is_some_and(|byte| set.contains(&byte));
        self.skip(usize::from(found));
        found
    }

    /// Skips up to `limit` bytes of a kind and says how many.
    fn run(&mut self, limit: usize, kind: impl Fn(u8) -> bool) -> usize {
        let count = self
            .0
            .iter()
            .take(limit)
            .take_while(|byte| kind(**byte))
            .count();
        self.skip(count);
        count
    }

    fn digits(&mut self, limit: usize) -> usize {
        self.run(limit, |byte| byte.is_ascii_digit())
    }

    /// Digits and underscores; the first must be a digit.
    fn number(&mut self) -> bool {
        let starts = self.peek().is_some_and(|byte| byte.is_ascii_digit());
        if starts {
            self.run(usize::MAX, is_digit_or_underscore);
        }
        starts
    }

    fn rest_is(&self, options: &[&str]) -> bool {
        options.iter().any(|option| option.as_bytes() == self.0)
    }

    /// One or more `:SS` of base 60.
    fn sixties(&mut self) -> bool {
        let mut any = false;
        while self.one_of(b":") {
            let tens = self
                .peek()
                .is_some_and(|byte| (b'0'..=b'5').contains(&byte));
            if self.digits(if tens { 2 } else { 1 }) == 0 {
                return false;
            }
            any = true;
        }
        any
    }

    fn is_end(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

fn is_integer(text: &str) -> bool {
    let mut cursor = Cursor(text.as_bytes());
    cursor.one_of(b"+-");
    match cursor.0 {
        [b'0', b'b', digits @ ..] => {
            !digits.is_empty() && digits.iter().all(|byte| b"01_".contains(byte))
        }
        [b'0', b'x', digits @ ..] => {
            let digit = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'_';
            !digits.is_empty() && digits.iter().all(digit)
        }
        [b'0', digits @ ..] => digits.iter().all(|byte| b"01234567_".contains(byte)),
        [b'1'..=b'9', ..] => {
            cursor.number();
            cursor.is_end() || cursor.sixties() && cursor.is_end()
        }
        _ => false,
    }
}

fn is_float(text: &str) -> bool {
    let mut cursor = Cursor(text.as_bytes());
    let signed = cursor.one_of(b"+-");
    if cursor.rest_is(&[".inf", ".Inf", ".INF"]) {
        return true;
    }
    if !signed && cursor.rest_is(&[".nan", ".NaN", ".NAN"]) {
        return true;
    }
    if cursor.number() {
        let sixties = cursor.peek() == Some(b':');
        if sixties && !cursor.sixties() || !cursor.one_of(b".") {
            return false;
        }
        cursor.run(usize::MAX, is_digit_or_underscore);
        return cursor.is_end() || !sixties && exponent(cursor);
    }
    // `.5`: here a sign is not allowed, and the first after the point is a digit.
    !signed && cursor.one_of(b".") && cursor.number() && (cursor.is_end() || exponent(cursor))
}

/// `e+3` to the end; the sign is required.
fn exponent(mut cursor: Cursor<'_>) -> bool {
    cursor.one_of(b"eE") && cursor.one_of(b"+-") && cursor.digits(usize::MAX) > 0 && cursor.is_end()
}

fn is_timestamp(text: &str) -> bool {
    let mut cursor = Cursor(text.as_bytes());
    let is_blank = |byte: u8| byte == b' ' || byte == b'\t';
    if cursor.digits(4) < 4 || !cursor.one_of(b"-") {
        return false;
    }
    let month = cursor.digits(2);
    if month == 0 || !cursor.one_of(b"-") {
        return false;
    }
    let day = cursor.digits(2);
    if day == 0 {
        return false;
    }
    if cursor.is_end() {
        return month == 2 && day == 2;
    }
    if !cursor.one_of(b"Tt") && cursor.run(usize::MAX, is_blank) == 0 {
        return false;
    }
    if cursor.digits(2) == 0
        || !cursor.one_of(b":")
        || cursor.digits(2) < 2
        || !cursor.one_of(b":")
        || cursor.digits(2) < 2
    {
        return false;
    }
    if cursor.one_of(b".") {
        cursor.digits(usize::MAX);
    }
    if cursor.is_end() {
        return true;
    }
    cursor.run(usize::MAX, is_blank);
    if cursor.one_of(b"Z") {
        return cursor.is_end();
    }
    if !cursor.one_of(b"+-") || cursor.digits(2) == 0 {
        return false;
    }
    cursor.is_end() || cursor.one_of(b":") && cursor.digits(2) == 2 && cursor.is_end()
}
