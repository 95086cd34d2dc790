//! `expr`.
//!
//! Counterpart: coreutils' `expr.c` with GMP: integers of any size. Every operand is evaluated in
//! the order of the grammar; what a short circuit skips is only parsed.

use super::Utility;
use crate::regex::{Cache, Regex, Syntax};
use crate::shared::options::Spec;
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};
use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;

pub const EXPR: Utility = Utility {
    name: "expr",
    spec: Spec {
        options: &[],
        permute: false,
        usage: 2,
    },
    run,
};

/// Deepest nesting of parentheses and prefix operators.
const MAX_DEPTH: usize = 500;

fn run(_: &Spec, mut words: Vec<BString>) -> u8 {
    if let [only] = words.as_slice()
        && only.starts_with(b"--")
        && only.len() > 2
        && ["--help", "--version"]
            .iter()
            .any(|it| it.starts_with(only.to_str_lossy().as_ref()))
    {
        program::refuse(&format!("the option '{only}' is beyond this applet"));
    }
    if words.first().is_some_and(|word| *word == "--") {
        words.remove(0);
    }
    if words.is_empty() {
        program::usage_error(2, &[b"missing operand"]);
    }
    match evaluate(&words) {
        Ok(value) => {
            let status = u8::from(value.is_null());
            io::put(&value.into_text());
            io::put(b"\n");
            status
        }
        Err(Failure::Text(text)) => program::die(2, &[&text]),
        Err(Failure::Refused(text)) => program::refuse(&text),
    }
}

/// What ends an evaluation.
#[derive(Debug)]
pub enum Failure {
    /// A message of GNU's; the status is 2.
    Text(BString),
    /// Something beyond this applet.
    Refused(String),
}

type Result<T> = std::result::Result<T, Failure>;

/// What an expression stands for.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number that was computed.
    Number(BigInt),
    /// Any text, which may read as a number.
    Text(BString),
}

/// Evaluates the words of an expression.
pub fn evaluate(words: &[BString]) -> Result<Value> {
    let mut parser = Parser {
        words,
        at: 0,
        depth: 0,
    };
    let value = parser.any_of(true)?;
    match words.get(parser.at) {
        Some(extra) => fail(&[b"syntax error: unexpected argument ", &quote::locale(extra)]),
        None => Ok(value),
    }
}

fn fail<T>(parts: &[&[u8]]) -> Result<T> {
    Err(Failure::Text(parts.concat().into()))
}

impl Value {
    fn is_null(&self) -> bool {
        match self {
            Value::Number(number) => number.sign() == Sign::NoSign,
            Value::Text(text) => {
                let digits = text.strip_prefix(b"-").unwrap_or(text);
                text.is_empty() || (!digits.is_empty() && digits.iter().all(|it| *it == b'0'))
            }
        }
    }

    /// The value as it is printed.
    pub fn into_text(self) -> BString {
        match self {
            Value::Number(number) => number.to_string().into(),
            Value::Text(text) => text,
        }
    }

    fn number(self) -> Option<BigInt> {
        match self {
            Value::Number(number) => Some(number),
            Value::Text(text) => {
                let digits = text.strip_prefix(b"-").unwrap_or(&text);
                if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                BigInt::parse_bytes(&text, 10)
            }
        }
    }
}

fn truth(value: bool) -> Value {
    Value::Number(BigInt::from(u8::from(value)))
}

