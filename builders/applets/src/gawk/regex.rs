//! awk's regular expressions in terms of glibc's.
//!
//! Counterpart: gawk's `re.c` (`make_regexp`).

use crate::shared::program;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasibuild_posix_regex::{Cache, Captures, Class, Regex, Syntax};

/// Most compiled patterns that are kept.
const MOST: usize = 500;

/// Compiled patterns by their text.
#[derive(Default)]
pub struct Patterns {
    known: BTreeMap<Vec<u8>, Rc<Regex>>,
    cache: Cache,
}

impl Patterns {
    /// The compiled pattern.
    pub fn get(&mut self, pattern: &[u8]) -> Rc<Regex> {
        if let Some(found) = self.known.get(pattern) {
            return found.clone();
        }
        let syntax = Syntax {
            extended: true,
            lenient: true,
            ..Syntax::default()
        };
        let shown = String::from_utf8_lossy(pattern).into_owned();
        match Regex::new(&translate(pattern), syntax) {
            Ok(regex) => {
                if self.known.len() >= MOST {
                    self.known.clear();
                }
                let regex = Rc::new(regex);
                self.known.insert(pattern.to_vec(), regex.clone());
                regex
            }
            Err(error) => program::refuse(&format!("the regular expression '{shown}': {error}")),
        }
    }

    /// Does the text match?
    pub fn is_match(&mut self, pattern: &[u8], text: &[u8]) -> bool {
        let regex = self.get(pattern);
        settle(regex.is_match(&mut self.cache, text))
    }

    /// The leftmost longest match from a place.
    pub fn find(&mut self, regex: &Regex, text: &[u8], from: usize) -> Option<(usize, usize)> {
        settle(regex.find(&mut self.cache, text, from))
    }

    /// The same with its groups.
    pub fn search(&mut self, regex: &Regex, text: &[u8], from: usize) -> Option<Captures> {
        settle(regex.search(&mut self.cache, text, from))
    }
}

fn settle<T>(result: Result<T, wasibuild_posix_regex::Limit>) -> T {
    match result {
        Ok(found) => found,
        Err(_) => program::refuse("a regular expression that takes too long"),
    }
}

/// Rewrites escapes, which awk also has in sets.
fn translate(pattern: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    let byte = |at: usize| pattern.get(at).copied();
    while let Some(found) = byte(at) {
        at += 1;
        match found {
            b'[' => at = set(pattern, at, &mut out),
            b'\\' => {
                let Some(letter) = byte(at) else {
                    program::refuse("a regular expression that ends in a backslash");
                };
                at += 1;
                match letter {
                    b'y' => out.extend(b"\\b"),
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'r' => out.push(b'\r'),
                    b'f' => out.push(12),
                    b'v' => out.push(11),
                    b'a' => out.push(7),
                    b'b' => out.push(8),
                    b'/' | b'"' | b'&' | b'-' | b':' | b',' | b'=' | b'@' | b'%' | b'#' | b'~'
                    | b'!' | b';' | b' ' | b'_' => out.push(letter),
                    b'0'..=b'7' => {
                        let mut value = u32::from(letter - b'0');
                        for _ in 0..2 {
                            match byte(at) {
                                Some(digit @ b'0'..=b'7') => {
                                    value = value * 8 + u32::from(digit - b'0');
                                    at += 1;
                                }
                                _ => break,
                            }
                        }
                        literal((value & 0xff) as u8, &mut out);
                    }
                    b'B' | b'<' | b'>' | b'w' | b'W' | b's' | b'S' | b'`' | b'\'' | b'.' | b'['
                    | b']' | b'(' | b')' | b'*' | b'+' | b'?' | b'{' | b'}' | b'|' | b'^'
                    | b'$' | b'\\' => out.extend([b'\\', letter]),
                    _ => program::refuse(&format!(
                        "the escape '\\{}' in a regular expression",
                        char::from(letter)
                    )),
                }
            }
            other => out.push(other),
        }
    }
    out
}

fn literal(byte: u8, out: &mut Vec<u8>) {
    if b".[]()*+?{}|^$\\".contains(&byte) {
        out.push(b'\\');
    }
    out.push(byte);
}

