//! From a script's text to its commands.
//!
//! Counterpart: sed's `compile.c`; the messages are its own.

use super::Settings;
use super::escape::{Bracket, escapes, plain_escapes, special_if_bare};
use super::script::{Action, Address, Command, Script};
use crate::regex::{Regex, Syntax};
use crate::shared::program;
use bstr::BString;
use std::collections::BTreeMap;

/// Where a piece of the script is from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The n-th `-e`.
    Expression(usize),
    /// A file.
    File(BString),
}

pub(super) struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    origin: Origin,
    extended: bool,
}

/// Blocks that are open, and branches whose label is not yet known.
#[derive(Default)]
struct Open {
    blocks: Vec<(usize, Origin, usize)>,
    labels: BTreeMap<BString, usize>,
    branches: Vec<(usize, BString)>,
}

/// Parses the pieces; `#n` first changes the settings.
pub fn parse(pieces: &[(Origin, BString)], settings: &mut Settings) -> Script {
    let mut script = Script::default();
    let mut open = Open::default();
    // A piece that ends inside `a\` goes on in the next one.
    let mut joined: Vec<(Origin, BString)> = Vec::new();
    for (origin, text) in pieces {
        match joined.last_mut() {
            Some((_, last)) if ends_open(last) => {
                last.push(b'\n');
                last.extend_from_slice(text);
            }
            _ => joined.push((origin.clone(), text.clone())),
        }
    }
    for (index, (origin, text)) in joined.iter().enumerate() {
        let mut parser = Parser {
            text,
            at: 0,
            line: 1,
            origin: origin.clone(),
            extended: settings.extended,
        };
        if index == 0 && (text.as_slice() == b"#n" || text.starts_with(b"#n\n")) {
            settings.quiet = true;
        }
        while parser.command(&mut script, &mut open) {}
    }
    if let Some((_, origin, at)) = open.blocks.pop() {
        let message = match origin {
            Origin::Expression(_) => "-e expression #1, char 0".to_owned(),
            Origin::File(path) => format!("file {path} line {at}"),
        };
        program::die(1, &[message.as_bytes(), b": unmatched `{'"]);
    }
    for (index, label) in open.branches {
        let target = if label.is_empty() {
            script.commands.len()
        } else {
            match open.labels.get(&label) {
                Some(target) => *target,
                None => program::die(4, &[b"can't find label for jump to `", &label, b"'"]),
            }
        };
        if let Some(command) = script.commands.get_mut(index) {
            match &mut command.action {
                Action::Branch(to) | Action::BranchIf(to) | Action::BranchUnless(to) => {
                    *to = target
                }
                _ => {}
            }
        }
    }
    script
}

/// Does the piece end in an `a`, `i` or `c` whose text is to come?
fn ends_open(text: &[u8]) -> bool {
    let last = text
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    matches!(last.trim_ascii_start(), [.., b'a' | b'i' | b'c', b'\\'])
}

