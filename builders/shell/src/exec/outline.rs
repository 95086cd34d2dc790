//! The outline of a script: where its functions are. A configuration's derivations all source the same
//! setup script, and each calls a few of its hundred functions. With the outline a function is
//! defined without reading its body, which is parsed when it is first called, as in another
//! instance ([`super::image`]).
//!
//! Contract: an outline is what parsing the text gives, and follows from the text and the parser's flags
//! alone; it is used only for the same text under the same flags, so that what runs is the same
//! with and without it. It is made by another instance of the shell, which sees nothing but the text,
//! and the host keeps it for all builds ([`sys::derive`], `docs/abi.md`).

use std::rc::Rc;

use crate::state::Shell;
use crate::state::fds::Desc;
use crate::syntax::ast::{AndOr, Command, Item, Kind, List, Pipeline, Place, Source, Unit};
use crate::syntax::{Flags, Parser};
use crate::sys;

/// First argument of an instance that makes an outline of its standard input; the second is the
/// parser's flags in decimal.
pub const OUTLINE_FLAG: &[u8] = b"--wasibuild-outline";

/// Shorter texts are parsed as they are: asking takes longer. A program for debugging takes none for short, so that tests see
/// outlines everywhere.
const LEAST: usize = if cfg!(debug_assertions) { 1 } else { 768 };
/// How often flags may change within a source until it is parsed as it is.
const MOST: u32 = 4;

/// A command line that is the definition of a function and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Definition {
    /// Where the command line begins and ends, from where the outline begins.
    start: usize,
    end: usize,
    /// Numbers of the lines at these places, the first being 0.
    line: u32,
    end_line: u32,
    /// Line of the command, and number of the body.
    command_line: u32,
    body: u32,
    name: Vec<u8>,
}

/// The functions of a source, while it runs.
#[derive(Debug, Default)]
pub struct Outline {
    definitions: Vec<Definition>,
    /// Where it begins in the source, and the line there.
    start: usize,
    line: u32,
    flags: Flags,
    /// How often it was made.
    made: u32,
}

