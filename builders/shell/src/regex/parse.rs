//! The grammar of extended regular expressions (POSIX XBD 9.4), with glibc's `\w \W \s \S \b \B
//! \< \>` and its leniency (`a|*b` is an error, `{` that is no bound is a character).

use super::{Assertion, Node};
use crate::pattern::char_at;
use crate::pattern::set::Set;

const MAX_DEPTH: u32 = 100;
const MAX_REPEAT: u32 = 32767;

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    groups: usize,
    depth: u32,
    utf8: bool,
}

/// Parses an expression; gives the tree and the number of groups.
pub fn parse(text: &[u8], utf8: bool) -> Result<(Node, usize), &'static str> {
    let mut p = Parser {
        text,
        at: 0,
        groups: 0,
        depth: 0,
        utf8,
    };
    let node = p.alternate()?;
    if p.at < p.text.len() {
        return Err("Unmatched ( or \\(");
    }
    Ok((node, p.groups))
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn alternate(&mut self) -> Result<Node, &'static str> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("Regular expression too big");
        }
        let mut branches = vec![self.concat()?];
        while self.peek() == Some(b'|') {
            self.at += 1;
            branches.push(self.concat()?);
        }
        self.depth -= 1;
        Ok(match branches.pop() {
            Some(only) if branches.is_empty() => only,
            Some(last) => {
                branches.push(last);
                Node::Alternate(branches)
            }
            None => Node::Empty,
        })
    }

    fn concat(&mut self) -> Result<Node, &'static str> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                b'|' => break,
                b')' if self.depth > 1 => break,
                b'*' | b'+' | b'?' if nodes.is_empty() => {
                    return Err("Invalid preceding regular expression");
                }
                b'{' if nodes.is_empty() => {
                    return Err("Invalid preceding regular expression");
                }
                _ => {}
            }
            let atom = self.atom()?;
            nodes.push(self.repeats(atom)?);
        }
        Ok(Node::Concat(nodes))
    }

    fn repeats(&mut self, mut node: Node) -> Result<Node, &'static str> {
        loop {
            let (min, max) = match self.peek() {
                Some(b'*') => (0, None),
                Some(b'+') => (1, None),
                Some(b'?') => (0, Some(1)),
                Some(b'{') => {
                    let Some((min, max, len)) = self.bound() else {
                        return Ok(node);
                    };
                    if max.is_some_and(|max| min > max) {
                        return Err("Invalid content of \\{\\}");
                    }
                    if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT) {
                        return Err("Regular expression too big");
                    }
                    self.at += len - 1;
                    (min, max)
                }
                _ => return Ok(node),
            };
            self.at += 1;
            node = Node::Repeat(Box::new(node), min, max);
        }
    }

    /// `{m}`, `{m,}`, `{,n}`, `{m,n}` at the current position, and its length.
    fn bound(&self) -> Option<(u32, Option<u32>, usize)> {
        let rest = self.text.get(self.at + 1..)?;
        let end = rest.iter().position(|c| *c == b'}')?;
        let inner = std::str::from_utf8(rest.get(..end)?).ok()?;
        let number = |s: &str| {
            if s.bytes().all(|c| c.is_ascii_digit()) {
                s.parse::<u32>().ok()
            } else {
                None
            }
        };
        let (min, max) = match inner.split_once(',') {
            None => {
                let n = number(inner)?;
                (n, Some(n))
            }
            Some((min, "")) => (number(min)?, None),
            Some(("", max)) => (0, Some(number(max)?)),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        Some((min, max, end + 2))
    }

    fn atom(&mut self) -> Result<Node, &'static str> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some((c, len)) = char_at(rest, self.utf8) else {
            return Ok(Node::Empty);
        };
        self.at += len;
        Ok(match u8::try_from(c).unwrap_or(0) {
            b'^' => Node::Assert(Assertion::Start),
            b'$' => Node::Assert(Assertion::End),
            b'.' => Node::Any,
            b'[' => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let Some((set, len)) = Set::parse(rest, self.utf8, false) else {
                    return Err("Unmatched [, [^, [:, [., or [=");
                };
                self.at += len;
                Node::Set(set)
            }
            b'(' => {
                self.groups += 1;
                let n = self.groups;
                let inner = self.alternate()?;
                if self.peek() != Some(b')') {
                    return Err("Unmatched ( or \\(");
                }
                self.at += 1;
                Node::Group(n, Box::new(inner))
            }
            b'\\' => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let Some((c, len)) = char_at(rest, self.utf8) else {
                    return Err("Trailing backslash");
                };
                self.at += len;
                let class = |text: &[u8]| {
                    Set::parse(text, false, false).map_or(Node::Empty, |(set, _)| Node::Set(set))
                };
                match u8::try_from(c).unwrap_or(0) {
                    b'w' => class(b"_[:alnum:]]"),
                    b'W' => class(b"^_[:alnum:]]"),
                    b's' => class(b"[:space:]]"),
                    b'S' => class(b"^[:space:]]"),
                    b'b' => Node::Assert(Assertion::WordBoundary),
                    b'B' => Node::Assert(Assertion::NotWordBoundary),
                    b'<' => Node::Assert(Assertion::WordStart),
                    b'>' => Node::Assert(Assertion::WordEnd),
                    b'`' => Node::Assert(Assertion::Start),
                    b'\'' => Node::Assert(Assertion::End),
                    b'1'..=b'9' => return Err("Invalid back reference"),
                    _ => Node::Char(c),
                }
            }
            _ => Node::Char(c),
        })
    }
}
