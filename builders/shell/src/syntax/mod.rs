//! From bytes to the syntax tree: bash's grammar by recursive descent, one complete command line
//! at a time, as bash itself reads a script (an error in line 9 does not keep line 1 from
//! running). Words, here-documents and nested substitutions are parsed in the same pass, so that
//! `$(case x in a) …)` ends where bash ends it. Depth is bounded; the input is never indexed
//! past its end.

pub mod ast;
mod command;
mod compound;
mod cond;
mod here;
mod param;
pub mod print;
mod quote;
mod redirect;
mod word;

use std::cell::Cell;
use std::rc::Rc;

pub use quote::{ansi_c_unescape, digits, push_code_point};

use ast::{AndOr, Command, CommandSub, HereDoc, Place, Source, Unit};

/// How deeply constructs may nest before the parser refuses.
const MAX_DEPTH: u32 = 900;

/// Options of the shell that change how text is parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub extglob: bool,
    pub posix: bool,
    /// The locale's characters are UTF-8 (for `$'\u…'`).
    pub utf8: bool,
}

impl Flags {
    pub fn to_bits(self) -> u8 {
        u8::from(self.extglob) | u8::from(self.posix) << 1 | u8::from(self.utf8) << 2
    }

    pub fn from_bits(bits: u8) -> Flags {
        Flags {
            extglob: bits & 1 != 0,
            posix: bits & 2 != 0,
            utf8: bits & 4 != 0,
        }
    }
}

/// Why text is not a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    pub line: u32,
    /// In bash's words, without the place.
    pub message: String,
    /// The text ended too early.
    pub at_end: bool,
    /// Where the line stands that bash would quote.
    pub offset: usize,
}

pub type Result<T> = std::result::Result<T, SyntaxError>;

/// A part of a unit that another instance can be asked to run.
#[derive(Clone, Debug)]
pub enum Piece {
    Command(Rc<Command>),
    AndOr(Rc<AndOr>),
    Sub(Rc<CommandSub>),
}

/// A warning about a here-document that the end of the input ended.
#[derive(Clone, Debug)]
pub struct HereWarning {
    pub line: u32,
    pub start_line: u32,
    pub delimiter: Vec<u8>,
}

/// Parses one source from a given offset on.
pub struct Parser<'a> {
    src: &'a [u8],
    pos: usize,
    source: Rc<Source>,
    start_line: u32,
    start: usize,
    line_cache: Cell<(usize, u32)>,
    flags: Flags,
    depth: u32,
    /// The error is that constructs nest too deeply: reading them in another way does not help.
    too_deep: bool,
    pending: Vec<Rc<HereDoc>>,
    next_id: u32,
    want: Option<u32>,
    found: Option<Piece>,
    /// Inside a here-document: single quotes are literal everywhere.
    here: bool,
    /// Inside of `"…"` in the word of `"${x-…}"`.
    quotes_in_quotes: bool,
    pub warnings: Vec<HereWarning>,
}

