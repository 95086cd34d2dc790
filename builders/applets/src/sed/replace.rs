//! Parsing `s` and `y`.

use super::escape::escape;
use super::parse::{Parser, number_of};
use super::script::{Action, Part, Script, Substitute};
use crate::regex::Regex;
use crate::shared::program;
use bstr::BString;

impl Parser<'_> {
    pub(super) fn substitute(&mut self, script: &mut Script) -> Action {
        let Some(slash) = self.next().filter(|it| *it != b'\n' && *it != b'\\') else {
            self.fail("unterminated `s' command");
        };
        let Some(pattern) = self.delimited(slash, true) else {
            self.fail("unterminated `s' command")
        };
        let Some(replacement) = self.delimited(slash, false) else {
            self.fail("unterminated `s' command")
        };
        let mut found = Substitute {
            regex: None,
            parts: Vec::new(),
            global: false,
            print: 0,
            number: 0,
            file: None,
        };
        let (mut ignore_case, mut multiline) = (false, false);
        loop {
            match self.next() {
                Some(b'i' | b'I') => ignore_case = true,
                Some(b'm' | b'M') => multiline = true,
                Some(b'e') => program::refuse("the flag e of the command s"),
                Some(b'p') => {
                    if found.print > 0 {
                        self.fail("multiple `p' options to `s' command");
                    }
                    found.print += 1;
                }
                Some(b'g') => {
                    if found.global {
                        self.fail("multiple `g' options to `s' command");
                    }
                    found.global = true;
                }
                Some(byte @ b'0'..=b'9') => {
                    if found.number > 0 {
                        self.fail("multiple number options to `s' command");
                    }
                    self.back(Some(byte));
                    found.number = self.number();
                    if found.number == 0 {
                        self.fail("number option to `s' command may not be zero");
                    }
                }
                Some(b'w') => {
                    let name = self.file_name();
                    found.file = Some(number_of(&mut script.written, name));
                    break;
                }
                Some(byte @ (b'}' | b'#')) => {
                    self.back(Some(byte));
                    break;
                }
                Some(b'\r') if self.peek() == Some(b'\n') => {}
                None | Some(b'\n' | b';') => break,
                Some(byte) if byte.is_ascii_whitespace() => {}
                Some(_) => self.fail("unknown option to `s'"),
            }
        }
        found.regex = self.regex(&pattern, ignore_case, multiline);
        found.parts = self.replacement(&replacement, found.regex.as_ref());
        Action::Substitute(Box::new(found))
    }

    fn replacement(&self, text: &[u8], regex: Option<&Regex>) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut plain = BString::default();
        let mut rest = text;
        let mut push = |plain: &mut BString, part: Part| {
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(plain)));
            }
            parts.push(part);
        };
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'&' => push(&mut plain, Part::Group(0)),
                b'\\' => {
                    let Some((next, after)) = rest.split_first() else {
                        plain.push(b'\\');
                        break;
                    };
                    match next {
                        b'0'..=b'9' => {
                            let number = usize::from(next - b'0');
                            if regex.is_some_and(|regex| number > regex.groups()) {
                                self.fail(&format!(
                                    "invalid reference \\{number} on `s' command's RHS"
                                ));
                            }
                            push(&mut plain, Part::Group(number));
                            rest = after;
                        }
                        b'U' | b'L' | b'E' | b'u' | b'l' => {
                            push(&mut plain, Part::Case(*next));
                            rest = after;
                        }
                        b'n' => {
                            plain.push(b'\n');
                            rest = after;
                        }
                        _ => match escape(rest) {
                            Some((value, length)) => {
                                plain.push(value);
                                rest = rest.get(length..).unwrap_or_default();
                            }
                            None => {
                                plain.push(*next);
                                rest = after;
                            }
                        },
                    }
                }
                byte => plain.push(*byte),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        parts
    }

    pub(super) fn translate(&mut self) -> Action {
        let Some(slash) = self.next().filter(|it| *it != b'\n' && *it != b'\\') else {
            self.fail("unterminated `y' command");
        };
        let Some(from) = self.delimited(slash, false) else {
            self.fail("unterminated `y' command")
        };
        let Some(to) = self.delimited(slash, false) else {
            self.fail("unterminated `y' command")
        };
        let bytes = |parser: &Self, text: &[u8]| {
            let mut out = Vec::new();
            let mut rest = text;
            while let Some((byte, after)) = rest.split_first() {
                rest = after;
                if *byte != b'\\' {
                    out.push(*byte);
                    continue;
                }
                match rest.split_first() {
                    Some((b'\\', after)) => {
                        out.push(b'\\');
                        rest = after;
                    }
                    Some((b'n', after)) => {
                        out.push(b'\n');
                        rest = after;
                    }
                    Some((b'\n', after)) => {
                        out.push(b'\n');
                        rest = after;
                    }
                    _ => match escape(rest) {
                        Some((value, length)) => {
                            out.push(value);
                            rest = rest.get(length..).unwrap_or_default();
                        }
                        None => parser.fail("`y' command strings have different lengths"),
                    },
                }
            }
            out
        };
        let (from, to) = (bytes(self, &from), bytes(self, &to));
        if from.len() != to.len() {
            self.fail("strings for `y' command are different lengths");
        }
        let mut table = [0u8; 256];
        for (index, byte) in table.iter_mut().enumerate() {
            *byte = index as u8;
        }
        for (from, to) in from.iter().zip(&to) {
            if let Some(place) = table.get_mut(usize::from(*from)) {
                *place = *to;
            }
        }
        self.end();
        Action::Translate(Box::new(table))
    }
}
