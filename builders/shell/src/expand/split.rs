//! Word splitting at `IFS`, and what else chunks become: one text, or a pattern.

use bstr::ByteSlice;

use super::Chunk;
use crate::pattern::char_len;
use crate::state::Shell;

/// A field: its text, and which parts of it were quoted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    pub text: Vec<u8>,
    /// Ends of stretches, and whether they were quoted.
    pub runs: Vec<(usize, bool)>,
}

impl Field {
    fn push(&mut self, text: &[u8], quoted: bool) {
        self.text.extend_from_slice(text);
        match self.runs.last_mut() {
            Some((end, q)) if *q == quoted => *end = self.text.len(),
            _ => self.runs.push((self.text.len(), quoted)),
        }
    }

    /// Has unquoted characters that make it a pattern?
    pub fn may_glob(&self) -> bool {
        let mut start = 0;
        self.runs.iter().any(|(end, quoted)| {
            let run = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            !quoted
                && run
                    .iter()
                    .any(|c| matches!(c, b'*' | b'?' | b'[' | b'(' | b'\\'))
        })
    }

    /// The text with quoted special characters escaped.
    pub fn pattern(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + 8);
        let mut start = 0;
        for (end, quoted) in &self.runs {
            let run = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            if *quoted {
                escape_into(run, &mut out)
            } else {
                out.extend_from_slice(run)
            }
        }
        out
    }
}

/// Appends text with every character escaped that a pattern could mind.
pub fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    for c in text {
        if matches!(
            c,
            b'*' | b'?'
                | b'['
                | b']'
                | b'\\'
                | b'('
                | b')'
                | b'|'
                | b'!'
                | b'@'
                | b'+'
                | b'-'
                | b'^'
        ) {
            out.push(b'\\');
        }
        out.push(*c);
    }
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Last {
    /// No delimiter was just seen.
    Text,
    /// Blank characters of `IFS` ended a field.
    Blank,
    /// Another character of `IFS` did.
    Mark,
}

impl Shell {
    /// Splits chunks into fields.
    pub fn split_fields(&self, chunks: Vec<Chunk>) -> Vec<Field> {
        let mut ifs = [0u8; 256];
        let text = self.ifs();
        // Characters of several bytes are looked for as such.
        let wide = self.st.utf8 && !text.is_ascii();
        for c in text.iter().filter(|c| !wide || c.is_ascii()) {
            ifs[usize::from(*c)] = if matches!(c, b' ' | b'\t' | b'\n') {
                1
            } else {
                2
            };
        }
        let mark = text
            .first()
            .is_some_and(|c| !matches!(c, b' ' | b'\t' | b'\n'));
        let separators = text;
        let mut fields = Vec::new();
        let mut current = Field::default();
        let (mut has, mut last) = (false, Last::Text);
        for chunk in chunks {
            match chunk {
                Chunk::Break { .. } => {
                    // As if joined with the first character of IFS and split there.
                    if has || (mark && last != Last::Blank) {
                        fields.push(std::mem::take(&mut current));
                    }
                    (has, last) = (false, if mark { Last::Mark } else { Last::Text });
                }
                Chunk::Text {
                    text,
                    quoted,
                    split: false,
                } => {
                    if quoted || !text.is_empty() {
                        current.push(&text, quoted);
                        (has, last) = (true, Last::Text);
                    }
                }
                Chunk::Text { text, .. } => {
                    let (mut start, mut next) = (0, 0);
                    for (at, c) in text.iter().enumerate() {
                        if at < next {
                            continue;
                        }
                        let mut class = ifs[usize::from(*c)];
                        next = at + 1;
                        if wide && !c.is_ascii() {
                            let rest = text.get(at..).unwrap_or_default();
                            next = at + char_len(rest, true);
                            let character = text.get(at..next).unwrap_or_default();
                            if character.len() > 1 && separators.contains_str(character) {
                                class = 2;
                            }
                        }
                        if class == 0 {
                            continue;
                        }
                        if at > start {
                            current.push(text.get(start..at).unwrap_or_default(), false);
                            (has, last) = (true, Last::Text);
                        }
                        start = next;
                        if class == 1 {
                            if has {
                                fields.push(std::mem::take(&mut current));
                                (has, last) = (false, Last::Blank);
                            }
                        } else if has || last != Last::Blank {
                            fields.push(std::mem::take(&mut current));
                            (has, last) = (false, Last::Mark);
                        } else {
                            last = Last::Mark;
                        }
                    }
                    if start < text.len() {
                        current.push(text.get(start..).unwrap_or_default(), false);
                        (has, last) = (true, Last::Text);
                    }
                }
            }
        }
        if has {
            fields.push(current);
        }
        fields
    }

    /// Joins chunks to one text.
    pub fn join(&self, chunks: Vec<Chunk>) -> Vec<u8> {
        let mut chunks = chunks.into_iter();
        let mut out = match chunks.next() {
            Some(Chunk::Text { text, .. }) => text,
            Some(Chunk::Break { star }) => {
                if star {
                    self.ifs_first()
                } else {
                    b" ".to_vec()
                }
            }
            None => return Vec::new(),
        };
        for chunk in chunks {
            match chunk {
                Chunk::Text { text, .. } => out.extend_from_slice(&text),
                Chunk::Break { star: true } => out.extend_from_slice(&self.ifs_first()),
                Chunk::Break { star: false } => out.push(b' '),
            }
        }
        out
    }

    /// Joins chunks to a pattern.
    pub fn join_pattern(&self, chunks: Vec<Chunk>) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in chunks {
            match chunk {
                Chunk::Text {
                    text, quoted: true, ..
                } => escape_into(&text, &mut out),
                Chunk::Text { text, .. } => out.extend_from_slice(&text),
                Chunk::Break { star: true } => out.extend_from_slice(&self.ifs_first()),
                Chunk::Break { star: false } => out.push(b' '),
            }
        }
        out
    }
}
