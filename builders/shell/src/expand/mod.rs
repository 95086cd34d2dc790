//! Expansion of words, in bash's order: braces, then tilde, parameters, commands and arithmetic
//! from left to right, then word splitting, then pathnames, then quote removal (bash(1)
//! "EXPANSION"). Parts expand to [`Chunk`]s, which still know what was quoted; `split` turns them
//! into fields, patterns or plain text.

pub mod brace;
pub mod case;
mod glob;
mod indirect;
mod ops;
mod param;
pub mod quote;
mod replace;
mod split;
mod tilde;
mod transform;
pub use transform::{array_text, attribute_letters};

use std::rc::Rc;

use crate::state::{Shell, Unwind};
use crate::syntax::ast::{ArithText, Part, Word};

pub use param::is_computed as param_is_computed;
pub use split::{Field, escape_into as split_escape};

/// Expanded text on its way to fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    Text {
        text: Vec<u8>,
        /// Not special to patterns, never split.
        quoted: bool,
        /// From an expansion outside of quotes: split at `IFS`.
        split: bool,
    },
    /// Between the elements of `$@` and its kin. `star`: joined with the first character of `IFS`
    /// where words are not split.
    Break { star: bool },
}

impl Chunk {
    fn quoted(text: Vec<u8>) -> Chunk {
        Chunk::Text {
            text,
            quoted: true,
            split: false,
        }
    }

    fn expanded(text: Vec<u8>, dq: bool) -> Chunk {
        Chunk::Text {
            text,
            quoted: dq,
            split: !dq,
        }
    }
}

/// Where the parts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Inside double quotes.
    pub dq: bool,
    /// The result will not be split into fields.
    pub single: bool,
    /// Literal text outside of quotes is split too: the word of `${x:-word}`.
    pub split_literals: bool,
}

const WORD: Context = Context {
    dq: false,
    single: false,
    split_literals: false,
};
const SINGLE: Context = Context {
    dq: false,
    single: true,
    split_literals: false,
};
const QUOTED: Context = Context {
    dq: true,
    single: true,
    split_literals: false,
};

impl Shell {
    /// Expands the words of a command to its arguments.
    pub fn expand_words(&mut self, words: &[Word]) -> Result<Vec<Vec<u8>>, Unwind> {
        let mut out = Vec::with_capacity(words.len());
        for word in words {
            self.expand_word(word, &mut out)?;
        }
        Ok(out)
    }

    /// Expands one word to any number of arguments.
    pub fn expand_word(&mut self, word: &Word, out: &mut Vec<Vec<u8>>) -> Result<(), Unwind> {
        if word.brace && self.st.options.braceexpand() {
            match brace::expand(word, &self.bounds) {
                Ok(Some(words)) => {
                    for word in &words {
                        self.expand_plain(word, out)?;
                    }
                    return Ok(());
                }
                Ok(None) => {}
                Err(brace::TooMany) => {
                    self.error(
                        "brace expansion: failed to allocate memory: more elements than fit",
                    );
                    return Err(Unwind::Discard(1));
                }
            }
        }
        self.expand_plain(word, out)
    }

    fn expand_plain(&mut self, word: &Word, out: &mut Vec<Vec<u8>>) -> Result<(), Unwind> {
        match word.parts.as_slice() {
            [Part::Lit(text)] if !text.is_empty() && !text.iter().any(|c| is_active(*c, false)) => {
                out.push(text.clone());
                return Ok(());
            }
            [Part::Quoted(text)] => {
                out.push(text.clone());
                return Ok(());
            }
            [Part::Param(param)] => {
                if let Some(text) = self.plain_value(param)
                    && self.is_one_field(text)
                {
                    out.push(text.to_vec());
                    return Ok(());
                }
            }
            parts => {
                if let Some(text) = self.plain_text(parts, false) {
                    out.push(text);
                    return Ok(());
                }
            }
        }
        let mut chunks = Vec::new();
        self.word_chunks(word, WORD, word.assignment.is_some(), &mut chunks)?;
        for field in self.split_fields(chunks) {
            self.glob_field(field, out)?;
        }
        Ok(())
    }

