//! Redirections, and the operators of here-documents.

use std::rc::Rc;

use super::ast::{HereDoc, Redirect, RedirectFd, RedirectOp, Word};
use super::{Parser, Result, is_name_char};

impl Parser<'_> {
    /// A redirection, if one stands here.
    pub(super) fn redirect(&mut self) -> Result<Option<Redirect>> {
        self.skip_blank();
        if !matches!(self.peek(), Some(b'<' | b'>' | b'&' | b'{' | b'0'..=b'9')) {
            return Ok(None);
        }
        let start = self.pos;
        let rest = self.slice(self.pos, self.src.len());
        let mut target = RedirectFd::Default;
        let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
        let operator = |c: Option<&u8>| matches!(c, Some(b'<' | b'>'));
        if digits > 0 && operator(rest.get(digits)) {
            let text = std::str::from_utf8(self.slice(start, start + digits)).unwrap_or_default();
            let Ok(number) = text.parse() else {
                return Ok(None);
            };
            target = RedirectFd::Number(number);
            self.pos += digits;
        } else if rest.first() == Some(&b'{') {
            let len = rest
                .iter()
                .skip(1)
                .take_while(|c| is_name_char(**c) || matches!(c, b'[' | b']'))
                .count();
            if len > 0 && rest.get(len + 1) == Some(&b'}') && operator(rest.get(len + 2)) {
                target = RedirectFd::Variable(self.slice(start + 1, start + 1 + len).to_vec());
                self.pos += len + 2;
            }
        }
        let plain = matches!(target, RedirectFd::Default);
        let make: fn(Word) -> RedirectOp = match (self.peek(), self.peek_at(1), self.peek_at(2)) {
            (Some(b'<'), Some(b'<'), Some(b'<')) => {
                self.pos += 3;
                RedirectOp::HereString
            }
            (Some(b'<'), Some(b'<'), next) => {
                let strip_tabs = next == Some(b'-');
                self.pos += if strip_tabs { 3 } else { 2 };
                let op = RedirectOp::HereDoc(self.here_delimiter(strip_tabs)?);
                return Ok(Some(Redirect { target, op }));
            }
            (Some(b'<'), Some(b'&'), _) => {
                self.pos += 2;
                RedirectOp::DupIn
            }
            (Some(b'<'), Some(b'>'), _) => {
                self.pos += 2;
                RedirectOp::ReadWrite
            }
            (Some(b'<'), Some(b'('), _) | (Some(b'>'), Some(b'('), _) => return Ok(None),
            (Some(b'<'), ..) => {
                self.pos += 1;
                RedirectOp::Read
            }
            (Some(b'>'), Some(b'>'), _) => {
                self.pos += 2;
                RedirectOp::Append
            }
            (Some(b'>'), Some(b'&'), _) => {
                self.pos += 2;
                RedirectOp::DupOut
            }
            (Some(b'>'), Some(b'|'), _) => {
                self.pos += 2;
                RedirectOp::Clobber
            }
            (Some(b'>'), ..) => {
                self.pos += 1;
                RedirectOp::Write
            }
            (Some(b'&'), Some(b'>'), Some(b'>')) if plain => {
                self.pos += 3;
                RedirectOp::BothAppend
            }
            (Some(b'&'), Some(b'>'), _) if plain => {
                self.pos += 2;
                RedirectOp::Both
            }
            _ => {
                self.pos = start;
                return Ok(None);
            }
        };
        let Some(word) = self.word(self.flags.extglob)? else {
            return Err(self.unexpected());
        };
        Ok(Some(Redirect {
            target,
            op: make(word),
        }))
    }

    fn here_delimiter(&mut self, strip_tabs: bool) -> Result<Rc<HereDoc>> {
        self.skip_blank();
        let start = self.pos;
        let Some(word) = self.word(false)? else {
            return Err(self.unexpected());
        };
        let raw = self.slice(start, self.pos);
        let quoted = raw.iter().any(|c| matches!(c, b'\\' | b'\'' | b'"'));
        let mut delimiter = Vec::new();
        unquote(&word, raw, quoted, &mut delimiter);
        let doc = Rc::new(HereDoc {
            quoted,
            strip_tabs,
            delimiter,
            ..HereDoc::default()
        });
        self.pending.push(doc.clone());
        Ok(doc)
    }
}

/// A here-document's delimiter: quotes removed, nothing expanded.
fn unquote(word: &Word, raw: &[u8], quoted: bool, out: &mut Vec<u8>) {
    use super::ast::Part;
    if !quoted {
        out.extend_from_slice(raw);
        return;
    }
    fn walk(parts: &[Part], out: &mut Vec<u8>) -> bool {
        parts.iter().all(|part| match part {
            Part::Lit(t) | Part::Quoted(t) => {
                out.extend_from_slice(t);
                true
            }
            Part::Double(inner) => walk(inner, out),
            _ => false,
        })
    }
    if !walk(&word.parts, out) {
        out.clear();
        out.extend(raw.iter().filter(|c| !matches!(c, b'\\' | b'\'' | b'"')));
    }
}
