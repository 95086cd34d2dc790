//! `${x/pattern/text}`: in time linear in the text for literal patterns, and for others as long as
//! one failed search does not have to be repeated.

use super::param::Val;
use super::{Chunk, SINGLE};
use crate::pattern::{Found, Pattern, char_len};
use crate::state::{Shell, Unwind};
use crate::syntax::ast::{ReplaceKind, Word};

/// The replacement: text, and places where the match goes (`&`).
enum Piece {
    Text(Vec<u8>),
    Match,
}

impl Shell {
    pub(super) fn replace(
        &mut self,
        value: Val,
        kind: ReplaceKind,
        pattern: &Word,
        with: Option<&Word>,
    ) -> Result<Val, Unwind> {
        if value == Val::Unset {
            return Ok(value);
        }
        let text = self.expand_pattern(pattern)?;
        let options = self.pattern_options();
        let pattern = self.patterns.get(&text, options);
        let pieces = match with {
            Some(word) => self.replacement(word)?,
            None => Vec::new(),
        };
        if text.is_empty() && !matches!(kind, ReplaceKind::Start | ReplaceKind::End) {
            return Ok(value);
        }
        let (utf8, most) = (self.st.utf8, self.bounds.text);
        let mut too_big = false;
        let result = super::ops::map(value, |text| {
            let out = replace_text(&text, kind, &pattern, &pieces, utf8, most);
            too_big |= out.len() > most;
            out
        });
        if too_big {
            self.error("replacement: result is larger than 1 GiB");
            return Err(Unwind::Discard(1));
        }
        Ok(result)
    }

    fn replacement(&mut self, word: &Word) -> Result<Vec<Piece>, Unwind> {
        let mut chunks = Vec::new();
        self.word_chunks(word, SINGLE, false, &mut chunks)?;
        let special = self.st.options.patsub_replacement();
        let mut pieces = Vec::new();
        let mut current = Vec::new();
        for chunk in chunks {
            let (text, quoted) = match chunk {
                Chunk::Text { text, quoted, .. } => (text, quoted),
                Chunk::Break { .. } => (b" ".to_vec(), true),
            };
            if quoted || !special {
                current.extend_from_slice(&text);
                continue;
            }
            let mut bytes = text.into_iter().peekable();
            while let Some(c) = bytes.next() {
                match c {
                    b'\\' if matches!(bytes.peek(), Some(b'&' | b'\\')) => {
                        current.extend(bytes.next())
                    }
                    b'&' => {
                        pieces.push(Piece::Text(std::mem::take(&mut current)));
                        pieces.push(Piece::Match);
                    }
                    c => current.push(c),
                }
            }
        }
        pieces.push(Piece::Text(current));
        Ok(pieces)
    }
}

fn put(pieces: &[Piece], matched: &[u8], out: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Match => out.extend_from_slice(matched),
        }
    }
}

fn replace_text(
    text: &[u8],
    kind: ReplaceKind,
    pattern: &Pattern,
    pieces: &[Piece],
    utf8: bool,
    most: usize,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    match kind {
        ReplaceKind::Start => match pattern.longest_at(text, 0) {
            Found::End(end) => {
                put(pieces, text.get(..end).unwrap_or_default(), &mut out);
                out.extend_from_slice(text.get(end..).unwrap_or_default());
            }
            _ => out.extend_from_slice(text),
        },
        ReplaceKind::End => match pattern.suffix(text, true) {
            Some(start) => {
                out.extend_from_slice(text.get(..start).unwrap_or_default());
                put(pieces, text.get(start..).unwrap_or_default(), &mut out);
            }
            None => out.extend_from_slice(text),
        },
        ReplaceKind::First | ReplaceKind::All => {
            let all = kind == ReplaceKind::All;
            if let Some(literal) = pattern.literal() {
                let mut rest = text;
                while let Some(at) = bstr::ByteSlice::find(rest, literal) {
                    out.extend_from_slice(rest.get(..at).unwrap_or_default());
                    put(pieces, literal, &mut out);
                    rest = rest.get(at + literal.len()..).unwrap_or_default();
                    if !all || out.len() > most {
                        break;
                    }
                }
                out.extend_from_slice(rest);
                return out;
            }
            let mut at = 0;
            while at < text.len() {
                match pattern.longest_at(text, at) {
                    // An empty match is replaced too; then the text goes on by a character.
                    Found::End(end) if end == at => {
                        put(pieces, b"", &mut out);
                        if !all || out.len() > most {
                            break;
                        }
                        let len = char_len(text.get(at..).unwrap_or_default(), utf8).max(1);
                        out.extend_from_slice(text.get(at..at + len).unwrap_or_default());
                        at += len;
                    }
                    Found::End(end) => {
                        put(pieces, text.get(at..end).unwrap_or_default(), &mut out);
                        at = end;
                        if !all || out.len() > most {
                            break;
                        }
                    }
                    Found::Never => break,
                    _ => {
                        let len = char_len(text.get(at..).unwrap_or_default(), utf8).max(1);
                        out.extend_from_slice(text.get(at..at + len).unwrap_or_default());
                        at += len;
                    }
                }
            }
            out.extend_from_slice(text.get(at..).unwrap_or_default());
            if text.is_empty()
                && let Found::End(0) = pattern.longest_at(text, 0)
            {
                put(pieces, b"", &mut out);
            }
        }
    }
    out
}
