//! `--transform`: names changed by expressions like those of `sed`.
//!
//! Contract: `s/RE/TEXT/FLAGS` with the flags `g`, `i`, `x` and those that say which names are
//! meant (`r`, `R`, `s`, `S`, `h`, `H`); several stand one behind the other after `;`. Numbers of
//! matches and changes of case are refused. Counterpart: GNU tar's `transform.c`.

use crate::regex::{Cache, Regex, Syntax};
use crate::shared::program;
use bstr::{BString, ByteSlice};

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A member.
    Member,
    /// What a symbolic link points to.
    LinkTarget,
    /// The member that a hard link repeats.
    HardLink,
}

#[derive(Debug)]
enum Piece {
    Text(BString),
    Group(usize),
}

#[derive(Debug)]
struct Expression {
    regex: Regex,
    pieces: Vec<Piece>,
    global: bool,
    roles: [bool; 3],
}

/// All expressions, in order.
#[derive(Debug, Default)]
pub struct Transform {
    all: Vec<Expression>,
    cache: Cache,
}

fn wrong() -> ! {
    program::refuse("an expression of --transform that tar does not know")
}

/// Up to the next delimiter that has no backslash before it, and what is behind it.
fn part(text: &[u8], delimiter: u8) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            byte if *byte == delimiter => {
                return Some((text.get(..at)?, text.get(at + 1..)?));
            }
            _ => at += 1,
        }
    }
}

impl Transform {
    /// Adds the expressions of one option.
    pub fn add(&mut self, mut text: &[u8]) {
        loop {
            let [b's', delimiter, rest @ ..] = text else {
                wrong()
            };
            let Some((pattern, rest)) = part(rest, *delimiter) else {
                wrong()
            };
            let Some((replacement, rest)) = part(rest, *delimiter) else {
                wrong()
            };
            let (flags, next) = match rest.split_once_str(";") {
                Some((flags, next)) => (flags, Some(next)),
                None => (rest, None),
            };
            self.all
                .push(expression(pattern, replacement, flags, *delimiter));
            match next {
                Some(next) if !next.is_empty() => text = next,
                _ => return,
            }
        }
    }

    /// The name that comes of this one.
    pub fn apply(&mut self, name: &[u8], role: Role) -> BString {
        let mut name = BString::from(name);
        for expression in &self.all {
            if expression.roles[role as usize] {
                name = expression.apply(&name, &mut self.cache);
            }
        }
        name
    }
}

fn expression(pattern: &[u8], replacement: &[u8], flags: &[u8], delimiter: u8) -> Expression {
    let mut syntax = Syntax::default();
    let (mut global, mut roles) = (false, [true; 3]);
    for flag in flags {
        match flag {
            b'g' => global = true,
            b'i' => syntax.ignore_case = true,
            b'x' => syntax.extended = true,
            b'r' => roles[Role::Member as usize] = true,
            b'R' => roles[Role::Member as usize] = false,
            b's' => roles[Role::LinkTarget as usize] = true,
            b'S' => roles[Role::LinkTarget as usize] = false,
            b'h' => roles[Role::HardLink as usize] = true,
            b'H' => roles[Role::HardLink as usize] = false,
            _ => program::refuse("a flag of --transform"),
        }
    }
    if pattern.contains(&b'\\') && pattern.find([b'\\', delimiter]).is_some() {
        program::refuse("an escaped delimiter in --transform");
    }
    let Ok(regex) = Regex::new(pattern, syntax) else {
        program::refuse("a broken regular expression of --transform")
    };
    let mut pieces = Vec::new();
    let mut literal = BString::default();
    let mut rest = replacement.iter();
    while let Some(byte) = rest.next() {
        let group = match (byte, byte == &b'\\') {
            (b'&', _) => 0,
            (_, true) => match rest.next() {
                Some(digit @ b'0'..=b'9') => usize::from(digit - b'0'),
                Some(plain @ (b'\\' | b'&')) => {
                    literal.push(*plain);
                    continue;
                }
                _ => program::refuse("an escape in --transform"),
            },
            _ => {
                literal.push(*byte);
                continue;
            }
        };
        if group > regex.groups() {
            program::refuse("a group of --transform that is not there");
        }
        pieces.push(Piece::Text(std::mem::take(&mut literal)));
        pieces.push(Piece::Group(group));
    }
    pieces.push(Piece::Text(literal));
    Expression {
        regex,
        pieces,
        global,
        roles,
    }
}

impl Expression {
    fn apply(&self, name: &BString, cache: &mut Cache) -> BString {
        let mut out = BString::default();
        let mut rest: &[u8] = name;
        while !rest.is_empty() {
            // Each part counts as a whole text: `^` matches at its start.
            let Some(found) = self.regex.search(cache, rest, 0) else {
                break;
            };
            let Some(Some((start, end))) = found.first().copied() else {
                break;
            };
            out.extend_from_slice(rest.get(..start).unwrap_or_default());
            for piece in &self.pieces {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(text),
                    Piece::Group(group) => {
                        if let Some(Some((from, to))) = found.get(*group) {
                            out.extend_from_slice(rest.get(*from..*to).unwrap_or_default());
                        }
                    }
                }
            }
            rest = rest.get(end..).unwrap_or_default();
            if !self.global {
                break;
            }
            if end == 0 {
                program::refuse("a match of nothing that --transform repeats");
            }
        }
        out.extend_from_slice(rest);
        out
    }
}