    /// Expands a word that stays one word: the value of an assignment, the word of `case`.
    pub fn expand_single(&mut self, word: &Word) -> Result<Vec<u8>, Unwind> {
        if let Some(text) = plain_literal(word) {
            return Ok(text.to_vec());
        }
        if let Some(text) = self.plain_text(&word.parts, true) {
            return Ok(text);
        }
        let mut chunks = Vec::new();
        self.word_chunks(word, SINGLE, false, &mut chunks)?;
        Ok(self.join(chunks))
    }

    /// Does text of an expansion without quotes stay as it is: one field, and no pattern?
    fn is_one_field(&self, text: &[u8]) -> bool {
        let ifs = self.ifs();
        let special = |c: &u8| matches!(c, b'*' | b'?' | b'[' | b'(' | b'\\') || ifs.contains(c);
        !text.is_empty() && !text.iter().any(special)
    }

    /// The text of a word that needs no more than putting values together: literal text, and scalars
    /// that are set, in quotes unless the word stays one word (`single`). `None`: it needs more, and
    /// nothing was done.
    fn plain_text(&self, parts: &[Part], single: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut quoted = single;
        for part in parts {
            quoted |= matches!(part, Part::Quoted(_) | Part::Double(_));
            match part {
                Part::Lit(text) if !text.iter().any(|c| is_active(*c, single)) => {
                    out.extend_from_slice(text);
                }
                Part::Quoted(text) => out.extend_from_slice(text),
                Part::Param(param) if single => {
                    out.extend_from_slice(self.plain_value(param)?);
                }
                Part::Double(inner) => {
                    for part in inner {
                        match part {
                            Part::Lit(text) | Part::Quoted(text) => out.extend_from_slice(text),
                            Part::Param(param) => {
                                out.extend_from_slice(self.plain_value(param)?);
                            }
                            _ => return None,
                        }
                    }
                }
                _ => return None,
            }
        }
        // Nothing without quotes is no word, as `{,a}` gives it.
        (quoted || !out.is_empty()).then_some(out)
    }

