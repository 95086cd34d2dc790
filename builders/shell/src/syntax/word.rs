//! Words: quoting, and the extent of every expansion inside them. What stops a word depends on
//! where it stands ([`Stop`]); whether quotes count depends on the quotes around it (`dq`).

use std::cell::OnceCell;
use std::rc::Rc;

use super::ast::{ArithText, CommandSub, Param, ParamName, ParamOp, Part, Source, Subscript, Word};
use super::{Parser, Piece, Result, is_meta, is_name_char, is_name_start};
use crate::state::vars::Slot;

/// What ends the text that is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// A blank or operator: an ordinary word. `true`: `?(…)` and its kin belong to the word.
    Meta(bool),
    /// `"`
    Quote,
    /// `}`
    Brace,
    /// `/` or `}`
    BraceSlash,
    /// `:` or `}` outside of parentheses: the offset of `${x:offset:length}`
    BraceColon,
    /// `]`
    Bracket,
    /// The end of the text: a here-document.
    End,
    /// The end of the text: one word, whatever it holds.
    Text,
    /// A blank outside of parentheses: the right side of `=~`
    Regex,
    /// `)` or `|` structure inside `?(…)`
    Paren,
    /// `))`
    Arith,
    /// `;` or `))`: a part of `for ((…))`
    ArithSemi,
}

/// In [`CLASSES`]: stands for itself wherever it is read.
const ANYWHERE: u8 = 1;
/// In [`CLASSES`]: stands for itself between double quotes.
const IN_QUOTES: u8 = 2;

/// What characters stand for themselves, so that runs of them are taken at once.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut c = 0;
    while c < 256 {
        let byte = c as u8;
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'.' | b',' | b'=' | b'%' | b'^' | b'~' | b'-')
        {
            classes[c] |= ANYWHERE;
        }
        if !matches!(byte, b'"' | b'\\' | b'$' | b'`') {
            classes[c] |= IN_QUOTES;
        }
        c += 1;
    }
    classes
};

impl<'a> Parser<'a> {
    /// Reads a word if one starts here.
    pub(super) fn word(&mut self, extglob: bool) -> Result<Option<Word>> {
        self.skip_blank();
        match self.peek() {
            None => return Ok(None),
            Some(b'<' | b'>') if self.peek_at(1) == Some(b'(') => {}
            Some(c) if is_meta(c) => return Ok(None),
            Some(_) => {}
        }
        self.word_until(Stop::Meta(extglob)).map(Some)
    }

    pub(super) fn word_until(&mut self, stop: Stop) -> Result<Word> {
        let start = self.pos;
        let parts = self.parts(stop, false)?;
        let brace = parts
            .iter()
            .any(|p| matches!(p, Part::Lit(t) if t.contains(&b'{')));
        let assignment = match parts.first() {
            Some(Part::Lit(text)) => assignment_prefix(text),
            _ => None,
        };
        Ok(Word {
            parts,
            brace,
            span: (start, self.pos),
            assignment,
        })
    }

    /// Reads parts up to where `stop` says; the stopping character stays.
    pub(super) fn parts(&mut self, stop: Stop, dq: bool) -> Result<Vec<Part>> {
        self.enter()?;
        let mut out = Vec::new();
        let mut lit = Vec::new();
        self.parts_into(stop, dq, &mut out, &mut lit)?;
        flush(&mut lit, &mut out);
        self.leave();
        Ok(out)
    }