impl Parser<'_> {
    pub(super) fn fail(&self, message: &str) -> ! {
        let place = match &self.origin {
            Origin::Expression(number) => {
                format!("-e expression #{number}, char {}: {message}", self.at)
            }
            Origin::File(path) => format!("file {path} line {}: {message}", self.line),
        };
        program::die(1, &[place.as_bytes()])
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        if let Some(byte) = byte {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
            }
        }
        byte
    }

    pub(super) fn back(&mut self, byte: Option<u8>) {
        if byte.is_some() {
            self.at -= 1;
            if byte == Some(b'\n') {
                self.line -= 1;
            }
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self
            .peek()
            .is_some_and(|byte| byte != b'\n' && byte.is_ascii_whitespace())
        {
            self.next();
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        let mut value = 0u64;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            value = value
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'));
            self.next();
        }
        value
    }

    /// Reads one command; false at the end.
    fn command(&mut self, script: &mut Script, open: &mut Open) -> bool {
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_whitespace() || byte == b';')
        {
            self.next();
        }
        let Some(byte) = self.peek() else {
            return false;
        };
        if byte == b'#' {
            while self.next().is_some_and(|byte| byte != b'\n') {}
            return true;
        }
        let (first, second) = self.addresses();
        self.skip_blanks();
        let mut negated = false;
        while self.peek() == Some(b'!') {
            self.next();
            if negated {
                self.fail("multiple `!'s");
            }
            negated = true;
            self.skip_blanks();
        }
        let Some(letter) = self.next() else {
            self.fail("missing command")
        };
        let index = script.commands.len();
        let count = usize::from(first.is_some()) + usize::from(second.is_some());
        if count > 1 && b"=aFiqQrRz".contains(&letter) && b"qQ".contains(&letter) {
            self.fail("command only uses one address");
        }
        if count > 0 && letter == b':' {
            self.fail(": doesn't want any addresses");
        }
        let action = match letter {
            b'{' => {
                open.blocks.push((index, self.origin.clone(), self.line));
                Action::Block(0)
            }
            b'}' => {
                let Some((start, ..)) = open.blocks.pop() else {
                    self.fail("unexpected `}'")
                };
                if count > 0 {
                    self.fail("} doesn't want any addresses");
                }
                if let Some(command) = script.commands.get_mut(start) {
                    command.action = Action::Block(index);
                }
                self.end();
                Action::EndBlock
            }
            b':' => {
                let label = self.label();
                if label.is_empty() {
                    self.fail("\":\" lacks a label");
                }
                open.labels.insert(label, index);
                Action::Label
            }
            b'a' | b'i' | b'c' => {
                let text = self.text_argument();
                match letter {
                    b'a' => Action::Append(text),
                    b'i' => Action::Insert(text),
                    _ => Action::Change(text),
                }
            }
            b'b' | b't' | b'T' => {
                let label = self.label();
                open.branches.push((index, label));
                match letter {
                    b'b' => Action::Branch(0),
                    b't' => Action::BranchIf(0),
                    _ => Action::BranchUnless(0),
                }
            }
            b's' => self.substitute(script),
            b'y' => self.translate(),
            b'r' => {
                let name = self.file_name();
                Action::ReadFile(name)
            }
            b'R' => {
                let name = self.file_name();
                Action::ReadLine(number_of(&mut script.read, name))
            }
            b'w' | b'W' => {
                let name = self.file_name();
                let number = number_of(&mut script.written, name);
                if letter == b'w' {
                    Action::WriteFile(number)
                } else {
                    Action::WriteFirst(number)
                }
            }
            b'q' | b'Q' | b'l' | b'L' => {
                self.skip_blanks();
                let number = self
                    .peek()
                    .is_some_and(|it| it.is_ascii_digit())
                    .then(|| self.number());
                self.end();
                let code = number.unwrap_or(0) as u8;
                match letter {
                    b'q' => Action::Quit(code),
                    b'Q' => Action::QuitSilently(code),
                    b'l' => Action::List(number.map(|number| number as usize)),
                    _ => self.fail("unknown command: `L'"),
                }
            }
            b'v' => {
                self.label();
                Action::Nothing
            }
            b'e' => program::refuse("the command e"),
            b'#' if count > 0 => self.fail("comments don't accept any addresses"),
            _ => {
                let action = match letter {
                    b'=' => Action::LineNumber,
                    b'd' => Action::Delete,
                    b'D' => Action::DeleteFirst,
                    b'F' => Action::FileName,
                    b'g' => Action::Get,
                    b'G' => Action::GetAppend,
                    b'h' => Action::Hold,
                    b'H' => Action::HoldAppend,
                    b'x' => Action::Exchange,
                    b'n' => Action::Next,
                    b'N' => Action::NextAppend,
                    b'p' => Action::Print,
                    b'P' => Action::PrintFirst,
                    b'z' => Action::Zap,
                    b'\n' | b';' => self.fail("missing command"),
                    other => self.fail(&format!("unknown command: `{}'", char::from(other))),
                };
                self.end();
                action
            }
        };
        script.commands.push(Command {
            first,
            second,
            negated,
            action,
        });
        true
    }

    /// Nothing may follow a command but its end.
    pub(super) fn end(&mut self) {
        self.skip_blanks();
        match self.next() {
            None | Some(b'\n' | b';') => {}
            Some(byte @ (b'}' | b'#')) => self.back(Some(byte)),
            Some(_) => self.fail("extra characters after command"),
        }
    }

    fn addresses(&mut self) -> (Option<Address>, Option<Address>) {
        let Some(mut first) = self.address() else {
            return (None, None);
        };
        self.skip_blanks();
        if self.peek() != Some(b',') {
            if matches!(first, Address::Line(0)) {
                self.next();
                self.fail("invalid usage of line address 0");
            }
            return (Some(first), None);
        }
        self.next();
        self.skip_blanks();
        let second = match self.peek() {
            Some(sign @ (b'+' | b'~')) => {
                self.next();
                if !self.peek().is_some_and(|it| it.is_ascii_digit()) {
                    self.fail("expected number");
                }
                let number = self.number();
                Some(if sign == b'+' {
                    Address::Plus(number)
                } else {
                    Address::Multiple(number)
                })
            }
            _ => self.address(),
        };
        let Some(second) = second else {
            self.next();
            self.fail("unexpected `,'")
        };
        if matches!(first, Address::Line(0)) {
            if !matches!(second, Address::Match(_)) {
                self.fail("invalid usage of line address 0");
            }
            first = Address::Zero;
        }
        (Some(first), Some(second))
    }

    fn address(&mut self) -> Option<Address> {
        match self.peek()? {
            b'$' => {
                self.next();
                Some(Address::Last)
            }
            b'0'..=b'9' => {
                let first = self.number();
                self.skip_blanks();
                if self.peek() == Some(b'~') {
                    self.next();
                    self.skip_blanks();
                    let step = self.number();
                    return Some(if step > 0 {
                        Address::Step(first, step)
                    } else {
                        Address::Line(first)
                    });
                }
                Some(Address::Line(first))
            }
            byte @ (b'/' | b'\\') => {
                self.next();
                let slash = if byte == b'\\' {
                    match self.next() {
                        Some(slash) if slash != b'\n' && slash != b'\\' => slash,
                        _ => self.fail("unexpected `,'"),
                    }
                } else {
                    byte
                };
                let Some(pattern) = self.delimited(slash, true) else {
                    self.fail("unterminated address regex");
                };
                let (mut ignore_case, mut multiline) = (false, false);
                loop {
                    match self.peek() {
                        Some(b'I') => ignore_case = true,
                        Some(b'M') => multiline = true,
                        _ => break,
                    }
                    self.next();
                }
                Some(Address::Match(self.regex(&pattern, ignore_case, multiline)))
            }
            _ => None,
        }
    }

    /// Text up to an unescaped delimiter. An escaped one loses its backslash.
    pub(super) fn delimited(&mut self, slash: u8, regex: bool) -> Option<BString> {
        let mut out = BString::default();
        let mut bracket = Bracket::default();
        loop {
            let byte = self.next()?;
            if byte == slash && !bracket.inside() {
                return Some(out);
            }
            if regex {
                bracket.see(byte);
            }
            if byte == b'\n' {
                self.back(Some(byte));
                return None;
            }
            if byte == b'\\' && !bracket.inside() {
                let next = self.next()?;
                if next == slash && (next != b'&' || regex) {
                    // A delimiter that means something in a pattern means itself there.
                    if regex
                        && b"*.[]^$+?(){}|".contains(&next)
                        && special_if_bare(next, self.extended)
                    {
                        out.push(b'\\');
                    }
                    out.push(next);
                } else if regex && matches!(next, b'n' | b'\n') {
                    out.push(b'\n');
                } else {
                    out.push(b'\\');
                    out.push(next);
                }
                continue;
            }
            out.push(byte);
        }
    }

    pub(super) fn regex(
        &self,
        pattern: &[u8],
        ignore_case: bool,
        multiline: bool,
    ) -> Option<Regex> {
        if pattern.is_empty() {
            if ignore_case || multiline {
                self.fail("no previous regular expression");
            }
            return None;
        }
        let syntax = Syntax {
            extended: self.extended,
            ignore_case,
            multiline,
            ..Syntax::default()
        };
        match Regex::new(&escapes(pattern, true), syntax) {
            Ok(regex) => Some(regex),
            Err(message) => self.fail(message),
        }
    }

    fn label(&mut self) -> BString {
        self.skip_blanks();
        let mut label = BString::default();
        while let Some(byte) = self.next() {
            if byte == b'\n' || byte == b';' {
                break;
            }
            if byte.is_ascii_whitespace() {
                self.back(Some(byte));
                self.end();
                break;
            }
            label.push(byte);
        }
        label
    }

    pub(super) fn file_name(&mut self) -> BString {
        self.skip_blanks();
        let mut name = BString::default();
        while let Some(byte) = self.next() {
            if byte == b'\n' {
                break;
            }
            name.push(byte);
        }
        if name.is_empty() {
            self.fail("missing filename in r/R/w/W commands");
        }
        name
    }

    /// The text of `a`, `i` and `c`.
    fn text_argument(&mut self) -> BString {
        self.skip_blanks();
        if self.peek().is_none() {
            self.fail("expected \\ after `a', `c' or `i'");
        }
        if self.peek() == Some(b'\\') {
            self.next();
            match self.peek() {
                Some(b'\n') => {
                    self.next();
                }
                None => self.fail("expected \\ after `a', `c' or `i'"),
                // `a\text`: the backslash keeps the blanks.
                _ => {}
            }
        }
        let mut text = BString::default();
        loop {
            match self.next() {
                None | Some(b'\n') => break,
                Some(b'\\') => match self.next() {
                    Some(b'\n') => text.push(b'\n'),
                    Some(byte) => {
                        text.push(b'\\');
                        text.push(byte);
                    }
                    None => break,
                },
                Some(byte) => text.push(byte),
            }
        }
        let mut text = plain_escapes(&text);
        text.push(b'\n');
        text
    }
}

/// Number of a file name in a list, added if new.
pub(super) fn number_of(names: &mut Vec<BString>, name: BString) -> usize {
    match names.iter().position(|it| *it == name) {
        Some(at) => at,
        None => {
            names.push(name);
            names.len() - 1
        }
    }
}
