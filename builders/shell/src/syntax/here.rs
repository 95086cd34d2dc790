//! Here-documents: their bodies begin behind the line of the operator, and are read there up to the delimiter
//! (bash(1) "Here Documents").

use std::rc::Rc;

use super::ast::{HereDoc, Part, Source, Word};
use super::word::Stop;
use super::{HereWarning, Parser, Result};

impl Parser<'_> {
    /// Reads a here-document's body.
    pub(super) fn here_document(&mut self, doc: &Rc<HereDoc>) -> Result<()> {
        let start_line = self.line();
        let body_start = self.pos;
        let mut body = Vec::new();
        let mut ended = false;
        while self.pos < self.src.len() {
            let rest = self.slice(self.pos, self.src.len());
            let mut len = rest
                .iter()
                .position(|c| *c == b'\n')
                .map_or(rest.len(), |n| n + 1);
            let mut line: Vec<u8> = self.slice(self.pos, self.pos + len).to_vec();
            // In an unquoted document a backslash joins lines before the delimiter is looked for.
            while !doc.quoted && ends_in_continuation(&line) && self.pos + len < self.src.len() {
                let more = self.slice(self.pos + len, self.src.len());
                let n = more
                    .iter()
                    .position(|c| *c == b'\n')
                    .map_or(more.len(), |n| n + 1);
                line.truncate(line.len() - 2);
                line.extend_from_slice(self.slice(self.pos + len, self.pos + len + n));
                len += n;
            }
            let mut text: &[u8] = &line;
            if doc.strip_tabs {
                let tabs = text.iter().take_while(|c| **c == b'\t').count();
                text = text.get(tabs..).unwrap_or_default();
            }
            let bare = text.strip_suffix(b"\n").unwrap_or(text);
            if bare == doc.delimiter.as_slice() {
                doc.body_span.replace((body_start, self.pos));
                self.pos += len;
                ended = true;
                break;
            }
            body.extend_from_slice(text);
            self.pos += len;
        }
        if !ended {
            doc.body_span.replace((body_start, self.pos));
            self.warnings.push(HereWarning {
                line: self.line(),
                start_line,
                delimiter: doc.delimiter.clone(),
            });
        }
        let word = if doc.quoted {
            Word {
                parts: vec![Part::Quoted(body)],
                ..Word::default()
            }
        } else {
            let text: Rc<[u8]> = body.into();
            let source = Rc::new(Source {
                name: self.source.name.clone(),
                text: text.clone(),
            });
            let mut inner = Parser::new(&text, source, 0, start_line, self.flags);
            inner.depth = self.depth + 1;
            inner.here = true;
            inner.next_id = self.next_id;
            inner.want = self.want;
            let parts = inner.parts(Stop::End, true);
            self.too_deep |= inner.too_deep;
            let parts = parts?;
            self.next_id = inner.next_id;
            if inner.found.is_some() {
                self.found = inner.found;
            }
            Word {
                parts,
                ..Word::default()
            }
        };
        doc.word.replace(Rc::new(word));
        Ok(())
    }
}

fn ends_in_continuation(line: &[u8]) -> bool {
    line.strip_suffix(b"\n")
        .is_some_and(|l| l.iter().rev().take_while(|c| **c == b'\\').count() % 2 == 1)
}
