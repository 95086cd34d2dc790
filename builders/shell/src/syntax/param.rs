//! `${…}`: name, subscript and operator. What is not a valid expansion is kept as text
//! ([`ParamOp::Bad`]): bash reports it when it is expanded, not when it is read.

use std::rc::Rc;

use super::ast::{Param, ParamName, ParamOp, ParamSub, ReplaceKind, Word};
use super::word::Stop;
use super::{Parser, Result, is_name_char, is_name_start};
use crate::state::vars::Slot;

impl Parser<'_> {
    /// Reads behind `${` up to and with `}`. `dq`: inside double quotes or a here-document.
    pub(super) fn param(&mut self, dq: bool, here: bool) -> Result<Rc<Param>> {
        self.enter()?;
        let start = self.pos;
        let id = self.next_id;
        let param = match self.param_body(dq, here)? {
            Some(param) => param,
            None => {
                (self.pos, self.next_id) = (start, id);
                self.parts(Stop::Brace, dq)?;
                let text = self.slice(start, self.pos).to_vec();
                self.pos += 1;
                Param {
                    slot: Slot::default(),
                    name: ParamName::Special(b'?'),
                    subscript: None,
                    indirect: false,
                    op: ParamOp::Bad(text),
                }
            }
        };
        self.leave();
        Ok(Rc::new(param))
    }

    fn param_body(&mut self, dq: bool, here: bool) -> Result<Option<Param>> {
        let done = |name, subscript, indirect, op| {
            Ok(Some(Param {
                slot: Slot::default(),
                name,
                subscript,
                indirect,
                op,
            }))
        };
        while self.looking_at(b"\\\n") {
            self.pos += 2;
        }
        if self.peek() == Some(b'#') && self.peek_at(1) != Some(b'}') {
            let back = self.pos;
            self.pos += 1;
            if let Some(name) = self.param_name() {
                let subscript = self.param_subscript(&name)?;
                if self.peek() == Some(b'}') {
                    self.pos += 1;
                    return done(name, subscript, false, ParamOp::Length);
                }
            }
            self.pos = back;
        }
        let mut indirect = false;
        if self.peek() == Some(b'!') {
            let next = self.peek_at(1);
            let operator = matches!(
                next,
                Some(b'}' | b':' | b'-' | b'=' | b'+' | b'%' | b'/' | b'^' | b',')
            ) || (next == Some(b'?') && self.peek_at(2) != Some(b'}'))
                || (next == Some(b'@') && self.peek_at(2) != Some(b'}'))
                || (next == Some(b'#') && self.peek_at(2) != Some(b'}'));
            if !operator {
                indirect = true;
                self.pos += 1;
            }
        }
        let Some(name) = self.param_name() else {
            return Ok(None);
        };
        if indirect && matches!(name, ParamName::Name(_)) {
            for at in [b'@', b'*'] {
                if self.peek() == Some(at) && self.peek_at(1) == Some(b'}') {
                    self.pos += 2;
                    return done(name, None, true, ParamOp::Prefix { at: at == b'@' });
                }
            }
        }
        let subscript = self.param_subscript(&name)?;
        let Some(op) = self.param_op(dq, here)? else {
            return Ok(None);
        };
        done(name, subscript, indirect, op)
    }

    /// The characters of a name from here on. A backslash before a newline is not there.
    pub(super) fn name_text(&mut self) -> Vec<u8> {
        let mut name = Vec::new();
        loop {
            let start = self.pos;
            while self.peek().is_some_and(is_name_char) {
                self.pos += 1;
            }
            name.extend_from_slice(self.slice(start, self.pos));
            if !self.looking_at(b"\\\n") {
                return name;
            }
            self.pos += 2;
        }
    }

    fn param_name(&mut self) -> Option<ParamName> {
        let start = self.pos;
        let c = self.peek()?;
        if is_name_start(c) {
            return Some(ParamName::Name(self.name_text()));
        }
        if c.is_ascii_digit() {
            while self.peek().is_some_and(|c| c.is_ascii_digit()) {
                self.pos += 1;
            }
            let digits = std::str::from_utf8(self.slice(start, self.pos)).unwrap_or_default();
            return Some(ParamName::Position(digits.parse().unwrap_or(usize::MAX)));
        }
        if matches!(c, b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') {
            self.pos += 1;
            return Some(ParamName::Special(c));
        }
        None
    }

    fn param_subscript(&mut self, name: &ParamName) -> Result<Option<ParamSub>> {
        if self.peek() != Some(b'[') || !matches!(name, ParamName::Name(_)) {
            return Ok(None);
        }
        self.pos += 1;
        for (text, sub) in [(b"@]", ParamSub::At), (b"*]", ParamSub::Star)] {
            if self.looking_at(text) {
                self.pos += 2;
                return Ok(Some(sub));
            }
        }
        Ok(Some(ParamSub::Index(self.subscript()?)))
    }

    /// The operator, its operands, and the closing brace.
    fn param_op(&mut self, dq: bool, here: bool) -> Result<Option<ParamOp>> {
        let Some(c) = self.peek() else {
            let line = self.line();
            return Err(self.error_eof("}", line));
        };
        let next = self.peek_at(1);
        let op = match (c, next) {
            (b'}', _) => ParamOp::None,
            (b':', Some(kind @ (b'-' | b'=' | b'?' | b'+'))) => {
                self.pos += 2;
                ParamOp::Default {
                    kind,
                    colon: true,
                    word: self.operand(dq, here)?,
                }
            }
            (b'-' | b'=' | b'?' | b'+', _) => {
                self.pos += 1;
                ParamOp::Default {
                    kind: c,
                    colon: false,
                    word: self.operand(dq, here)?,
                }
            }
            (b':', _) => {
                self.pos += 1;
                let offset = self.arith_text(Stop::BraceColon)?;
                if offset.raw.is_empty() && self.peek() == Some(b'}') {
                    return Ok(None);
                }
                let length = if self.peek() == Some(b':') {
                    self.pos += 1;
                    Some(self.arith_text(Stop::Brace)?)
                } else {
                    None
                };
                ParamOp::Slice { offset, length }
            }
            (b'#' | b'%', _) => {
                let longest = next == Some(c);
                self.pos += if longest { 2 } else { 1 };
                ParamOp::Trim {
                    suffix: c == b'%',
                    longest,
                    pattern: self.word_until(Stop::Brace)?,
                }
            }
            (b'/', _) => {
                self.pos += 1;
                let kind = match next {
                    Some(b'/') => ReplaceKind::All,
                    Some(b'#') => ReplaceKind::Start,
                    Some(b'%') => ReplaceKind::End,
                    _ => ReplaceKind::First,
                };
                if kind != ReplaceKind::First {
                    self.pos += 1;
                }
                // A slash right behind the operator belongs to the pattern.
                let slash = self.peek() == Some(b'/') && kind == ReplaceKind::All;
                if slash {
                    self.pos += 1;
                }
                let mut pattern = self.word_until(Stop::BraceSlash)?;
                if slash {
                    pattern
                        .parts
                        .insert(0, super::ast::Part::Quoted(b"/".to_vec()));
                }
                let with = if self.peek() == Some(b'/') {
                    self.pos += 1;
                    Some(self.word_until(Stop::Brace)?)
                } else {
                    None
                };
                ParamOp::Replace {
                    kind,
                    pattern,
                    with,
                }
            }
            (b'^' | b',' | b'~', _) => {
                let all = next == Some(c);
                self.pos += if all { 2 } else { 1 };
                let pattern = if self.peek() == Some(b'}') {
                    None
                } else {
                    Some(self.word_until(Stop::Brace)?)
                };
                ParamOp::Case {
                    kind: c,
                    all,
                    pattern,
                }
            }
            (b'@', Some(t)) if self.peek_at(2) == Some(b'}') => {
                self.pos += 2;
                ParamOp::Transform(t)
            }
            _ => return Ok(None),
        };
        if self.peek() != Some(b'}') {
            return Ok(None);
        }
        self.pos += 1;
        Ok(Some(op))
    }

    /// The word of `${x:-word}`: quoted as its surroundings are.
    fn operand(&mut self, dq: bool, _here: bool) -> Result<Word> {
        let start = self.pos;
        let parts = self.parts(Stop::Brace, dq)?;
        Ok(Word {
            parts,
            span: (start, self.pos),
            ..Word::default()
        })
    }
}
