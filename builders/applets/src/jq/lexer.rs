//! The words of a jq program.
//!
//! Counterpart: jq's `lexer.l`.

use super::json::{code_point, escape};

/// A word.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Token {
    Number(String),
    /// A name or keyword, with `::` inside where it has one.
    Word(String),
    /// `.name`.
    Field(String),
    /// `$name`; jq allows space between.
    Variable(String),
    /// `@name`.
    Format(String),
    /// A string: plain texts and, between them, programs.
    String(Vec<Piece>),
    /// Everything else.
    Mark(&'static str),
}

/// A piece of a string.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Piece {
    Text(String),
    Program(Vec<(Token, usize)>),
}

const MARKS: &[&str] = &[
    "//=", "|=", "+=", "-=", "*=", "/=", "%=", "==", "!=", "<=", ">=", "//", "..", ".", "[", "]",
    "(", ")", "{", "}", "|", ",", ":", ";", "=", "<", ">", "+", "-", "*", "/", "%", "?", "$",
];

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// Splits a program into words, each with its line.
pub fn split(text: &str) -> Result<Vec<(Token, usize)>, String> {
    let mut lexer = Lexer {
        text,
        at: 0,
        depth: 0,
    };
    let tokens = lexer.tokens(false)?;
    if lexer.at < text.len() {
        return Err("a stray ')'".to_owned());
    }
    Ok(tokens)
}

fn is_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn byte(&self, after: usize) -> u8 {
        *self.text.as_bytes().get(self.at + after).unwrap_or(&0)
    }

    /// The words up to the end, or up to the parenthesis that closes an interpolation.
    fn tokens(&mut self, nested: bool) -> Result<Vec<(Token, usize)>, String> {
        let mut tokens = Vec::new();
        let mut open = 0usize;
        loop {
            while matches!(self.byte(0), b' ' | b'\t' | b'\r' | b'\n') {
                self.at += 1;
            }
            if self.byte(0) == b'#' {
                let end = self.rest().find('\n').unwrap_or(self.rest().len());
                let comment = self.rest().get(..end).unwrap_or_default();
                if comment.ends_with('\\') {
                    return Err("a comment that ends in a backslash".to_owned());
                }
                self.at += end;
                continue;
            }
            let line = 1 + memchr::memchr_iter(
                b'\n',
                self.text.as_bytes().get(..self.at).unwrap_or_default(),
            )
            .count();
            let first = self.byte(0);
            if self.at >= self.text.len() {
                if nested {
                    return Err("an interpolation without end".to_owned());
                }
                return Ok(tokens);
            }
            let token = if first == b'"' {
                self.at += 1;
                Token::String(self.string()?)
            } else if first.is_ascii_digit() || (first == b'.' && self.byte(1).is_ascii_digit()) {
                Token::Number(self.number())
            } else if first == b'.' && is_start(self.byte(1)) {
                self.at += 1;
                Token::Field(self.word(false))
            } else if first == b'$' && (is_start(self.byte(1)) || self.byte(1) == b' ') {
                self.at += 1;
                while self.byte(0) == b' ' {
                    self.at += 1;
                }
                if !is_start(self.byte(0)) {
                    return Err("a '$' without a name".to_owned());
                }
                Token::Variable(self.word(true))
            } else if first == b'@' && is_start(self.byte(1)) {
                self.at += 1;
                Token::Format(self.word(false))
            } else if is_start(first) {
                Token::Word(self.word(true))
            } else {
                let rest = self.rest();
                if rest.starts_with("?//") {
                    return Err("'?//', of which versions differ: put a space between".to_owned());
                }
                let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) else {
                    return Err(format!("an unexpected character at byte {}", self.at));
                };
                if *mark == "(" {
                    open += 1;
                }
                if *mark == ")" {
                    if open == 0 && nested {
                        self.at += 1;
                        return Ok(tokens);
                    }
                    open = open.saturating_sub(1);
                }
                self.at += mark.len();
                Token::Mark(mark)
            };
            tokens.push((token, line));
        }
    }

    fn word(&mut self, modules: bool) -> String {
        let start = self.at;
        loop {
            let byte = self.byte(0);
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                self.at += 1;
            } else if modules && byte == b':' && self.byte(1) == b':' && is_start(self.byte(2)) {
                self.at += 2;
            } else {
                break;
            }
        }
        self.text.get(start..self.at).unwrap_or_default().to_owned()
    }

    fn number(&mut self) -> String {
        let start = self.at;
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
        self.text.get(start..self.at).unwrap_or_default().to_owned()
    }

    fn string(&mut self) -> Result<Vec<Piece>, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Err("interpolations within interpolations beyond 50".to_owned());
        }
        let mut pieces = Vec::new();
        let mut text = String::new();
        loop {
            let Some(character) = self.rest().chars().next() else {
                return Err("a string without end".to_owned());
            };
            self.at += character.len_utf8();
            match character {
                '"' => break,
                '\\' => {
                    let letter = self.byte(0);
                    self.at += 1;
                    if let Some(plain) = escape(letter) {
                        text.push(plain);
                    } else if letter == b'u' {
                        let Some((found, len)) = code_point(self.rest()) else {
                            return Err("not an escape of a character".to_owned());
                        };
                        text.push(found);
                        self.at += len;
                    } else if letter == b'(' {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                        pieces.push(Piece::Program(self.tokens(true)?));
                    } else {
                        return Err("an unknown escape".to_owned());
                    }
                }
                other => text.push(other),
            }
        }
        self.depth -= 1;
        pieces.push(Piece::Text(text));
        Ok(pieces)
    }
}
