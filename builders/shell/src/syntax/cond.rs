//! `[[ … ]]`: the conditional expression, with the operators of bash(1) "CONDITIONAL EXPRESSIONS".

use super::ast::{Cond, Word};
use super::word::Stop;
use super::{Parser, Result};

const UNARY: &[u8] = b"abcdefghknoprstuvwxzGLNORS";
const BINARY: &[&[u8]] = &[
    b"==", b"=", b"!=", b"=~", b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-nt", b"-ot",
    b"-ef",
];

impl Parser<'_> {
    /// Reads behind `[[` up to and with `]]`.
    pub(super) fn cond(&mut self) -> Result<Cond> {
        let cond = self.cond_or()?;
        self.skip_newlines()?;
        if !self.reserved(b"]]") {
            return Err(self.cond_error());
        }
        Ok(cond)
    }

    fn cond_error(&mut self) -> super::SyntaxError {
        self.skip_blank();
        if self.peek().is_none() {
            let mut e = self.unexpected();
            e.message = "syntax error: unexpected end of file".into();
            return e;
        }
        let mut e = self.unexpected();
        e.message = e.message.replace(
            "syntax error near unexpected token",
            "syntax error in conditional expression: unexpected token",
        );
        e
    }

    fn cond_or(&mut self) -> Result<Cond> {
        self.enter()?;
        let first = self.cond_and()?;
        let mut rest = Vec::new();
        loop {
            self.skip_newlines()?;
            if !self.looking_at(b"||") {
                self.leave();
                return Ok(chain(first, rest, Cond::Or));
            }
            self.pos += 2;
            rest.push(self.cond_and()?);
        }
    }

    fn cond_and(&mut self) -> Result<Cond> {
        let first = self.cond_term()?;
        let mut rest = Vec::new();
        loop {
            self.skip_newlines()?;
            if !self.looking_at(b"&&") {
                return Ok(chain(first, rest, Cond::And));
            }
            self.pos += 2;
            rest.push(self.cond_term()?);
        }
    }

    fn cond_term(&mut self) -> Result<Cond> {
        self.skip_newlines()?;
        let group = self.flags.extglob && self.looking_at(b"!(");
        if !group && self.reserved(b"!") {
            self.enter()?;
            let term = self.cond_term()?;
            self.leave();
            return Ok(Cond::Not(Box::new(term)));
        }
        if self.peek() == Some(b'(') {
            self.pos += 1;
            let inner = self.cond_or()?;
            self.skip_newlines()?;
            if self.peek() != Some(b')') {
                return Err(self.cond_error());
            }
            self.pos += 1;
            return Ok(Cond::Group(Box::new(inner)));
        }
        if self.peek_word() == b"]]" {
            return Err(self.cond_error());
        }
        let Some(left) = self.word(true)? else {
            return Err(self.cond_error());
        };
        if let Some([b'-', op]) = left.literal()
            && UNARY.contains(op)
        {
            let back = self.pos;
            self.skip_blank();
            let op = vec![b'-', *op];
            // `[[ -f == x ]]` compares; `[[ -z ]]` tests a word.
            let binary = self.binary_operator();
            if !(binary.is_some() && self.binary_has_operand()) {
                self.pos = back;
                self.skip_blank();
                if self.peek_word() != b"]]"
                    && let Some(operand) = self.word(true)?
                {
                    return Ok(Cond::Unary(op, operand));
                }
                return Err(self.cond_error());
            }
            self.pos = back;
        }
        self.skip_blank();
        if let Some(op) = self.binary_operator() {
            return self.cond_binary(left, op);
        }
        let next = self.peek_word();
        let ends = next == b"]]"
            || matches!(self.peek(), Some(b')' | b'\n'))
            || self.looking_at(b"&&")
            || self.looking_at(b"||");
        if ends {
            Ok(Cond::Word(left))
        } else {
            Err(self.cond_error())
        }
    }

    /// Consumes a binary operator.
    fn binary_operator(&mut self) -> Option<Vec<u8>> {
        if let Some(c @ (b'<' | b'>')) = self.peek()
            && self.peek_at(1) != Some(b'(')
        {
            self.pos += 1;
            return Some(vec![c]);
        }
        let word = self.peek_word();
        let op = BINARY.iter().find(|op| **op == word)?;
        self.pos += op.len();
        Some(op.to_vec())
    }

    fn binary_has_operand(&mut self) -> bool {
        self.skip_blank();
        self.peek_word() != b"]]" && self.peek().is_some_and(|c| !matches!(c, b')' | b'\n'))
    }

    fn cond_binary(&mut self, left: Word, op: Vec<u8>) -> Result<Cond> {
        self.skip_blank();
        let right = if op == b"=~" {
            let word = self.word_until(Stop::Regex)?;
            if word.parts.is_empty() {
                None
            } else {
                Some(word)
            }
        } else {
            self.word(true)?
        };
        let Some(right) = right else {
            return Err(self.cond_error());
        };
        Ok(Cond::Binary(op, left, right))
    }
}

/// The one term, or all of them in a chain.
fn chain(first: Cond, mut rest: Vec<Cond>, of: fn(Vec<Cond>) -> Cond) -> Cond {
    if rest.is_empty() {
        return first;
    }
    rest.insert(0, first);
    of(rest)
}