struct Parser<'a> {
    words: &'a [BString],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|it| *it == word);
        self.at += usize::from(found);
        found
    }

    fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|word| self.next(word))
    }

    fn take(&mut self) -> Result<BString> {
        match self.words.get(self.at) {
            Some(word) => {
                self.at += 1;
                Ok(word.clone())
            }
            None => {
                let last = self.words.last().cloned().unwrap_or_default();
                fail(&[
                    b"syntax error: missing argument after ",
                    &quote::locale(&last),
                ])
            }
        }
    }

    /// `|`
    fn any_of(&mut self, evaluate: bool) -> Result<Value> {
        let mut left = self.all_of(evaluate)?;
        while self.next("|") {
            let right = self.all_of(evaluate && left.is_null())?;
            if left.is_null() {
                left = if right.is_null() { truth(false) } else { right };
            }
        }
        Ok(left)
    }

    /// `&`
    fn all_of(&mut self, evaluate: bool) -> Result<Value> {
        let mut left = self.comparison(evaluate)?;
        while self.next("&") {
            let right = self.comparison(evaluate && !left.is_null())?;
            if left.is_null() || right.is_null() {
                left = truth(false);
            }
        }
        Ok(left)
    }

    fn comparison(&mut self, evaluate: bool) -> Result<Value> {
        let mut left = self.sum(evaluate)?;
        while let Some(operator) = self.one_of(&["<=", "<", "==", "=", "!=", ">=", ">"]) {
            let right = self.sum(evaluate)?;
            if !evaluate {
                left = truth(false);
                continue;
            }
            let (a, b) = (left.into_text(), right.into_text());
            let numbers = (
                Value::Text(a.clone()).number(),
                Value::Text(b.clone()).number(),
            );
            let order = match numbers {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.cmp(&b),
            };
            left = truth(match operator {
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                "=" | "==" => order == Ordering::Equal,
                "!=" => order != Ordering::Equal,
                ">=" => order != Ordering::Less,
                _ => order == Ordering::Greater,
            });
        }
        Ok(left)
    }

    fn sum(&mut self, evaluate: bool) -> Result<Value> {
        let mut left = self.product(evaluate)?;
        while let Some(operator) = self.one_of(&["+", "-"]) {
            let right = self.product(evaluate)?;
            if evaluate {
                let (a, b) = operands(left, right)?;
                left = Value::Number(if operator == "+" { a + b } else { a - b });
            }
        }
        Ok(left)
    }

    fn product(&mut self, evaluate: bool) -> Result<Value> {
        let mut left = self.matching(evaluate)?;
        while let Some(operator) = self.one_of(&["*", "/", "%"]) {
            let right = self.matching(evaluate)?;
            if !evaluate {
                continue;
            }
            let (a, b) = operands(left, right)?;
            if operator == "*" {
                if a.bits() + b.bits() > 1 << 22 {
                    return Err(Failure::Refused(
                        "a product beyond four million bits".into(),
                    ));
                }
                left = Value::Number(a * b);
                continue;
            }
            if b.sign() == Sign::NoSign {
                return fail(&[b"division by zero"]);
            }
            left = Value::Number(if operator == "/" { a / b } else { a % b });
        }
        Ok(left)
    }

    /// `:`
    fn matching(&mut self, evaluate: bool) -> Result<Value> {
        let mut left = self.prefix(evaluate)?;
        while self.next(":") {
            let right = self.prefix(evaluate)?;
            if evaluate {
                left = matches(left, right)?;
            }
        }
        Ok(left)
    }

    fn prefix(&mut self, evaluate: bool) -> Result<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Failure::Refused("an expression nested this deep".into()));
        }
        let value = self.prefixed(evaluate);
        self.depth -= 1;
        value
    }

    fn prefixed(&mut self, evaluate: bool) -> Result<Value> {
        if self.next("+") {
            return Ok(Value::Text(self.take()?));
        }
        if self.next("length") {
            let text = self.prefix(evaluate)?.into_text();
            return Ok(Value::Number(text.len().into()));
        }
        if self.next("match") {
            let left = self.prefix(evaluate)?;
            let right = self.prefix(evaluate)?;
            return if evaluate {
                matches(left, right)
            } else {
                Ok(left)
            };
        }
        if self.next("index") {
            let text = self.prefix(evaluate)?.into_text();
            let set = self.prefix(evaluate)?.into_text();
            let at = text.iter().position(|byte| set.contains(byte));
            return Ok(Value::Number(at.map_or(0, |at| at + 1).into()));
        }
        if self.next("substr") {
            let text = self.prefix(evaluate)?.into_text();
            let from = self.prefix(evaluate)?.number();
            let count = self.prefix(evaluate)?.number();
            return Ok(Value::Text(substring(&text, from, count)));
        }
        if self.next("(") {
            let value = self.any_of(evaluate)?;
            if self.next(")") {
                return Ok(value);
            }
            return match self.words.get(self.at) {
                None => {
                    let last = self.words.last().cloned().unwrap_or_default();
                    fail(&[b"syntax error: expecting ')' after ", &quote::locale(&last)])
                }
                Some(word) => fail(&[
                    b"syntax error: expecting ')' instead of ",
                    &quote::locale(word),
                ]),
            };
        }
        if self.next(")") {
            return fail(&[b"syntax error: unexpected ')'"]);
        }
        Ok(Value::Text(self.take()?))
    }
}

fn operands(left: Value, right: Value) -> Result<(BigInt, BigInt)> {
    match (left.number(), right.number()) {
        (Some(a), Some(b)) => Ok((a, b)),
        _ => fail(&[b"non-integer argument"]),
    }
}

fn substring(text: &[u8], from: Option<BigInt>, count: Option<BigInt>) -> BString {
    let (Some(from), Some(count)) = (from, count) else {
        return BString::default();
    };
    if from.sign() != Sign::Plus || count.sign() != Sign::Plus {
        return BString::default();
    }
    let most = |number: &BigInt| usize::try_from(number).unwrap_or(usize::MAX);
    let start = (most(&from) - 1).min(text.len());
    let end = start.saturating_add(most(&count)).min(text.len());
    text.get(start..end).unwrap_or_default().into()
}

/// The pattern matches at the start or not at all: its first group, or how long the match is.
fn matches(text: Value, pattern: Value) -> Result<Value> {
    let (text, pattern) = (text.into_text(), pattern.into_text());
    let regex = match Regex::new(&pattern, Syntax::default()) {
        Ok(regex) => regex,
        // glibc's words for a bracket at the very end.
        Err(_) if pattern.ends_with(b"[") || pattern.ends_with(b"[^") => {
            return fail(&[b"Invalid regular expression"]);
        }
        Err(message) => return fail(&[message.as_bytes()]),
    };
    let found = regex.search(&mut Cache::default(), &text, 0).filter(|it| {
        it.first()
            .copied()
            .flatten()
            .is_some_and(|(from, _)| from == 0)
    });
    let group = |number: usize| {
        let (from, to) = found.as_ref()?.get(number).copied().flatten()?;
        text.get(from..to)
    };
    Ok(if regex.groups() > 0 {
        Value::Text(group(1).unwrap_or_default().into())
    } else {
        Value::Number(group(0).map_or(0, <[u8]>::len).into())
    })
}
