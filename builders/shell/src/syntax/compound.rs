//! Compound commands and function definitions.

use super::ast::{CaseArm, CaseEnd, Kind, List, Word};
use super::{Parser, Result, is_name};

impl Parser<'_> {
    /// A compound command, if one begins here, where this word stands.
    pub(super) fn compound(&mut self, word: &[u8]) -> Result<Option<Kind>> {
        if self.peek() == Some(b'(') {
            return self.parenthesis().map(Some);
        }
        let kind = match word {
            b"if" => self.if_clause()?,
            b"while" | b"until" => {
                let until = word == b"until";
                self.pos += 5;
                let condition = self.nonempty_list()?;
                Kind::While {
                    until,
                    condition,
                    body: self.do_group()?,
                }
            }
            b"for" => self.for_clause()?,
            b"select" => {
                self.pos += 6;
                let (name, words, body) = self.for_words()?;
                Kind::Select { name, words, body }
            }
            b"case" => self.case_clause()?,
            b"{" => {
                self.pos += 1;
                let list = self.nonempty_list()?;
                self.expect_reserved(b"}")?;
                Kind::Group(list)
            }
            b"[[" => {
                self.pos += 2;
                Kind::Cond(self.cond()?)
            }
            b"function" => self.function()?,
            b"coproc" => self.coproc()?,
            _ => return Ok(None),
        };
        Ok(Some(kind))
    }

    fn parenthesis(&mut self) -> Result<Kind> {
        if self.peek_at(1) == Some(b'(') {
            let (start, id, depth, pending) =
                (self.pos, self.next_id, self.depth, self.pending.clone());
            self.pos += 1;
            if let Some(text) = self.try_arith()? {
                return Ok(Kind::Arith(text));
            }
            (self.pos, self.next_id, self.depth, self.pending) = (start, id, depth, pending);
        }
        self.pos += 1;
        let list = self.nonempty_list()?;
        self.skip_newlines()?;
        if self.peek() != Some(b')') {
            return Err(self.unexpected());
        }
        self.pos += 1;
        Ok(Kind::Subshell(list))
    }

    fn if_clause(&mut self) -> Result<Kind> {
        self.pos += 2;
        let mut arms = Vec::new();
        loop {
            let condition = self.nonempty_list()?;
            self.expect_reserved(b"then")?;
            arms.push((condition, self.nonempty_list()?));
            self.skip_newlines()?;
            if self.reserved(b"elif") {
                continue;
            }
            let otherwise = if self.reserved(b"else") {
                Some(self.nonempty_list()?)
            } else {
                None
            };
            self.expect_reserved(b"fi")?;
            return Ok(Kind::If { arms, otherwise });
        }
    }

    fn do_group(&mut self) -> Result<List> {
        self.expect_reserved(b"do")?;
        let body = self.nonempty_list()?;
        self.expect_reserved(b"done")?;
        Ok(body)
    }

    /// `do … done`, or `{ … }` which bash allows behind `for`.
    fn for_body(&mut self) -> Result<List> {
        self.skip_newlines()?;
        if self.reserved(b"{") {
            let body = self.nonempty_list()?;
            self.expect_reserved(b"}")?;
            return Ok(body);
        }
        self.do_group()
    }

    fn for_clause(&mut self) -> Result<Kind> {
        self.pos += 3;
        self.skip_blank();
        if self.looking_at(b"((") {
            self.pos += 2;
            let mut parts = Vec::with_capacity(3);
            for last in [false, false, true] {
                let stop = if last {
                    super::word::Stop::Arith
                } else {
                    super::word::Stop::ArithSemi
                };
                parts.push(self.arith_text(stop)?);
                if self.peek() != Some(if last { b')' } else { b';' }) {
                    return Err(self.unexpected());
                }
                self.pos += 1;
            }
            if self.peek() != Some(b')') {
                return Err(self.unexpected());
            }
            self.pos += 1;
            self.skip_blank();
            if self.peek() == Some(b';') {
                self.pos += 1;
            }
            let body = self.for_body()?;
            let mut parts = parts.into_iter();
            let mut next = || parts.next().unwrap_or_default();
            return Ok(Kind::ArithFor {
                init: next(),
                condition: next(),
                update: next(),
                body,
            });
        }
        let (name, words, body) = self.for_words()?;
        Ok(Kind::For { name, words, body })
    }

    fn for_words(&mut self) -> Result<(Vec<u8>, Option<Vec<Word>>, List)> {
        let Some(word) = self.word(false)? else {
            return Err(self.unexpected());
        };
        let name = self.slice(word.span.0, word.span.1).to_vec();
        self.skip_newlines_before_in()?;
        let mut words = None;
        if self.reserved(b"in") {
            let mut list = Vec::new();
            while let Some(word) = self.word(self.flags.extglob)? {
                list.push(word);
            }
            words = Some(list);
            self.skip_blank();
            match self.peek() {
                Some(b';') => self.pos += 1,
                Some(b'\n') => {}
                _ => return Err(self.unexpected()),
            }
        } else {
            self.skip_blank();
            if self.peek() == Some(b';') {
                self.pos += 1;
            }
        }
        Ok((name, words, self.for_body()?))
    }

    fn skip_newlines_before_in(&mut self) -> Result<()> {
        self.skip_blank();
        if self.peek() == Some(b'\n') {
            self.skip_newlines()?;
        }
        Ok(())
    }

    fn case_clause(&mut self) -> Result<Kind> {
        self.pos += 4;
        let Some(word) = self.word(self.flags.extglob)? else {
            return Err(self.unexpected());
        };
        self.expect_reserved(b"in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.reserved(b"esac") {
                break;
            }
            if self.peek() == Some(b'(') {
                self.pos += 1;
            }
            let mut patterns = Vec::new();
            loop {
                let Some(pattern) = self.word(self.flags.extglob)? else {
                    return Err(self.unexpected());
                };
                patterns.push(pattern);
                self.skip_blank();
                match self.peek() {
                    Some(b'|') => self.pos += 1,
                    Some(b')') => break,
                    _ => return Err(self.unexpected()),
                }
            }
            self.pos += 1;
            let body = self.compound_list()?;
            self.skip_newlines()?;
            let end = if self.looking_at(b";;&") {
                self.pos += 3;
                CaseEnd::TestNext
            } else if self.looking_at(b";;") {
                self.pos += 2;
                CaseEnd::Stop
            } else if self.looking_at(b";&") {
                self.pos += 2;
                CaseEnd::FallThrough
            } else if self.peek_word() == b"esac" {
                CaseEnd::Stop
            } else {
                return Err(self.unexpected());
            };
            arms.push(CaseArm {
                patterns,
                body,
                end,
            });
        }
        Ok(Kind::Case { word, arms })
    }

    fn function(&mut self) -> Result<Kind> {
        self.pos += 8;
        let Some(word) = self.word(false)? else {
            return Err(self.unexpected());
        };
        let name = self.slice(word.span.0, word.span.1).to_vec();
        self.skip_blank();
        if self.peek() == Some(b'(') {
            let back = self.pos;
            self.pos += 1;
            self.skip_blank();
            if self.peek() == Some(b')') {
                self.pos += 1;
            } else {
                self.pos = back;
            }
        }
        let body = self.body()?;
        Ok(Kind::Function { name, body })
    }

    fn coproc(&mut self) -> Result<Kind> {
        self.pos += 6;
        self.skip_blank();
        let back = (self.pos, self.next_id);
        let mut name = b"COPROC".to_vec();
        let candidate = self.peek_word().to_vec();
        if is_name(&candidate) {
            // A name counts only before a compound command.
            self.pos += candidate.len();
            self.skip_blank();
            let compound = self.peek() == Some(b'(')
                || [
                    &b"{"[..],
                    b"if",
                    b"while",
                    b"until",
                    b"for",
                    b"case",
                    b"[[",
                    b"select",
                ]
                .contains(&self.peek_word());
            if compound {
                name = candidate;
            } else {
                (self.pos, self.next_id) = back;
            }
        }
        let Some(command) = self.command()? else {
            return Err(self.unexpected());
        };
        let body = std::rc::Rc::new(command);
        self.note(body.id, || super::Piece::Command(body.clone()));
        Ok(Kind::Coproc { name, body })
    }
}
