//! From a pattern's text to its tree.

use crate::set::{Set, Wide, class_of, regex_class, upper};
use crate::{Class, Syntax};

/// A place without width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    WordEdge,
    NotWordEdge,
    WordStart,
    WordEnd,
    NoWordBefore,
    NoWordAfter,
}

/// A pattern's tree.
#[derive(Clone, Debug)]
pub enum Node {
    Empty,
    Set(Set),
    Byte(u8),
    /// A character of UTF-8.
    Wide(Wide),
    Place(Place),
    Group(usize, Box<Node>),
    Concat(Vec<Node>),
    Either(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
    Back(usize),
}

pub struct Parsed {
    pub node: Node,
    pub groups: usize,
    pub has_back: bool,
}

/// Plain text.
pub fn fixed(text: &[u8]) -> Node {
    Node::Concat(text.iter().map(|byte| Node::Byte(*byte)).collect())
}

/// Any of the nodes, between such edges.
pub fn between(mut nodes: Vec<Node>, edges: super::Edges) -> Node {
    let node = match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            Node::Either(nodes)
        }
        None => Node::Empty,
    };
    let (before, after) = match edges {
        super::Edges::Any => return node,
        super::Edges::Words => (Place::NoWordBefore, Place::NoWordAfter),
        super::Edges::Lines => (Place::TextStart, Place::TextEnd),
    };
    Node::Concat(vec![Node::Place(before), node, Node::Place(after)])
}

/// Deepest nesting of groups.
const MAX_DEPTH: u32 = 200;
/// Largest number in an interval (`RE_DUP_MAX`).
const MAX_REPEAT: u32 = 32767;

const BAD_REPEAT: &str = "Invalid preceding regular expression";
const BRACKET: &str = "Unmatched [, [^, [:, [., or [=";

pub fn parse(pattern: &[u8], syntax: Syntax) -> Result<Parsed, &'static str> {
    let mut parser = Parser {
        text: pattern,
        at: 0,
        syntax,
        groups: 0,
        closed: Vec::new(),
        depth: 0,
        has_back: false,
    };
    let node = parser.either()?;
    if parser.at < pattern.len() {
        return Err("Unmatched ) or \\)");
    }
    Ok(Parsed {
        node,
        groups: parser.groups,
        has_back: parser.has_back,
    })
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    syntax: Syntax,
    groups: usize,
    /// Groups that are complete: a back-reference may name them.
    closed: Vec<usize>,
    depth: u32,
    has_back: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    End,
    Open,
    Close,
    Or,
    Star,
    Plus,
    Question,
    Brace,
    Byte(u8),
    Escaped(u8),
}