    /// The pattern of a word that needs no more than putting values together, as [`Self::plain_text`].
    fn plain_pattern(&self, parts: &[Part]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Part::Lit(text) if !text.contains(&b'~') => out.extend_from_slice(text),
                Part::Quoted(text) => split_escape(text, &mut out),
                Part::Param(param) => out.extend_from_slice(self.plain_value(param)?),
                Part::Double(inner) => {
                    for part in inner {
                        match part {
                            Part::Lit(text) | Part::Quoted(text) => split_escape(text, &mut out),
                            Part::Param(param) => split_escape(self.plain_value(param)?, &mut out),
                            _ => return None,
                        }
                    }
                }
                _ => return None,
            }
        }
        Some(out)
    }

    /// As [`Self::expand_single`], without tilde expansion.
    pub fn expand_single_plain(&mut self, word: &Word) -> Result<Vec<u8>, Unwind> {
        let mut chunks = Vec::new();
        self.parts_chunks(&word.parts, SINGLE, &mut chunks)?;
        Ok(self.join(chunks))
    }

    /// Expands the right side of an assignment: a tilde counts also behind a colon.
    pub fn expand_value(&mut self, word: &Word) -> Result<Vec<u8>, Unwind> {
        if let Some(text) = plain_literal(word) {
            return Ok(text.to_vec());
        }
        if let Some(text) = self.plain_text(&word.parts, true) {
            return Ok(text);
        }
        let mut chunks = Vec::new();
        self.word_chunks(word, SINGLE, true, &mut chunks)?;
        Ok(self.join(chunks))
    }

    /// Expands an argument of a declaration builtin: not split, no pathnames.
    pub fn expand_declaration(&mut self, word: &Word) -> Result<Vec<u8>, Unwind> {
        self.expand_value(word)
    }

    /// Expands a here-document or a here-string's quoted text.
    pub fn expand_quoted_parts(&mut self, parts: &[Part]) -> Result<Vec<u8>, Unwind> {
        let mut chunks = Vec::new();
        self.parts_chunks(parts, QUOTED, &mut chunks)?;
        Ok(self.join(chunks))
    }

    /// Expands a word to a pattern: quoted characters are escaped.
    pub fn expand_pattern(&mut self, word: &Word) -> Result<Vec<u8>, Unwind> {
        if let Some(pattern) = self.plain_pattern(&word.parts) {
            return Ok(pattern);
        }
        let mut chunks = Vec::new();
        self.word_chunks(word, SINGLE, false, &mut chunks)?;
        Ok(self.join_pattern(chunks))
    }

    /// Expands the right side of `=~`: quoted characters stand for themselves.
    pub fn expand_regex(&mut self, word: &Word) -> Result<Vec<u8>, Unwind> {
        let mut chunks = Vec::new();
        self.word_chunks(word, SINGLE, false, &mut chunks)?;
        let star = self.ifs_first();
        let mut out = Vec::new();
        let mut bracket = false;
        for chunk in chunks {
            match chunk {
                Chunk::Text { text, quoted, .. } => {
                    for c in text {
                        if quoted && b"\\.[]{}()*+?|^$".contains(&c) {
                            if !bracket || c == b'\\' || c == b']' || c == b'[' || c == b'^' {
                                if bracket {
                                    out.push(c);
                                    continue;
                                }
                                out.push(b'\\');
                            }
                        } else if !quoted && c == b'[' {
                            bracket = true;
                        } else if !quoted && c == b']' {
                            bracket = false;
                        }
                        out.push(c);
                    }
                }
                Chunk::Break { star: true } => out.extend_from_slice(&star),
                Chunk::Break { star: false } => out.push(b' '),
            }
        }
        Ok(out)
    }

    /// Expands the text of an arithmetic expression, as if in double quotes.
    pub fn expand_arith(&mut self, text: &ArithText) -> Result<Vec<u8>, Unwind> {
        self.expand_arith_parts(&text.parts)
    }

    fn expand_arith_parts(&mut self, parts: &[Part]) -> Result<Vec<u8>, Unwind> {
        let mut chunks = Vec::new();
        self.parts_chunks(parts, QUOTED, &mut chunks)?;
        Ok(self.join(chunks))
    }

    fn word_chunks(
        &mut self,
        word: &Word,
        context: Context,
        assignment: bool,
        out: &mut Vec<Chunk>,
    ) -> Result<(), Unwind> {
        if let Some(Part::Lit(first)) = word.parts.first()
            && first.contains(&b'~')
        {
            let alone = word.parts.len() == 1;
            let expanded = self.tilde(first, alone, assignment, word.assignment);
            for (text, quoted) in expanded {
                out.push(Chunk::Text {
                    text,
                    quoted,
                    split: context.split_literals && !quoted,
                });
            }
            return self.rest_with_tildes(
                word.parts.get(1..).unwrap_or_default(),
                context,
                assignment,
                out,
            );
        }
        if assignment {
            return self.rest_with_tildes(&word.parts, context, assignment, out);
        }
        self.parts_chunks(&word.parts, context, out)
    }

    /// The parts of an assignment's value behind its first: `~` counts behind `:` in them.
    fn rest_with_tildes(
        &mut self,
        parts: &[Part],
        context: Context,
        assignment: bool,
        out: &mut Vec<Chunk>,
    ) -> Result<(), Unwind> {
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Lit(text) if assignment && text.contains(&b'~') => {
                    for (text, quoted) in self.tilde_behind_colons(text, at + 1 == parts.len()) {
                        out.push(Chunk::Text {
                            text,
                            quoted,
                            split: false,
                        });
                    }
                }
                part => self.part_chunks(part, context, out)?,
            }
        }
        Ok(())
    }

    fn parts_chunks(
        &mut self,
        parts: &[Part],
        context: Context,
        out: &mut Vec<Chunk>,
    ) -> Result<(), Unwind> {
        for part in parts {
            self.part_chunks(part, context, out)?;
        }
        Ok(())
    }

    fn part_chunks(
        &mut self,
        part: &Part,
        context: Context,
        out: &mut Vec<Chunk>,
    ) -> Result<(), Unwind> {
        match part {
            Part::Lit(text) => out.push(Chunk::Text {
                text: text.clone(),
                quoted: context.dq,
                split: context.split_literals && !context.dq,
            }),
            Part::Quoted(text) => out.push(Chunk::quoted(text.clone())),
            Part::Double(parts) => {
                let before = out.len();
                self.parts_chunks(
                    parts,
                    Context {
                        dq: true,
                        ..context
                    },
                    out,
                )?;
                // `"$@"` without elements is nothing; any other pair of quotes is at least empty.
                if out.len() == before && !parts.iter().any(is_list_expansion) {
                    out.push(Chunk::quoted(Vec::new()));
                }
            }
            Part::Param(param) => self.param_chunks(param, context, out)?,
            Part::Command(sub) => {
                let text = self.command_substitution(sub)?;
                out.push(Chunk::expanded(text, context.dq));
            }
            Part::Arith(text) => {
                let value = self.arith_value(text)?;
                out.push(Chunk::expanded(value.to_string().into_bytes(), context.dq));
            }
            Part::Process { write, body } => {
                let path = self.process_substitution(body, *write)?;
                out.push(Chunk::quoted(path));
            }
        }
        Ok(())
    }

    /// The value of `$((…))` and of `((…))`.
    pub fn arith_value(&mut self, text: &Rc<ArithText>) -> Result<i64, Unwind> {
        self.arith_text_value(text, b"")
    }

    /// The value of an expression; an error is reported, with `who` before it, and discards.
    pub fn arith_text_value(&mut self, text: &ArithText, who: &[u8]) -> Result<i64, Unwind> {
        if let Some(literal) = text.literal() {
            let parsed = text
                .parsed
                .get_or_init(|| crate::arith::parse(literal).ok().map(Rc::new));
            return match parsed {
                Some(expr) => {
                    let expr = expr.clone();
                    self.eval_expr(&expr)
                        .map_err(|e| self.report_arith(literal, e, who))
                }
                None => match crate::arith::parse(literal) {
                    Err(e) => Err(self.report_arith(literal, e, who)),
                    Ok(_) => Ok(0),
                },
            };
        }
        let expanded = self.expand_arith(text)?;
        self.eval_cached(&expanded)
            .map_err(|e| self.report_arith(&expanded, e, who))
    }

    /// `$*` and its kin join with this.
    pub fn ifs_first(&self) -> Vec<u8> {
        match self.lookup(b"IFS").and_then(|v| v.text()) {
            None => b" ".to_vec(),
            Some(text) => text
                .get(..crate::pattern::char_len(text, self.st.utf8))
                .unwrap_or_default()
                .to_vec(),
        }
    }
}

