//! The trace of `set -x`.

use super::assign::Item;
use crate::expand::quote;
use crate::state::Shell;
use crate::syntax::ast::{Assign, AssignValue, Word};

impl Shell {
    /// Writes a line of the trace: `PS4`, its first character once per level, and the text.
    pub fn trace_text(&mut self, text: &[u8]) {
        let template = self.get(b"PS4").unwrap_or_default();
        let (status, on) = (self.st.status, self.st.options);
        self.st.options.enable("xtrace", false);
        let sub = self.sub_status.take();
        let expanded = self.prompt(&template).unwrap_or_default();
        self.sub_status = sub;
        self.st.options = on;
        self.st.status = status;
        let len = crate::pattern::char_len(&expanded, self.st.utf8);
        let first = expanded.get(..len).unwrap_or_default().to_vec();
        let mut line = first.repeat(self.trace_level());
        line.extend_from_slice(expanded.get(len..).unwrap_or_default());
        line.extend_from_slice(text);
        line.push(b'\n');
        let fd = self
            .get(b"BASH_XTRACEFD")
            .and_then(|t| crate::arith::parse_decimal(&t))
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(2);
        let _ = self.st.fds.write(fd, &line);
    }

    fn trace_level(&self) -> usize {
        usize::try_from(self.st.subshell_level).unwrap_or(0) + 1
    }

    pub fn trace_command(&mut self, args: &[Vec<u8>], arrays: &[(usize, &Assign)]) {
        let utf8 = self.st.utf8;
        let mut text = Vec::new();
        for (at, arg) in args.iter().enumerate() {
            if at > 0 {
                text.push(b' ');
            }
            match arrays.iter().find(|(n, _)| *n == at) {
                Some((_, assign)) => text.extend(self.array_source(assign)),
                None => text.extend(quote::trace(arg, utf8)),
            }
        }
        self.trace_text(&text);
    }

    fn array_source(&self, assign: &Assign) -> Vec<u8> {
        let mut out = assign.name.clone();
        out.extend_from_slice(if assign.append { b"+=(" } else { b"=(" });
        if let AssignValue::Array(elements) = &assign.value {
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                if let Some(sub) = &element.subscript {
                    out.push(b'[');
                    out.extend_from_slice(&sub.raw);
                    out.extend_from_slice(b"]=");
                }
                out.extend_from_slice(self.raw(&element.value));
            }
        }
        out.push(b')');
        out
    }

    fn raw(&self, word: &Word) -> &[u8] {
        self.place
            .source
            .text
            .get(word.span.0..word.span.1)
            .unwrap_or_default()
    }

    pub fn trace_assign(&mut self, name: &[u8], value: &[u8], append: bool) {
        let mut text = name.to_vec();
        text.extend_from_slice(if append { b"+=" } else { b"=" });
        if !value.is_empty() {
            text.extend(quote::trace(value, self.st.utf8));
        }
        self.trace_text(&text);
    }

    pub fn trace_array(&mut self, name: &[u8], items: &[Item], append: bool) {
        let mut text = name.to_vec();
        text.extend_from_slice(if append { b"+=(" } else { b"=(" });
        for (at, (key, _, value)) in items.iter().enumerate() {
            if at > 0 {
                text.push(b' ');
            }
            if let Some(key) = key {
                text.push(b'[');
                text.extend(key);
                text.extend_from_slice(b"]=");
            }
            text.extend(quote::trace(value, self.st.utf8));
        }
        text.push(b')');
        self.trace_text(&text);
    }

    pub fn for_text(&self, name: &[u8], words: Option<&[Word]>) -> Vec<u8> {
        let mut text = b"for ".to_vec();
        text.extend_from_slice(name);
        text.extend_from_slice(b" in");
        match words {
            Some(words) => {
                for word in words {
                    text.push(b' ');
                    text.extend_from_slice(self.raw(word));
                }
            }
            None => text.extend_from_slice(b" \"$@\""),
        }
        text
    }
}