/// Makes an outline of the text.
pub fn make(text: &[u8], flags: Flags) -> Vec<u8> {
    let source = Rc::new(Source {
        name: Rc::default(),
        text: text.into(),
    });
    let mut out = Vec::new();
    let mut parser = Parser::new(text, source, 0, 0, flags);
    // An error ends it: who runs the script comes to it by itself.
    while let Ok(Some(unit)) = parser.next_unit() {
        let warned = !std::mem::take(&mut parser.warnings).is_empty();
        let Some((command, name, body)) = definition(&unit).filter(|_| !warned) else {
            continue;
        };
        let numbers = [
            unit.place.start,
            unit.place.end,
            unit.place.line as usize,
            parser.line() as usize,
            command.line as usize,
            body.id as usize,
            name.len(),
        ];
        for number in numbers {
            let Ok(number) = u32::try_from(number) else {
                return out;
            };
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(name);
    }
    out
}

/// The definition that a unit is, if it is nothing else.
fn definition(unit: &Unit) -> Option<(&Rc<Command>, &Vec<u8>, &Rc<Command>)> {
    let [item] = unit.list.items.as_slice() else {
        return None;
    };
    let first = &item.and_or.first;
    let plain =
        !item.background && item.and_or.rest.is_empty() && !first.negated && first.timed.is_none();
    let [command] = first.commands.as_slice() else {
        return None;
    };
    match &command.kind {
        Kind::Function { name, body } if plain && command.redirects.is_empty() => {
            Some((command, name, body))
        }
        _ => None,
    }
}

/// Reads what [`make`] wrote; `None` if it is something else.
fn read(mut bytes: &[u8]) -> Option<Vec<Definition>> {
    let mut definitions = Vec::new();
    while !bytes.is_empty() {
        let mut number = || {
            let (head, rest) = bytes.split_first_chunk::<4>()?;
            bytes = rest;
            Some(u32::from_le_bytes(*head))
        };
        let (start, end) = (number()? as usize, number()? as usize);
        let (line, end_line, command_line) = (number()?, number()?, number()?);
        let (body, length) = (number()?, number()? as usize);
        let (name, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        definitions.push(Definition {
            start,
            end,
            line,
            end_line,
            command_line,
            body,
            name: name.to_vec(),
        });
    }
    Some(definitions)
}

/// Does a function seem to be defined here?
fn looks_like_definition(text: &[u8]) -> bool {
    let line = text.split(|c| *c == b'\n').next().unwrap_or_default();
    line.starts_with(b"function ") || line.windows(2).any(|pair| pair == b"()")
}

impl Outline {
    /// The next command line of a source, without its body if it defines a function. `None`: it is to be
    /// parsed.
    pub fn next(
        &mut self,
        parser: &mut Parser,
        source: &Rc<Source>,
        flags: Flags,
    ) -> Option<Rc<Unit>> {
        let at = parser.offset();
        let text = source.text.get(at..)?;
        if (self.made == 0 || self.flags != flags)
            && self.made < MOST
            && text.len() >= LEAST
            && looks_like_definition(text)
        {
            self.made += 1;
            self.flags = flags;
            (self.start, self.line) = (at, parser.line());
            self.definitions = sys::derive(OUTLINE_FLAG, flags.to_bits(), text)
                .and_then(|bytes| read(&bytes))
                .unwrap_or_default();
        }
        if self.flags != flags {
            return None;
        }
        let from = at.checked_sub(self.start)?;
        let found = self.definitions.binary_search_by_key(&from, |it| it.start);
        let found = self.definitions.get(found.ok()?)?;
        let place = Place {
            source: source.clone(),
            start: at,
            end: self.start + found.end,
            line: self.line + found.line,
            flags: flags.to_bits(),
        };
        parser.skip_to(place.end, self.line + found.end_line);
        let command = Command {
            id: 0,
            line: self.line + found.command_line,
            kind: Kind::FunctionAt {
                name: found.name.clone(),
                body: found.body,
            },
            redirects: Vec::new(),
        };
        let and_or = AndOr {
            first: Pipeline {
                negated: false,
                timed: None,
                commands: vec![Rc::new(command)],
            },
            rest: Vec::new(),
            id: 0,
        };
        let item = Item {
            and_or: Rc::new(and_or),
            background: false,
        };
        let list = List { items: vec![item] };
        Some(Rc::new(Unit { place, list }))
    }
}

impl Shell {
    /// What an instance does that is to make an outline.
    pub fn run_outline(&mut self, flags: &[u8]) -> i32 {
        let flags = crate::arith::parse_decimal(flags).and_then(|bits| u8::try_from(bits).ok());
        let text = self.st.fds.get(0).cloned();
        let text = text.and_then(|desc: Rc<Desc>| desc.read_to_end().ok());
        let (Some(flags), Some(text)) = (flags, text) else {
            return 254;
        };
        let outline = make(&text, Flags::from_bits(flags));
        i32::from(self.st.fds.write(1, &outline).is_err())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: Flags = Flags {
        extglob: true,
        posix: false,
        utf8: false,
    };

    #[test]
    fn functions_are_found_with_their_places() {
        let text = b"# setup\na() { :; }\nx=1; b() { :; }\n\nfunction c {\n  cat <<E\n}\nE\n} >out\nd() (:) &\n! e() { :; }\nf() { :; }; g() { :; }\nh() { cat <<E\nx\n";
        let found = read(&make(text, FLAGS)).expect("an outline");
        let names: Vec<&[u8]> = found.iter().map(|it| it.name.as_slice()).collect();
        assert_eq!(names, [b"a", b"c"], "{found:?}");
        let c = &found[1];
        let end = text.get(..c.end).expect("the end");
        assert!(end.ends_with(b"} >out\n"));
        assert_eq!((c.line, c.end_line), (4, 9));
        assert_eq!(read(b"x"), None);
    }

    #[test]
    fn bodies_are_found_by_their_numbers() {
        let text = b"a() { b() { echo in; }; echo out; }\n";
        let found = read(&make(text, FLAGS)).expect("an outline");
        let source = Rc::new(Source {
            name: Rc::default(),
            text: text.as_slice().into(),
        });
        let place = Place {
            source,
            start: found[0].start,
            end: found[0].end,
            line: 1,
            flags: FLAGS.to_bits(),
        };
        let piece = Parser::find_piece(&place, found[0].body).expect("it parses");
        let Some(crate::syntax::Piece::Command(body)) = piece else {
            panic!("no body");
        };
        let text = crate::syntax::print::command_text(&body, &place.source);
        assert!(text.windows(8).any(|part| part == b"echo out"));
    }
}