/// May an unquoted character mean more than itself, in a word that stays one (`single`) or in another?
fn is_active(c: u8, single: bool) -> bool {
    const ACTIVE: [bool; 256] = {
        let mut table = [false; 256];
        let mut all: &[u8] = b"~*?[(";
        while let [c, rest @ ..] = all {
            table[*c as usize] = true;
            all = rest;
        }
        table
    };
    match single {
        true => c == b'~',
        false => ACTIVE[usize::from(c)],
    }
}

fn plain_literal(word: &Word) -> Option<&[u8]> {
    match word.parts.as_slice() {
        [] => Some(b""),
        [Part::Lit(text)] if !text.contains(&b'~') => Some(text),
        [Part::Quoted(text)] => Some(text),
        _ => None,
    }
}

/// Can the part expand to no element at all inside double quotes?
fn is_list_expansion(part: &Part) -> bool {
    use crate::syntax::ast::{ParamName, ParamOp, ParamSub};
    match part {
        Part::Param(p) => {
            p.name == ParamName::Special(b'@')
                || matches!(p.subscript, Some(ParamSub::At))
                || matches!(p.op, ParamOp::Prefix { at: true })
                || matches!(p.name, ParamName::Name(_)) && p.indirect
        }
        Part::Double(parts) => parts.iter().any(is_list_expansion),
        _ => false,
    }
}