    fn parts_into(
        &mut self,
        stop: Stop,
        dq: bool,
        out: &mut Vec<Part>,
        lit: &mut Vec<u8>,
    ) -> Result<()> {
        let opened = self.pos;
        // Parentheses or brackets open inside the text; question marks that want a colon.
        let (mut depth, mut ternary) = (0u32, 0u32);
        let mut hidden = false;
        loop {
            let Some(c) = self.peek() else {
                return match stop {
                    Stop::Meta(_) | Stop::End | Stop::Text | Stop::Regex => Ok(()),
                    Stop::Quote => Err(self.error_eof("\"", self.line_at(opened))),
                    Stop::Brace | Stop::BraceSlash | Stop::BraceColon => {
                        Err(self.error_eof("}", self.line_at(opened)))
                    }
                    Stop::Bracket => Err(self.error_eof("]", self.line_at(opened))),
                    Stop::Paren | Stop::Arith | Stop::ArithSemi => {
                        Err(self.error_eof(")", self.line_at(opened)))
                    }
                };
            };
            match stop {
                Stop::Meta(_)
                    if is_meta(c)
                        && !(matches!(c, b'<' | b'>') && self.peek_at(1) == Some(b'(')) =>
                {
                    return Ok(());
                }
                Stop::Quote if c == b'"' => return Ok(()),
                Stop::Brace if c == b'}' && !hidden => return Ok(()),
                Stop::BraceSlash if c == b'}' || c == b'/' => return Ok(()),
                Stop::BraceColon => match c {
                    b'}' => return Ok(()),
                    b'?' => ternary += 1,
                    b':' if ternary > 0 => ternary -= 1,
                    b':' if depth == 0 => return Ok(()),
                    b'(' => depth += 1,
                    b')' => depth = depth.saturating_sub(1),
                    _ => {}
                },
                Stop::Bracket => match c {
                    b']' if depth == 0 => return Ok(()),
                    b'[' => depth += 1,
                    b']' => depth -= 1,
                    _ => {}
                },
                Stop::Regex => match c {
                    b'(' => depth += 1,
                    b')' if depth == 0 => return Ok(()),
                    b')' => depth -= 1,
                    b' ' | b'\t' | b'\n' if depth == 0 => return Ok(()),
                    b'&' | b';' | b'<' | b'>' if depth == 0 => return Ok(()),
                    _ => {}
                },
                Stop::Paren => match c {
                    b')' if depth == 0 => return Ok(()),
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    _ => {}
                },
                Stop::Arith | Stop::ArithSemi => match c {
                    b';' if stop == Stop::ArithSemi && depth == 0 => return Ok(()),
                    b')' if depth == 0 => return Ok(()),
                    b'(' => depth += 1,
                    b')' => depth -= 1,
                    _ => {}
                },
                _ => {}
            }
            match c {
                b'\\' => self.backslash(stop, dq, out, lit),
                b'$' => self.dollar(stop, dq, out, lit)?,
                b'`' => {
                    flush(lit, out);
                    // In a here-document and in `"${x-…}"` a backslash before `"` stays.
                    let part = self.backquote(dq && stop == Stop::Quote)?;
                    out.push(part);
                }
                b'"' if !dq || stop == Stop::Brace => {
                    self.pos += 1;
                    // Quotes within `"${x-…}"` drop the backslashes that they do not need.
                    let outer = std::mem::replace(&mut self.quotes_in_quotes, dq);
                    let inner = self.parts(Stop::Quote, true);
                    self.quotes_in_quotes = outer;
                    let inner = inner?;
                    self.pos += 1;
                    flush(lit, out);
                    out.push(Part::Double(inner));
                }
                b'"' if matches!(stop, Stop::Arith | Stop::ArithSemi | Stop::BraceColon) => {
                    self.pos += 1
                }
                b'\'' if !dq => {
                    let text = self.single_quoted()?;
                    flush(lit, out);
                    out.push(Part::Quoted(text));
                }
                b'\'' if stop == Stop::Brace && !self.here => {
                    // Between double quotes a single quote is literal, but hides a brace.
                    hidden = !hidden;
                    lit.push(c);
                    self.pos += 1;
                }
                b'<' | b'>' if matches!(stop, Stop::Meta(_)) => {
                    let line = self.line();
                    self.pos += 2;
                    let body = self.command_sub_body(line)?;
                    flush(lit, out);
                    out.push(Part::Process {
                        write: c == b'>',
                        body,
                    });
                }
                b'?' | b'*' | b'+' | b'@' | b'!'
                    if matches!(stop, Stop::Meta(true)) && self.peek_at(1) == Some(b'(') =>
                {
                    lit.extend([c, b'(']);
                    self.pos += 2;
                    self.enter()?;
                    self.parts_into(Stop::Paren, false, out, lit)?;
                    self.leave();
                    self.pos += 1;
                    lit.push(b')');
                }
                _ => {
                    let start = self.pos;
                    self.pos += 1;
                    let plain = if stop == Stop::Quote {
                        IN_QUOTES
                    } else {
                        ANYWHERE
                    };
                    while self
                        .peek()
                        .is_some_and(|c| CLASSES[usize::from(c)] & plain != 0)
                    {
                        self.pos += 1;
                    }
                    lit.extend_from_slice(self.slice(start, self.pos));
                }
            }
        }
    }

