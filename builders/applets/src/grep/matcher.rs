//! What a line is compared with.

use crate::regex::{Cache, Edges, Regex, Syntax};
use crate::shared::options::Parsed;
use crate::shared::program;
use bstr::{BString, ByteSlice};

/// The language of the patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Basic,
    Extended,
    Fixed,
    Perl,
}

/// Compiled patterns.
pub enum Matcher {
    /// No pattern: nothing matches.
    Nothing,
    Posix(Box<Regex>, Cache),
    Perl(Box<fancy_regex::Regex>),
}

impl Matcher {
    pub fn new(patterns: &[BString], language: Language, parsed: &Parsed) -> Matcher {
        if patterns.is_empty() {
            return Matcher::Nothing;
        }
        let ignore_case = parsed.has('i') || parsed.has('y');
        let edges = match (parsed.has('x'), parsed.has('w')) {
            (true, _) => Edges::Lines,
            (_, true) => Edges::Words,
            _ => Edges::Any,
        };
        if language == Language::Perl {
            return Matcher::perl(patterns, ignore_case, edges);
        }
        let extended = language == Language::Extended;
        let syntax = Syntax {
            extended,
            ignore_case,
            lenient: true,
            ..Syntax::default()
        };
        let fixed = language == Language::Fixed;
        if !fixed {
            patterns.iter().for_each(|pattern| check(pattern, extended));
        }
        match Regex::any(patterns, syntax, fixed, edges) {
            Ok(regex) => Matcher::Posix(Box::new(regex), Cache::default()),
            Err(message) if message.starts_with("back-references") => program::refuse(message),
            Err(message) => program::die(2, &[message.as_bytes()]),
        }
    }

    fn perl(patterns: &[BString], ignore_case: bool, edges: Edges) -> Matcher {
        let [pattern] = patterns else {
            program::die(2, &[b"the -P option only supports a single pattern"]);
        };
        if !pattern.is_ascii() {
            program::refuse("-P with a pattern that is not ASCII");
        }
        let flags = if ignore_case { "(?i)" } else { "" };
        let pattern = pattern.to_str_lossy();
        let pattern = match edges {
            Edges::Any => format!("{flags}{pattern}"),
            Edges::Words => format!("{flags}(?<!\\w)(?:{pattern})(?!\\w)"),
            Edges::Lines => format!("{flags}^(?:{pattern})$"),
        };
        match fancy_regex::Regex::new(&pattern) {
            Ok(regex) => Matcher::Perl(Box::new(regex)),
            Err(error) => program::refuse(&format!("the Perl expression '{pattern}': {error}")),
        }
    }

    /// Does the line (without its end) match?
    pub fn is_match(&mut self, line: &[u8]) -> bool {
        match self {
            Matcher::Nothing => false,
            Matcher::Posix(regex, cache) => regex.is_match(cache, line),
            Matcher::Perl(regex) => match regex.is_match(as_text(line).as_ref()) {
                Ok(found) => found,
                Err(error) => program::refuse(&format!("a Perl expression: {error}")),
            },
        }
    }

    /// The first match from `from`.
    pub fn find(&mut self, line: &[u8], from: usize) -> Option<(usize, usize)> {
        match self {
            Matcher::Nothing => None,
            Matcher::Posix(regex, cache) => regex.find(cache, line, from),
            Matcher::Perl(regex) => {
                if !line.is_ascii() {
                    program::refuse("-P and -o with a line that is not ASCII");
                }
                match regex.find_from_pos(as_text(line).as_ref(), from) {
                    Ok(found) => found.map(|found| (found.start(), found.end())),
                    Err(error) => program::refuse(&format!("a Perl expression: {error}")),
                }
            }
        }
    }
}

/// Bytes beyond ASCII as characters that are neither letters nor spaces, as in the C locale.
fn as_text(line: &[u8]) -> std::borrow::Cow<'_, str> {
    match line.to_str() {
        Ok(text) if text.is_ascii() => text.into(),
        _ => line
            .iter()
            .map(|byte| match byte {
                0..0x80 => char::from(*byte),
                _ => char::from_u32(0xe000 + u32::from(*byte)).unwrap_or('\u{e000}'),
            })
            .collect::<String>()
            .into(),
    }
}

/// grep 3.8 warns of escapes and repetitions that mean nothing; those patterns are refused.
fn check(pattern: &[u8], extended: bool) {
    let mut rest = pattern;
    let mut start = true;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => {
                let Some((next, after)) = rest.split_first() else {
                    return;
                };
                rest = after;
                let known = b"|(){}+?".contains(next);
                if !(known || b".[]*^$\\/-wWsSbB<>`'123456789".contains(next)) {
                    program::refuse(&format!("a stray \\ before '{}'", char::from(*next)));
                }
                start = !extended && (*next == b'(' || *next == b'|');
                if b"<>bB`'".contains(next) {
                    unrepeated(rest, extended);
                }
            }
            b'[' => {
                // A bracket expression: to its end.
                let inner = rest.strip_prefix(b"^").unwrap_or(rest);
                let from = usize::from(inner.first() == Some(&b']'));
                let mut at = from;
                while let Some(byte) = inner.get(at) {
                    if *byte == b']' {
                        break;
                    }
                    if *byte == b'[' && inner.get(at + 1).is_some_and(|it| b":.=".contains(it)) {
                        let kind = inner.get(at + 1).copied().unwrap_or(b':');
                        at += 2;
                        while at + 1 < inner.len()
                            && !(inner.get(at) == Some(&kind) && inner.get(at + 1) == Some(&b']'))
                        {
                            at += 1;
                        }
                        at += 1;
                    }
                    at += 1;
                }
                rest = inner.get(at + 1..).unwrap_or_default();
                start = false;
            }
            b'*' | b'+' | b'?' | b'{' if extended && start => {
                program::refuse("a repetition at the start of an expression");
            }
            b'(' | b'|' if extended => start = true,
            b'^' if start => {}
            b'$' if extended => {
                unrepeated(rest, extended);
                start = false;
            }
            _ => start = false,
        }
    }
}

/// Refuses a repetition of what matches no text: the two matchers of grep do not agree on it.
fn unrepeated(rest: &[u8], extended: bool) {
    let repeats = match rest {
        [b'*', ..] => true,
        [b'+' | b'?' | b'{', ..] => extended,
        [b'\\', b'+' | b'?' | b'{', ..] => !extended,
        _ => false,
    };
    if repeats {
        program::refuse("a repetition of what matches no text");
    }
}