/// A set, from behind its `[`; gives the place behind its `]`.
fn set(pattern: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
    let byte = |at: usize| pattern.get(at).copied();
    let mut members = [false; 256];
    let negated = byte(at) == Some(b'^');
    at += usize::from(negated);
    let start = at;
    // The byte that may start a range.
    let mut last: Option<u8> = None;
    loop {
        let Some(found) = byte(at) else {
            program::refuse("a set without end in a regular expression");
        };
        at += 1;
        let member = match found {
            b']' if at > start + 1 => break,
            b'[' if byte(at) == Some(b':') => {
                let rest = pattern.get(at + 1..).unwrap_or_default();
                let Some(end) = rest.windows(2).position(|it| it == b":]") else {
                    program::refuse("a class without end in a regular expression");
                };
                let name = rest.get(..end).unwrap_or_default();
                match Class::named(name) {
                    Some(class) => (0..=255u8)
                        .filter(|it| class.contains(u32::from(*it)))
                        .for_each(|it| members[usize::from(it)] = true),
                    None => program::refuse("an unknown class in a regular expression"),
                }
                at += end + 3;
                last = None;
                continue;
            }
            b'[' if matches!(byte(at), Some(b'.' | b'=')) => {
                program::refuse("a collating element in a regular expression")
            }
            b'-' if last.is_some() && byte(at) != Some(b']') => {
                let (end, after) = member_at(pattern, at);
                at = after;
                let from = last.take().unwrap_or(end);
                if from > end {
                    program::refuse("a range that ends before its start");
                }
                (from..=end).for_each(|it| members[usize::from(it)] = true);
                continue;
            }
            b'\\' => {
                let (found, after) = member_at(pattern, at - 1);
                at = after;
                found
            }
            other => other,
        };
        members[usize::from(member)] = true;
        last = Some(member);
    }
    write_set(&members, negated, out);
    at
}

/// A member of a set at this place, and the place behind it.
fn member_at(pattern: &[u8], at: usize) -> (u8, usize) {
    let byte = |at: usize| pattern.get(at).copied();
    match (byte(at), byte(at + 1)) {
        (Some(b'\\'), Some(letter)) => {
            let value = match letter {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'f' => 12,
                b'v' => 11,
                b'a' => 7,
                b'b' => 8,
                b'0'..=b'7' => {
                    let digits = pattern.get(at + 1..).unwrap_or_default();
                    let digits = digits
                        .iter()
                        .take(3)
                        .take_while(|it| (b'0'..=b'7').contains(it));
                    let (mut value, mut count) = (0u32, 0);
                    for digit in digits {
                        value = value * 8 + u32::from(digit - b'0');
                        count += 1;
                    }
                    return ((value & 0xff) as u8, at + 1 + count);
                }
                letter if letter.is_ascii_alphanumeric() => {
                    program::refuse("an escape in a set of a regular expression")
                }
                letter => letter,
            };
            (value, at + 2)
        }
        (Some(b'['), Some(b':' | b'.' | b'=')) => {
            program::refuse("a range to a class in a regular expression")
        }
        (Some(plain), _) => (plain, at + 1),
        (None, _) => program::refuse("a set without end in a regular expression"),
    }
}

/// The set as POSIX writes it: `]` first, `^` not first, `-` last.
fn write_set(members: &[bool; 256], negated: bool, out: &mut Vec<u8>) {
    let has = |byte: u8| members[usize::from(byte)];
    let special = b"]^-[";
    let plain: Vec<u8> = (0..=255u8)
        .filter(|it| has(*it) && !special.contains(it))
        .collect();
    if !negated && plain.is_empty() && special.iter().filter(|it| has(**it)).count() == 1 {
        let only = special.iter().copied().find(|it| has(*it)).unwrap_or(b'-');
        literal(only, out);
        return;
    }
    out.push(b'[');
    if negated {
        out.push(b'^');
    }
    if has(b']') {
        out.push(b']');
    }
    out.extend(&plain);
    if has(b'[') {
        out.push(b'[');
    }
    if has(b'^') {
        // Behind something, or a set of `^` and `-` alone.
        let first = out.last() == Some(&b'[') && !has(b'[');
        if first && !negated {
            out.extend(b"-^]");
            return;
        }
        out.push(b'^');
    }
    if has(b'-') {
        out.push(b'-');
    }
    out.push(b']');
}
