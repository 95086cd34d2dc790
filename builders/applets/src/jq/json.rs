//! Reading JSON: a stream of values, as jq's parser separates them.
//!
//! Refused: what is malformed (the message is the version's), `nan`, lone surrogates, what is not
//! UTF-8, and more than 256 levels.
//!
//! Counterpart: jq's `jv_parse.c`.

use super::number::Number;
use super::value::{Map, Value};
use std::rc::Rc;

/// Most levels of nesting (jq 1.6's `MAX_PARSING_DEPTH`).
const MAX_DEPTH: usize = 256;

/// Reads values one after the other.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
}

enum Open {
    Array(Vec<Value>),
    Object(Map, Rc<str>),
}

impl<'a> Reader<'a> {
    /// A reader of a text.
    pub fn new(text: &'a str) -> Reader<'a> {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Reader { text, at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// How many bytes were read.
    pub fn place(&self) -> usize {
        self.at
    }

    fn wrong<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("malformed JSON at byte {}: {what}", self.at))
    }

    /// The next value, or `None` at the end.
    pub fn next(&mut self) -> Result<Option<Value>, String> {
        self.blank();
        if self.peek().is_none() {
            return Ok(None);
        }
        let mut open: Vec<Open> = Vec::new();
        loop {
            // A value starts here, or an array or object ends that is empty.
            self.blank();
            let mut value = match self.peek() {
                Some(b'[') => {
                    self.at += 1;
                    self.deeper(&open)?;
                    self.blank();
                    if self.peek() == Some(b']') {
                        self.at += 1;
                        Value::array(Vec::new())
                    } else {
                        open.push(Open::Array(Vec::new()));
                        continue;
                    }
                }
                Some(b'{') => {
                    self.at += 1;
                    self.deeper(&open)?;
                    self.blank();
                    if self.peek() == Some(b'}') {
                        self.at += 1;
                        Value::object(Map::default())
                    } else {
                        let key = self.key()?;
                        open.push(Open::Object(Map::default(), key));
                        continue;
                    }
                }
                _ => self.scalar()?,
            };
            // The value ends as many arrays and objects as are closed after it.
            loop {
                let Some(top) = open.last_mut() else {
                    return Ok(Some(value));
                };
                let close = match top {
                    Open::Array(values) => {
                        values.push(value);
                        b']'
                    }
                    Open::Object(map, key) => {
                        map.insert(key.clone(), value);
                        b'}'
                    }
                };
                self.blank();
                let next = self.peek();
                self.at += 1;
                if next == Some(b',') {
                    if close == b'}' {
                        self.blank();
                        let key = self.key()?;
                        if let Some(Open::Object(_, last)) = open.last_mut() {
                            *last = key;
                        }
                    }
                    break;
                }
                if next != Some(close) {
                    return self.wrong("expected ',' or the end of an array or object");
                }
                value = match open.pop() {
                    Some(Open::Array(values)) => Value::array(values),
                    Some(Open::Object(map, _)) => Value::object(map),
                    None => return self.wrong("nothing is open"),
                };
            }
        }
    }

    fn deeper(&self, open: &[Open]) -> Result<(), String> {
        if open.len() >= MAX_DEPTH {
            return self.wrong("more than 256 levels");
        }
        Ok(())
    }

    fn key(&mut self) -> Result<Rc<str>, String> {
        if self.peek() != Some(b'"') {
            return self.wrong("expected a key");
        }
        let key = self.string()?;
        self.blank();
        if self.peek() != Some(b':') {
            return self.wrong("expected ':'");
        }
        self.at += 1;
        Ok(key)
    }

    fn scalar(&mut self) -> Result<Value, String> {
        if self.peek() == Some(b'"') {
            return Ok(Value::String(self.string()?));
        }
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'+' | b'-')
        ) {
            self.at += 1;
        }
        let token = self.text.get(start..self.at).unwrap_or_default();
        match token {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ if is_number(token) => match Number::written(token) {
                Some(number) => Ok(Value::Number(number)),
                None => self.wrong("not a number"),
            },
            _ => self.wrong("not a value"),
        }
    }

    fn string(&mut self) -> Result<Rc<str>, String> {
        self.at += 1;
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let Some(end) = memchr::memchr2(b'"', b'\\', rest.as_bytes()) else {
            return self.wrong("a string without end");
        };
        if rest.as_bytes().get(end) == Some(&b'"') {
            self.at = start + end + 1;
            return Ok(rest.get(..end).unwrap_or_default().into());
        }
        let mut text = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(end) = memchr::memchr2(b'"', b'\\', rest.as_bytes()) else {
                return self.wrong("a string without end");
            };
            text.push_str(rest.get(..end).unwrap_or_default());
            self.at += end + 1;
            if rest.as_bytes().get(end) == Some(&b'"') {
                return Ok(text.into());
            }
            let Some(letter) = self.peek() else {
                return self.wrong("a string without end");
            };
            self.at += 1;
            match escape(letter) {
                Some(plain) => text.push(plain),
                None if letter == b'u' => {
                    let Some((found, len)) = self.text.get(self.at..).and_then(code_point) else {
                        return self.wrong("not an escape of a character");
                    };
                    text.push(found);
                    self.at += len;
                }
                None => return self.wrong("not an escape"),
            }
        }
    }
}

/// Escapes of one letter.
pub fn escape(letter: u8) -> Option<char> {
    Some(match letter {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

/// The character whose four digits, or whose surrogates, follow `\u`; and how long that is.
pub fn code_point(text: &str) -> Option<(char, usize)> {
    let unit = |text: &str| -> Option<u32> {
        let digits = text.get(..4)?;
        let plain = digits.bytes().all(|it| it.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| plain)
    };
    let first = unit(text)?;
    if let Some(found) = char::from_u32(first) {
        return Some((found, 4));
    }
    let second = unit(text.get(4..)?.strip_prefix("\\u")?)?;
    if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|it| (it, 10))
}

/// A number as JSON allows it (jq also takes others, of which versions differ).
fn is_number(token: &str) -> bool {
    let rest = token.strip_prefix('-').unwrap_or(token);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        ),
        None => (rest, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

/// The only value of a text.
pub fn one(text: &str) -> Result<Value, String> {
    let mut reader = Reader::new(text);
    let value = reader.next()?;
    match (value, reader.next()?) {
        (Some(value), None) => Ok(value),
        _ => Err("not exactly one JSON value".to_owned()),
    }
}