impl<'a> Parser<'a> {
    pub fn new(
        src: &'a [u8],
        source: Rc<Source>,
        start: usize,
        line: u32,
        flags: Flags,
    ) -> Parser<'a> {
        Parser {
            src,
            pos: start,
            source,
            start_line: line,
            start,
            line_cache: Cell::new((start, line)),
            flags,
            depth: 0,
            too_deep: false,
            pending: Vec::new(),
            next_id: 0,
            want: None,
            found: None,
            here: false,
            quotes_in_quotes: false,
            warnings: Vec::new(),
        }
    }

    /// Changes the flags for what is parsed next (`shopt -s extglob` on an earlier line).
    pub fn set_flags(&mut self, flags: Flags) {
        self.flags = flags;
    }

    /// Offset behind what was parsed.
    pub fn offset(&self) -> usize {
        self.pos
    }

    /// Skips what stands before the next command line.
    pub fn skip_to_unit(&mut self) -> Result<()> {
        loop {
            self.skip_blank();
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.newline()?;
        }
    }

    /// Goes on at an offset whose line is known.
    pub fn skip_to(&mut self, offset: usize, line: u32) {
        self.pos = offset;
        self.line_cache.set((offset, line));
    }

    /// Parses the next complete command line; `None` at the end.
    pub fn next_unit(&mut self) -> Result<Option<Rc<Unit>>> {
        self.skip_to_unit()?;
        if self.peek().is_none() {
            return Ok(None);
        }
        let (start, line) = (self.pos, self.line());
        self.next_id = 0;
        let list = self.line_list()?;
        let place = Place {
            source: self.source.clone(),
            start,
            end: self.pos,
            line,
            flags: self.flags.to_bits(),
        };
        Ok(Some(Rc::new(Unit { place, list })))
    }

    /// Parses the unit at `place` again and returns its part number `id`.
    pub fn find_piece(place: &Place, id: u32) -> Result<Option<Piece>> {
        let text = place.source.text.clone();
        let end = place.end.min(text.len());
        let Some(src) = text.get(..end) else {
            return Ok(None);
        };
        let mut p = Parser::new(
            src,
            place.source.clone(),
            place.start,
            place.line,
            Flags::from_bits(place.flags),
        );
        p.want = Some(id);
        p.next_unit()?;
        Ok(p.found)
    }

    fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    fn peek(&self) -> Option<u8> {
        self.src.get(self.pos).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.src.get(self.pos + ahead).copied()
    }

    fn looking_at(&self, text: &[u8]) -> bool {
        self.src
            .get(self.pos..)
            .is_some_and(|rest| rest.starts_with(text))
    }

    fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.src.get(start..end).unwrap_or_default()
    }

    /// Line number of the current position.
    pub fn line(&self) -> u32 {
        self.line_at(self.pos)
    }

    fn line_at(&self, pos: usize) -> u32 {
        let (mut at, mut line) = self.line_cache.get();
        if pos < at {
            (at, line) = (self.start, self.start_line);
        }
        line += bytecount(self.slice(at, pos));
        self.line_cache.set((pos, line));
        line
    }

    /// Skips blanks, line continuations and a comment.
    fn skip_blank(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.pos += 1,
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => self.pos += 2,
                Some(b'#') => {
                    let rest = self.src.get(self.pos..).unwrap_or_default();
                    self.pos += rest.iter().position(|c| *c == b'\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    /// Skips blanks and newlines, reading pending here-documents.
    fn skip_newlines(&mut self) -> Result<()> {
        loop {
            self.skip_blank();
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.newline()?;
        }
    }

    /// Consumes a newline, and the here-documents that begin behind it.
    fn newline(&mut self) -> Result<()> {
        self.pos += 1;
        for doc in std::mem::take(&mut self.pending) {
            self.here_document(&doc)?;
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH || crate::stack::is_used_up() {
            self.too_deep = true;
            let levels = self.depth - 1;
            return Err(self.error(format!(
                "nesting deeper than the stack lasts ({levels} levels)"
            )));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError {
            line: self.line(),
            message: message.into(),
            at_end: false,
            offset: self.pos,
        }
    }

    /// The text ended inside a construct that wants `what`.
    fn error_eof(&self, what: &str, open_line: u32) -> SyntaxError {
        SyntaxError {
            line: open_line,
            message: format!("unexpected EOF while looking for matching `{what}'"),
            at_end: true,
            offset: self.pos,
        }
    }

    /// "syntax error near unexpected token" with the token at the current position.
    fn unexpected(&mut self) -> SyntaxError {
        self.skip_blank();
        let token: &[u8] = match self.peek() {
            None => {
                return SyntaxError {
                    line: self.line(),
                    message: "syntax error: unexpected end of file".into(),
                    at_end: true,
                    offset: self.pos,
                };
            }
            Some(b'\n') => b"newline",
            Some(_) => {
                let ops: &[&[u8]] = &[
                    b"<<-", b"<<<", b"&>>", b";;&", b"&&", b"||", b";;", b";&", b"|&", b"<<",
                    b">>", b"&>", b"<&", b">&", b"<>", b">|",
                ];
                match ops.iter().find(|op| self.looking_at(op)) {
                    Some(op) => op,
                    None => {
                        let rest = self.slice(self.pos, self.src.len());
                        let len = rest
                            .iter()
                            .position(|c| is_meta(*c))
                            .unwrap_or(rest.len())
                            .max(1);
                        self.slice(self.pos, self.pos + len)
                    }
                }
            }
        };
        self.error(format!(
            "syntax error near unexpected token `{}'",
            String::from_utf8_lossy(token)
        ))
    }
}

/// How many newlines there are, eight bytes at a time: every byte of a script is asked.
fn bytecount(text: &[u8]) -> u32 {
    const NEWLINES: u64 = u64::from_ne_bytes([b'\n'; 8]);
    const LOW: u64 = u64::from_ne_bytes([0x7f; 8]);
    let (words, rest) = text.as_chunks::<8>();
    let words = words.iter().map(|word| {
        let other = u64::from_ne_bytes(*word) ^ NEWLINES;
        // The high bit of each byte that is zero, and nothing else.
        (!(((other & LOW) + LOW) | other | LOW)).count_ones()
    });
    let rest = rest.iter().filter(|c| **c == b'\n').count();
    words.fold(u32::try_from(rest).unwrap_or(u32::MAX), u32::saturating_add)
}

/// Characters that end an unquoted word.
pub const fn is_meta(c: u8) -> bool {
    matches!(
        c,
        b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'
    )
}

pub fn is_name_start(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_'
}

pub fn is_name_char(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

/// Is it a shell name (letters, digits, underscores, no digit first)?
pub fn is_name(text: &[u8]) -> bool {
    text.first().is_some_and(|c| is_name_start(*c)) && text.iter().all(|c| is_name_char(*c))
}
