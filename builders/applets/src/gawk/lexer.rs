//! The words of an awk program.
//!
//! Counterpart: gawk's `yylex` in `awkgram.y`.

use super::ast::Text;

/// A word.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Token {
    Number(f64),
    Text(Text),
    Regex(Text),
    /// A name; true: a parenthesis follows at once.
    Name(String, bool),
    Builtin(&'static str),
    Keyword(&'static str),
    Mark(&'static str),
    Newline,
    End,
}

const KEYWORDS: &[&str] = &[
    "BEGIN",
    "END",
    "function",
    "func",
    "if",
    "else",
    "while",
    "for",
    "do",
    "break",
    "continue",
    "next",
    "nextfile",
    "exit",
    "return",
    "delete",
    "in",
    "getline",
    "print",
    "printf",
    "switch",
    "case",
    "default",
    "BEGINFILE",
    "ENDFILE",
];

/// Functions of awk's own.
pub const BUILTINS: &[&str] = &[
    "length",
    "substr",
    "index",
    "split",
    "sub",
    "gsub",
    "gensub",
    "match",
    "sprintf",
    "sin",
    "cos",
    "atan2",
    "exp",
    "log",
    "sqrt",
    "int",
    "rand",
    "srand",
    "tolower",
    "toupper",
    "system",
    "close",
    "fflush",
    "strtonum",
    "systime",
    "strftime",
    "mktime",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "compl",
    "asort",
    "asorti",
    "isarray",
    "typeof",
    "patsplit",
    "mkbool",
    "dcgettext",
    "dcngettext",
    "bindtextdomain",
];

const MARKS: &[&str] = &[
    "**=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=",
    "!~", ">>", "**", "|&", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^",
    "!", ">", "<", "|", "?", ":", "~", "$", "=", "@",
];

/// Splits a program.
pub fn split(text: &[u8]) -> Result<Vec<Token>, String> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens: Vec<Token> = Vec::new();
    loop {
        let token = lexer.next(tokens.last())?;
        let end = token == Token::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

impl Lexer<'_> {
    fn byte(&self, after: usize) -> u8 {
        self.text.get(self.at + after).copied().unwrap_or(0)
    }

    fn next(&mut self, last: Option<&Token>) -> Result<Token, String> {
        loop {
            match self.byte(0) {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.byte(1) == b'\n' => self.at += 2,
                b'\\' if self.byte(1) == b'\r' && self.byte(2) == b'\n' => self.at += 3,
                b'#' => {
                    while self.at < self.text.len() && self.byte(0) != b'\n' {
                        self.at += 1;
                    }
                }
                _ => break,
            }
        }
        if self.at >= self.text.len() {
            return Ok(Token::End);
        }
        let first = self.byte(0);
        if first == b'\n' {
            self.at += 1;
            return Ok(Token::Newline);
        }
        if first == b'"' {
            self.at += 1;
            return self.text().map(Token::Text);
        }
        if first.is_ascii_digit() || (first == b'.' && self.byte(1).is_ascii_digit()) {
            return self.number();
        }
        if first.is_ascii_alphabetic() || first == b'_' {
            let start = self.at;
            while self.byte(0).is_ascii_alphanumeric() || self.byte(0) == b'_' {
                self.at += 1;
            }
            let word = self.text.get(start..self.at).unwrap_or_default();
            let word = String::from_utf8_lossy(word).into_owned();
            if let Some(found) = KEYWORDS.iter().find(|it| **it == word) {
                return Ok(Token::Keyword(found));
            }
            if let Some(found) = BUILTINS.iter().find(|it| **it == word) {
                return Ok(Token::Builtin(found));
            }
            return Ok(Token::Name(word, self.byte(0) == b'('));
        }
        // A slash divides after a value, and starts a regular expression elsewhere.
        let divides = match last {
            Some(Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(..)) => true,
            Some(Token::Builtin(_)) => true,
            Some(Token::Mark(mark)) => matches!(*mark, ")" | "]" | "$" | "++" | "--"),
            _ => false,
        };
        if first == b'/' && !divides {
            self.at += 1;
            return self.regex().map(Token::Regex);
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        match MARKS.iter().find(|mark| rest.starts_with(mark.as_bytes())) {
            Some(mark) => {
                self.at += mark.len();
                Ok(Token::Mark(match *mark {
                    "**" => "^",
                    "**=" => "^=",
                    mark => mark,
                }))
            }
            None => Err(format!("an unexpected character at byte {}", self.at)),
        }
    }

    fn number(&mut self) -> Result<Token, String> {
        let start = self.at;
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X' | b'0'..=b'9') {
            return Err("a number that starts with 0".to_owned());
        }
        while self.byte(0).is_ascii_digit() {
            self.at += 1;
        }
        if self.byte(0) == b'.' {
            self.at += 1;
            while self.byte(0).is_ascii_digit() {
                self.at += 1;
            }
        }
        if matches!(self.byte(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if self.byte(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                while self.byte(0).is_ascii_digit() {
                    self.at += 1;
                }
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        Ok(Token::Number(super::number::parse(text)))
    }

    fn text(&mut self) -> Result<Text, String> {
        let start = self.at;
        loop {
            match self.byte(0) {
                b'"' => break,
                b'\\' => self.at += 2,
                b'\n' => return Err("a string that does not end on its line".to_owned()),
                _ => self.at += 1,
            }
            if self.at >= self.text.len() {
                return Err("a string without end".to_owned());
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        unescape(raw)
    }

    fn regex(&mut self) -> Result<Text, String> {
        let mut out = Vec::new();
        let mut in_set = false;
        loop {
            if self.at >= self.text.len() || self.byte(0) == b'\n' {
                return Err("a regular expression without end".to_owned());
            }
            let byte = self.byte(0);
            self.at += 1;
            match byte {
                b'/' if !in_set => return Ok(out.into()),
                b'\\' => {
                    let next = self.byte(0);
                    self.at += 1;
                    if next == b'\n' {
                        continue;
                    }
                    if next != b'/' {
                        out.push(b'\\');
                    }
                    out.push(next);
                }
                b'[' => {
                    if !in_set {
                        in_set = true;
                        out.push(b'[');
                        if self.byte(0) == b'^' {
                            out.push(b'^');
                            self.at += 1;
                        }
                        if self.byte(0) == b']' {
                            out.push(b']');
                            self.at += 1;
                        }
                        continue;
                    }
                    out.push(b'[');
                    if matches!(self.byte(0), b':' | b'.' | b'=') {
                        let close = self.byte(0);
                        loop {
                            out.push(self.byte(0));
                            self.at += 1;
                            if self.at >= self.text.len() {
                                return Err("a class without end".to_owned());
                            }
                            if self.byte(0) == close && self.byte(1) == b']' {
                                out.extend([close, b']']);
                                self.at += 2;
                                break;
                            }
                        }
                    }
                }
                b']' => {
                    in_set = false;
                    out.push(b']');
                }
                byte => out.push(byte),
            }
        }
    }
}

/// A string's escapes.
pub fn unescape(raw: &[u8]) -> Result<Text, String> {
    let mut out = Vec::new();
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(letter) = bytes.next() else {
            out.push(b'\\');
            break;
        };
        match letter {
            b'\n' => {}
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'"' | b'/' | b'\\' => out.push(letter),
            b'0'..=b'7' => {
                let mut value = u32::from(letter - b'0');
                for _ in 0..2 {
                    match bytes.peek() {
                        Some(digit @ b'0'..=b'7') => {
                            value = value * 8 + u32::from(digit - b'0');
                            bytes.next();
                        }
                        _ => break,
                    }
                }
                out.push((value & 0xff) as u8);
            }
            b'x' | b'u' => return Err("an escape of hexadecimal digits".to_owned()),
            // gawk keeps these for regular expressions, and warns of others.
            b'.' | b'[' | b']' | b'(' | b')' | b'*' | b'+' | b'?' | b'{' | b'}' | b'|' | b'^'
            | b'$' | b'&' | b'-' | b'w' | b'W' | b's' | b'S' | b'y' | b'B' | b'<' | b'>' | b'`'
            | b'\'' | b'd' => {
                return Ok(regex_escape(raw));
            }
            _ => return Err(format!("the escape '\\{}' in a string", char::from(letter))),
        }
    }
    Ok(out.into())
}

/// Marks a string that has an escape which awk warns of: it is refused where it is used.
fn regex_escape(_: &[u8]) -> Text {
    crate::shared::program::refuse("an escape in a string of which awk warns")
}