    fn backslash(&mut self, stop: Stop, dq: bool, out: &mut Vec<Part>, lit: &mut Vec<u8>) {
        let Some(next) = self.peek_at(1) else {
            self.pos += 1;
            lit.push(b'\\');
            return;
        };
        self.pos += 2;
        if next == b'\n' {
            return;
        }
        if !dq {
            flush(lit, out);
            out.push(Part::Quoted(vec![next]));
            return;
        }
        let escapes = match next {
            b'$' | b'`' | b'\\' => true,
            b'"' => stop != Stop::End,
            b'}' => matches!(stop, Stop::Brace | Stop::BraceSlash | Stop::BraceColon),
            _ => false,
        };
        if !(escapes || self.quotes_in_quotes && stop == Stop::Quote) {
            lit.push(b'\\');
        }
        lit.push(next);
    }

    fn single_quoted(&mut self) -> Result<Vec<u8>> {
        let line = self.line();
        self.pos += 1;
        let start = self.pos;
        while let Some(c) = self.peek() {
            self.pos += 1;
            if c == b'\'' {
                return Ok(self.slice(start, self.pos - 1).to_vec());
            }
        }
        Err(self.error_eof("'", line))
    }

    fn dollar(
        &mut self,
        stop: Stop,
        dq: bool,
        out: &mut Vec<Part>,
        lit: &mut Vec<u8>,
    ) -> Result<()> {
        let line = self.line();
        // A backslash before a newline is not there. What follows goes by the place of the dollar.
        while self.peek_at(1) == Some(b'\\') && self.peek_at(2) == Some(b'\n') {
            self.pos += 2;
        }
        let part = match self.peek_at(1) {
            Some(b'(') => {
                self.pos += 2;
                let arith = if self.peek() == Some(b'(') {
                    self.try_arith()?
                } else {
                    None
                };
                match arith {
                    Some(text) => Part::Arith(Rc::new(text)),
                    None => Part::Command(self.command_sub_body(line)?),
                }
            }
            Some(b'[') => {
                self.pos += 2;
                let text = self.arith_text(Stop::Bracket)?;
                self.pos += 1;
                Part::Arith(Rc::new(text))
            }
            Some(b'{') => {
                self.pos += 2;
                Part::Param(self.param(dq, stop == Stop::End)?)
            }
            // In the word of `"${x-…}"` too, as `extquote` says.
            Some(b'\'') if !dq || stop == Stop::Brace && !self.here => {
                self.pos += 2;
                Part::Quoted(self.ansi_c(line)?)
            }
            Some(b'"') if !dq => {
                self.pos += 2;
                let inner = self.parts(Stop::Quote, true)?;
                self.pos += 1;
                Part::Double(inner)
            }
            Some(c) if is_name_start(c) => {
                self.pos += 1;
                plain(ParamName::Name(self.name_text()))
            }
            Some(c) if c.is_ascii_digit() => {
                self.pos += 2;
                plain(ParamName::Position(usize::from(c - b'0')))
            }
            Some(c @ (b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!')) => {
                self.pos += 2;
                plain(ParamName::Special(c))
            }
            _ => {
                lit.push(b'$');
                self.pos += 1;
                return Ok(());
            }
        };
        flush(lit, out);
        out.push(part);
        Ok(())
    }

    /// `$((…))`, from the second parenthesis on. `None`, with nothing read, if it turns out to be
    /// a command substitution that begins with a subshell.
    pub(super) fn try_arith(&mut self) -> Result<Option<ArithText>> {
        let (start, id) = (self.pos, self.next_id);
        self.pos += 1;
        let depth = self.depth;
        match self.arith_text(Stop::Arith) {
            Ok(text) if self.looking_at(b"))") => {
                self.pos += 2;
                Ok(Some(text))
            }
            Err(e) if self.too_deep => Err(e),
            _ => {
                (self.pos, self.next_id, self.depth) = (start, id, depth);
                Ok(None)
            }
        }
    }

    /// The text of an arithmetic expression up to `stop`.
    pub(super) fn arith_text(&mut self, stop: Stop) -> Result<ArithText> {
        let start = self.pos;
        let parts = self.parts(stop, true)?;
        Ok(ArithText {
            parts,
            raw: self.slice(start, self.pos).to_vec(),
            parsed: OnceCell::new(),
        })
    }

    /// What stands behind `[`, up to and with `]`.
    pub(super) fn subscript(&mut self) -> Result<Subscript> {
        let word = self.word_until(Stop::Bracket)?;
        let raw = self.slice(word.span.0, word.span.1).to_vec();
        self.pos += 1;
        let arith = ArithText {
            parts: word.parts.clone(),
            raw: raw.clone(),
            parsed: OnceCell::new(),
        };
        Ok(Subscript { word, raw, arith })
    }

    /// The program behind `$(` or `<(`, up to and with `)`.
    pub(super) fn command_sub_body(&mut self, line: u32) -> Result<Rc<CommandSub>> {
        self.enter()?;
        let id = self.new_id();
        let outer = std::mem::take(&mut self.pending);
        let list = self.list_until_paren()?;
        self.skip_newlines()?;
        if self.peek() != Some(b')') {
            if self.peek().is_none() {
                return Err(self.error_eof(")", line));
            }
            return Err(self.unexpected());
        }
        self.pos += 1;
        for doc in std::mem::replace(&mut self.pending, outer) {
            // A here-document whose body would begin behind the substitution.
            self.pending.push(doc);
        }
        self.leave();
        let sub = Rc::new(CommandSub {
            id,
            list,
            error: None,
        });
        self.note(id, || Piece::Sub(sub.clone()));
        Ok(sub)
    }

    /// `` `…` ``: the text is unescaped and parsed on its own; an error in it waits until it runs.
    fn backquote(&mut self, dq: bool) -> Result<Part> {
        let line = self.line();
        self.pos += 1;
        let mut text = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.error_eof("`", line)),
                Some(b'`') => break,
                Some(b'\\') => {
                    let next = self.peek_at(1);
                    match next {
                        Some(c @ (b'$' | b'`' | b'\\')) => text.push(c),
                        Some(b'"') if dq => text.push(b'"'),
                        Some(b'\n') => {}
                        Some(c) => text.extend([b'\\', c]),
                        None => text.push(b'\\'),
                    }
                    self.pos += if next.is_some() { 2 } else { 1 };
                }
                Some(c) => {
                    text.push(c);
                    self.pos += 1;
                }
            }
        }
        self.pos += 1;
        let text: Rc<[u8]> = text.into();
        let source = Rc::new(Source {
            name: self.source.name.clone(),
            text: text.clone(),
        });
        let id = self.new_id();
        let mut inner = Parser::new(&text, source.clone(), 0, line, self.flags);
        inner.depth = self.depth + 1;
        inner.next_id = self.next_id;
        inner.want = self.want;
        let list = inner.whole_list();
        self.next_id = inner.next_id;
        if inner.found.is_some() {
            self.found = inner.found;
        }
        let (list, error) = match list {
            Ok(list) => (list, None),
            Err(e) if inner.too_deep => {
                self.too_deep = true;
                return Err(e);
            }
            Err(e) => (super::ast::List::default(), Some((e.line, e.message))),
        };
        let sub = Rc::new(CommandSub { id, list, error });
        self.note(id, || Piece::Sub(sub.clone()));
        Ok(Part::Command(sub))
    }

    /// The whole text as one word.
    pub fn subscript_word(mut self) -> Option<Word> {
        self.word_until(Stop::Text).ok()
    }

    /// The whole text as the inside of double quotes.
    pub fn quoted_parts(mut self) -> Option<Vec<Part>> {
        self.parts(Stop::End, true).ok()
    }

    /// Keeps a piece that was asked for by its number.
    pub(super) fn note(&mut self, id: u32, piece: impl FnOnce() -> Piece) {
        if self.want == Some(id) {
            self.found = Some(piece());
        }
    }
}

fn plain(name: ParamName) -> Part {
    Part::Param(Rc::new(Param {
        slot: Slot::default(),
        name,
        subscript: None,
        indirect: false,
        op: ParamOp::None,
    }))
}

pub(super) fn flush(lit: &mut Vec<u8>, out: &mut Vec<Part>) {
    if !lit.is_empty() {
        out.push(Part::Lit(std::mem::take(lit)));
    }
}

/// Length of `name=`, `name+=` or `name[…]=` at the start of literal text.
pub(super) fn assignment_prefix(text: &[u8]) -> Option<usize> {
    let name = text.iter().take_while(|c| is_name_char(**c)).count();
    if name == 0 || text.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let mut at = name;
    if text.get(at) == Some(&b'[') {
        let mut depth = 0;
        loop {
            match text.get(at) {
                Some(b'[') => depth += 1,
                Some(b']') => depth -= 1,
                None => return None,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                break;
            }
        }
    }
    if text.get(at) == Some(&b'+') {
        at += 1;
    }
    (text.get(at) == Some(&b'=')).then_some(at + 1)
}