impl Parser<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    /// The next token and its length. Context (what `*`, `^` and `$` mean where) is the caller's.
    fn token(&self) -> Result<(Token, usize), &'static str> {
        let Some(byte) = self.byte(self.at) else {
            return Ok((Token::End, 0));
        };
        let extended = self.syntax.extended;
        if byte == b'\\' {
            let Some(next) = self.byte(self.at + 1) else {
                return Err("Trailing backslash");
            };
            let token = match next {
                b'(' if !extended => Token::Open,
                b')' if !extended => Token::Close,
                b'|' if !extended => Token::Or,
                b'{' if !extended => Token::Brace,
                b'+' if !extended => Token::Plus,
                b'?' if !extended => Token::Question,
                next => Token::Escaped(next),
            };
            return Ok((token, 2));
        }
        let token = match byte {
            b'(' if extended => Token::Open,
            b')' if extended => Token::Close,
            b'|' if extended => Token::Or,
            b'{' if extended => Token::Brace,
            b'+' if extended => Token::Plus,
            b'?' if extended => Token::Question,
            b'*' => Token::Star,
            byte => Token::Byte(byte),
        };
        Ok((token, 1))
    }

    fn either(&mut self) -> Result<Node, &'static str> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("Regular expression too big");
        }
        let mut branches = vec![self.branch()?];
        while self.token()?.0 == Token::Or {
            self.at += if self.syntax.extended { 1 } else { 2 };
            branches.push(self.branch()?);
        }
        self.depth -= 1;
        Ok(match branches.pop() {
            Some(only) if branches.is_empty() => only,
            Some(last) => {
                branches.push(last);
                Node::Either(branches)
            }
            None => Node::Empty,
        })
    }

    fn branch(&mut self) -> Result<Node, &'static str> {
        let mut parts = Vec::new();
        // Whether a repetition here would repeat nothing.
        let mut start = true;
        loop {
            let (token, len) = self.token()?;
            let extended = self.syntax.extended;
            let (node, repeatable) = match token {
                Token::End | Token::Or => break,
                Token::Close if self.depth > 1 => break,
                Token::Close if extended && (self.syntax.lenient || self.syntax.stray_close) => {
                    // A `)` that closes nothing is itself.
                    self.at += len;
                    (Node::Byte(b')'), true)
                }
                Token::Close => break,
                Token::Open => {
                    self.at += len;
                    self.groups += 1;
                    let number = self.groups;
                    let inner = self.either()?;
                    if self.token()?.0 != Token::Close {
                        return Err("Unmatched ( or \\(");
                    }
                    self.at += len;
                    self.closed.push(number);
                    (Node::Group(number, Box::new(inner)), true)
                }
                Token::Star if start && !extended => {
                    self.at += 1;
                    (Node::Byte(b'*'), true)
                }
                Token::Star | Token::Plus | Token::Question if start && self.syntax.lenient => {
                    if extended {
                        // grep reads past it.
                        self.at += len;
                        continue;
                    }
                    self.at += len;
                    (Node::Byte(self.byte(self.at - 1).unwrap_or(b'*')), true)
                }
                Token::Plus | Token::Question if start && !extended => {
                    self.at += len;
                    (Node::Byte(self.byte(self.at - 1).unwrap_or(b'+')), true)
                }
                Token::Star | Token::Plus | Token::Question => return Err(BAD_REPEAT),
                Token::Brace if extended && self.syntax.lenient => {
                    self.at += 1;
                    (Node::Byte(b'{'), true)
                }
                Token::Brace => return Err(BAD_REPEAT),
                Token::Byte(b'[') => {
                    self.at += 1;
                    (self.bracket()?, true)
                }
                Token::Byte(b'.') => {
                    self.at += 1;
                    let any = if self.syntax.utf8 {
                        Node::Wide(Wide::all())
                    } else {
                        Node::Set(Set::of(|_| true))
                    };
                    (any, true)
                }
                Token::Byte(b'^') if extended || start => {
                    self.at += 1;
                    (Node::Place(Place::LineStart), false)
                }
                Token::Byte(b'$') if extended || self.at_branch_end() => {
                    self.at += 1;
                    (Node::Place(Place::LineEnd), false)
                }
                Token::Byte(_) => (self.literal(), true),
                Token::Escaped(byte) if byte >= 0x80 => {
                    self.at += 1;
                    (self.literal(), true)
                }
                Token::Escaped(byte) => {
                    self.at += 2;
                    self.escaped(byte)?
                }
            };
            start = !repeatable && (matches!(node, Node::Place(Place::LineStart)) || extended);
            let node = if repeatable {
                self.repeated(node)?
            } else {
                node
            };
            parts.push(node);
        }
        Ok(match parts.pop() {
            None => Node::Empty,
            Some(only) if parts.is_empty() => only,
            Some(last) => {
                parts.push(last);
                Node::Concat(parts)
            }
        })
    }

    /// In basic syntax `$` is an anchor before `\)`, `\|` and the end.
    fn at_branch_end(&self) -> bool {
        matches!(
            self.text.get(self.at + 1..),
            None | Some([] | [b'\\', b')' | b'|', ..])
        )
    }

    /// The character here as itself; without UTF-8 a byte.
    fn literal(&mut self) -> Node {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let byte = rest.first().copied().unwrap_or_default();
        if byte < 0x80 || !self.syntax.utf8 {
            self.at += 1;
            return Node::Byte(byte);
        }
        let (char, len) = bstr::decode_utf8(rest);
        self.at += len;
        match char {
            Some(char) if self.syntax.ignore_case => Node::Wide(
                Wide {
                    ranges: vec![(char.into(), char.into())],
                    fold: true,
                    ..Wide::default()
                }
                .done(),
            ),
            _ => fixed(rest.get(..len).unwrap_or_default()),
        }
    }

    fn class(&self, class: Class, negated: bool) -> Node {
        if self.syntax.utf8 {
            return Node::Wide(
                Wide {
                    negated,
                    classes: vec![class],
                    ..Wide::default()
                }
                .done(),
            );
        }
        Node::Set(Set::of(|byte| {
            (byte < 0x80 && class.contains(byte.into())) != negated
        }))
    }

    fn escaped(&mut self, byte: u8) -> Result<(Node, bool), &'static str> {
        let place = |place| (Node::Place(place), false);
        Ok(match byte {
            b'1'..=b'9' => {
                let number = usize::from(byte - b'0');
                if !self.closed.contains(&number) {
                    return Err("Invalid back reference");
                }
                self.has_back = true;
                (Node::Back(number), true)
            }
            b'w' | b'W' => (self.class(Class::Word, byte == b'W'), true),
            b's' | b'S' => (self.class(Class::Space, byte == b'S'), true),
            b'b' => place(Place::WordEdge),
            b'B' => place(Place::NotWordEdge),
            b'<' => place(Place::WordStart),
            b'>' => place(Place::WordEnd),
            b'`' => place(Place::TextStart),
            b'\'' => place(Place::TextEnd),
            byte => (Node::Byte(byte), true),
        })
    }

    fn repeated(&mut self, mut node: Node) -> Result<Node, &'static str> {
        let strict = !self.syntax.extended && !self.syntax.lenient;
        let mut count = 0;
        loop {
            let (token, len) = self.token()?;
            let repeats = matches!(
                token,
                Token::Star | Token::Plus | Token::Question | Token::Brace
            );
            count += u32::from(repeats);
            if strict && repeats && count > 1 {
                return Err(BAD_REPEAT);
            }
            let (least, most) = match token {
                Token::Star => (0, None),
                Token::Plus => (1, None),
                Token::Question => (0, Some(1)),
                Token::Brace => match self.interval(self.at + len)? {
                    Some((least, most, after)) => {
                        self.at = after;
                        node = Node::Repeat(Box::new(node), least, most);
                        continue;
                    }
                    None => return Ok(node),
                },
                _ => return Ok(node),
            };
            self.at += len;
            node = Node::Repeat(Box::new(node), least, most);
        }
    }

    /// Reads `N}`, `N,}`, `,M}` or `N,M}`; gives also where it ends. `None`: no interval, and the
    /// syntax lets the brace be itself.
    #[allow(clippy::type_complexity)] // Three numbers of one place.
    fn interval(&self, start: usize) -> Result<Option<(u32, Option<u32>, usize)>, &'static str> {
        let lenient = self.syntax.lenient && self.syntax.extended;
        let mut at = start;
        let number = |at: &mut usize| {
            let from = *at;
            let mut value = 0u32;
            while let Some(digit) = self.byte(*at).filter(u8::is_ascii_digit) {
                value = value
                    .saturating_mul(10)
                    .saturating_add(u32::from(digit - b'0'));
                *at += 1;
            }
            (*at > from).then_some(value)
        };
        let least = number(&mut at);
        let (comma, most) = match self.byte(at) {
            Some(b',') => {
                at += 1;
                (true, number(&mut at))
            }
            _ => (false, least),
        };
        let close: &[u8] = if self.syntax.extended { b"}" } else { b"\\}" };
        let rest = self.text.get(at..).unwrap_or_default();
        if !rest.starts_with(close) || (least.is_none() && !comma) {
            if lenient {
                return Ok(None);
            }
            return Err(if rest.is_empty() {
                "Unmatched \\{"
            } else {
                "Invalid content of \\{\\}"
            });
        }
        let least = least.unwrap_or(0);
        if most.is_some_and(|most| most < least) {
            return Err("Invalid content of \\{\\}");
        }
        if least > MAX_REPEAT || most.is_some_and(|most| most > MAX_REPEAT) {
            return Err("Regular expression too big");
        }
        Ok(Some((least, most, at + close.len())))
    }

    /// What follows a `[`.
    fn bracket(&mut self) -> Result<Node, &'static str> {
        let mut set = Set::default();
        let mut wide = Wide {
            fold: self.syntax.ignore_case,
            negated: self.byte(self.at) == Some(b'^'),
            ..Wide::default()
        };
        if wide.negated {
            self.at += 1;
        }
        let mut first = true;
        let is_range = |parser: &Self| {
            parser.byte(parser.at) == Some(b'-')
                && parser.byte(parser.at + 1).is_some_and(|it| it != b']')
        };
        loop {
            let byte = self.byte(self.at).ok_or(BRACKET)?;
            if byte == b']' && !first {
                self.at += 1;
                break;
            }
            first = false;
            if byte == b'[' && self.byte(self.at + 1) == Some(b':') {
                let class = match self.named(b':')? {
                    b"upper" | b"lower" if wide.fold => b"alpha",
                    class => class,
                };
                set.union(&class_of(class)?);
                wide.classes.push(regex_class(class)?);
                if is_range(self) {
                    return Err("Invalid range end");
                }
                continue;
            }
            let low = self.element()?;
            let high = if is_range(self) {
                self.at += 1;
                let high = self.element()?;
                if high < low || is_range(self) {
                    return Err("Invalid range end");
                }
                // C.UTF-8 has no order of collation beyond ASCII.
                if self.syntax.utf8 && high >= 0x80 {
                    return Err("Invalid collation character");
                }
                high
            } else {
                low
            };
            wide.ranges.push((low, high));
            let bytes = low.min(256)..=high.min(255);
            bytes
                .filter_map(|byte| u8::try_from(byte).ok())
                .for_each(|byte| set.add(byte));
        }
        if self.syntax.utf8 {
            return Ok(Node::Wide(wide.done()));
        }
        if self.syntax.ignore_case {
            set = set.folded();
        }
        Ok(Node::Set(if wide.negated {
            Set::of(|byte| !set.has(byte))
        } else {
            set
        }))
    }

    /// One character of a bracket. Without case `regcomp(3)` reads the pattern in upper case, so
    /// that `[Z-a]` is no range; grep does not.
    fn element(&mut self) -> Result<u32, &'static str> {
        let char = self.plain_element()?;
        if !self.syntax.ignore_case || self.syntax.lenient || (!self.syntax.utf8 && char >= 0x80) {
            return Ok(char);
        }
        Ok(char::from_u32(char).map_or(char, |char| upper(char).into()))
    }

    /// Itself, `[.x.]` or `[=x=]`.
    fn plain_element(&mut self) -> Result<u32, &'static str> {
        let byte = self.byte(self.at).ok_or(BRACKET)?;
        if byte == b'['
            && let Some(kind @ (b'.' | b'=')) = self.byte(self.at + 1)
        {
            let utf8 = self.syntax.utf8;
            let name = self.named(kind)?;
            let (char, len) = character(name, utf8);
            return match len == name.len() {
                true => Ok(char),
                false => Err("Invalid collation character"),
            };
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let (char, len) = character(rest, self.syntax.utf8);
        self.at += len;
        Ok(char)
    }

    /// The name in `[:name:]` and the like.
    fn named(&mut self, kind: u8) -> Result<&[u8], &'static str> {
        let start = self.at + 2;
        let mut end = start;
        loop {
            match (self.byte(end), self.byte(end + 1)) {
                (Some(byte), Some(b']')) if byte == kind && end > start => break,
                (Some(_), _) => end += 1,
                (None, _) => return Err(BRACKET),
            }
        }
        self.at = end + 2;
        Ok(self.text.get(start..end).unwrap_or_default())
    }
}

/// The first character and its length; a byte in none is above all code points.
fn character(text: &[u8], utf8: bool) -> (u32, usize) {
    let first = text.first().copied().unwrap_or_default();
    if !utf8 || first < 0x80 {
        return (first.into(), 1);
    }
    match bstr::decode_utf8(text) {
        (Some(char), len) => (char.into(), len),
        (None, _) => (0x11_0000 + u32::from(first), 1),
    }
}
