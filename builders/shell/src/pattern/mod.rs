//! Shell patterns: bash(1) "Pattern Matching", with extended patterns. A pattern comes as text in
//! which quoted characters are escaped with a backslash. Patterns without `?(…)` and its kin match
//! in time linear in the text for each start; extended ones by sets of positions. Neither
//! backtracks.

pub mod cache;
mod compile;
mod extended;
pub mod set;

pub use compile::compile;
use set::Set;

/// Options that change what a pattern means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    pub extglob: bool,
    pub nocase: bool,
    /// A character is a UTF-8 sequence, not a byte.
    pub utf8: bool,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    nodes: Vec<Node>,
    options: Options,
    extended: bool,
}

#[derive(Debug, Clone)]
enum Node {
    Literal(Vec<u8>),
    Any,
    Star,
    Set(Set),
    Group(Kind, Vec<Vec<Node>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Optional,
    Many,
    Some,
    One,
    Not,
}

/// What [`Pattern::longest_at`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A match that ends there.
    End(usize),
    /// No match here.
    No,
    /// No match here, nor at any later start.
    Never,
}

/// Does text have characters that make it a pattern? Escaped ones do not count.
pub fn is_pattern(text: &[u8], extglob: bool) -> bool {
    let mut i = 0;
    while let Some(&c) = text.get(i) {
        match c {
            b'\\' => i += 1,
            b'*' | b'?' => return true,
            b'[' if text
                .get(i + 1..)
                .is_some_and(|rest| rest.iter().skip(1).any(|c| *c == b']')) =>
            {
                return true;
            }
            b'+' | b'@' | b'!' if extglob && text.get(i + 1) == Some(&b'(') => return true,
            _ => {}
        }
        i += 1;
    }
    false
}

/// Length of the character at the start of `text`: a byte, or a UTF-8 sequence.
pub fn char_len(text: &[u8], utf8: bool) -> usize {
    let Some(&first) = text.first() else { return 0 };
    if !utf8 || first < 0x80 {
        return 1;
    }
    match bstr::decode_utf8(text) {
        (Some(_), len) => len,
        (None, _) => 1,
    }
}

/// The character at the start of `text` and its length; an invalid byte stands for itself, above
/// all code points.
pub fn char_at(text: &[u8], utf8: bool) -> Option<(u32, usize)> {
    let first = *text.first()?;
    if !utf8 || first < 0x80 {
        return Some((u32::from(first), 1));
    }
    match bstr::decode_utf8(text) {
        (Some(c), len) => Some((u32::from(c), len)),
        (None, _) => Some((0x11_0000 + u32::from(first), 1)),
    }
}

/// Where text is first found in another. A searcher that is linear whatever the texts are takes longer to
/// set up than most of those that scripts ask about are long.
fn find(text: &[u8], want: &[u8]) -> Option<usize> {
    let short = text.len() <= 4096 && want.len() <= 256;
    let Some(first) = want.first().filter(|_| short) else {
        return bstr::ByteSlice::find(text, want);
    };
    let last = text.len().checked_sub(want.len())?;
    let mut at = 0;
    loop {
        at += text.get(at..=last)?.iter().position(|c| c == first)?;
        if text.get(at..)?.starts_with(want) {
            return Some(at);
        }
        at += 1;
    }
}

impl Pattern {
    /// The text that the pattern stands for, if it has no special characters.
    pub fn literal(&self) -> Option<&[u8]> {
        match self.nodes.as_slice() {
            _ if self.options.nocase => None,
            [] => Some(b""),
            [Node::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// May the pattern match a name that begins with a dot?
    pub fn matches_leading_dot(&self) -> bool {
        fn dot(nodes: &[Node]) -> bool {
            match nodes.first() {
                Some(Node::Literal(text)) => text.first() == Some(&b'.'),
                Some(Node::Group(kind, alternatives)) => {
                    *kind != Kind::Not && alternatives.iter().any(|a| dot(a))
                        || (matches!(kind, Kind::Optional | Kind::Many)
                            && dot(nodes.get(1..).unwrap_or_default()))
                }
                _ => false,
            }
        }
        dot(&self.nodes)
    }

    /// Does the whole text match?
    pub fn matches(&self, text: &[u8]) -> bool {
        if self.extended {
            return extended::ends(&self.nodes, text, 0, self.options).get(text.len())
                == Some(&true);
        }
        if let Some(literal) = self.literal() {
            return literal == text;
        }
        let (mut node, mut at) = (0, 0);
        // Where to go back to: the node behind the last star, and the text it began to match at.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.nodes.get(node) {
                Some(Node::Star) => {
                    node += 1;
                    if node == self.nodes.len() {
                        return true;
                    }
                    match self.after_star(node, text, at) {
                        Some(next) => at = next,
                        None => return false,
                    }
                    star = Some((node, at));
                    continue;
                }
                Some(single) => {
                    if let Some(len) = single.step(text.get(at..).unwrap_or_default(), self.options)
                    {
                        at += len;
                        node += 1;
                        continue;
                    }
                }
                None if at == text.len() => return true,
                None => {}
            }
            let Some((back, from)) = star else {
                return false;
            };
            if from >= text.len() {
                return false;
            }
            let next = from + char_len(text.get(from..).unwrap_or_default(), self.options.utf8);
            let Some(next) = self.after_star(back, text, next) else {
                return false;
            };
            star = Some((back, next));
            (node, at) = (back, next);
        }
    }

    /// The first place from `at` on where the node behind a star may match: text is searched for, not
    /// tried at every place. `None`: there is none.
    fn after_star(&self, node: usize, text: &[u8], at: usize) -> Option<usize> {
        match self.nodes.get(node) {
            // Text that begins like a character cannot be found inside of one.
            Some(Node::Literal(want))
                if !self.options.nocase && want.first().is_some_and(u8::is_ascii) =>
            {
                find(text.get(at..)?, want).map(|found| at + found)
            }
            _ => Some(at),
        }
    }

    /// The longest match that begins at `start`.
    pub fn longest_at(&self, text: &[u8], start: usize) -> Found {
        if self.extended {
            let ends = extended::ends(
                &self.nodes,
                text.get(start..).unwrap_or_default(),
                0,
                self.options,
            );
            return ends
                .iter()
                .rposition(|e| *e)
                .map_or(Found::No, |end| Found::End(start + end));
        }
        let mut segments = self.nodes.split(|n| matches!(n, Node::Star));
        let first = segments.next().unwrap_or_default();
        let Some(mut at) = self.segment(first, text, start) else {
            return Found::No;
        };
        let mut rest = segments.peekable();
        while let Some(segment) = rest.next() {
            if rest.peek().is_none() {
                if segment.is_empty() {
                    return Found::End(text.len());
                }
                let mut from = text.len();
                loop {
                    if let Some(end) = self.segment(segment, text, from) {
                        return Found::End(end);
                    }
                    if from <= at {
                        return Found::Never;
                    }
                    from -= 1;
                    while from > at
                        && self.options.utf8
                        && text.get(from).is_some_and(|c| c & 0xc0 == 0x80)
                        && char_len(text.get(from - 1..).unwrap_or_default(), true) > 1
                    {
                        from -= 1;
                    }
                }
            }
            match self.find_segment(segment, text, at) {
                Some(end) => at = end,
                None => return Found::Never,
            }
        }
        Found::End(at)
    }

    /// The shortest match that begins at the text's start.
    pub fn shortest_prefix(&self, text: &[u8]) -> Option<usize> {
        if self.extended {
            return extended::ends(&self.nodes, text, 0, self.options)
                .iter()
                .position(|e| *e);
        }
        let mut segments = self.nodes.split(|n| matches!(n, Node::Star));
        let mut at = self.segment(segments.next().unwrap_or_default(), text, 0)?;
        for segment in segments {
            at = self.find_segment(segment, text, at)?;
        }
        Some(at)
    }

    /// Start of the longest or shortest match that ends where the text ends.
    pub fn suffix(&self, text: &[u8], longest: bool) -> Option<usize> {
        let fits = |at: usize| self.matches(text.get(at..).unwrap_or_default());
        if let Some(literal) = self.literal() {
            return text.ends_with(literal).then(|| text.len() - literal.len());
        }
        // What follows the last star must stand at the end in any case.
        let boundary = |at: usize| {
            !self.options.utf8
                || at == text.len()
                || text.get(at).is_none_or(|c| c & 0xc0 != 0x80)
                || !inside_char(text, at)
        };
        if longest {
            (0..=text.len()).find(|at| boundary(*at) && self.may_start(text, *at) && fits(*at))
        } else {
            (0..=text.len())
                .rev()
                .find(|at| boundary(*at) && self.may_start(text, *at) && fits(*at))
        }
    }

    fn may_start(&self, text: &[u8], at: usize) -> bool {
        match self.nodes.first() {
            Some(node @ (Node::Literal(_) | Node::Any | Node::Set(_))) => node
                .step(text.get(at..).unwrap_or_default(), self.options)
                .is_some(),
            _ => true,
        }
    }

    /// Matches nodes without stars at one place; gives the end.
    fn segment(&self, nodes: &[Node], text: &[u8], start: usize) -> Option<usize> {
        let mut at = start;
        for node in nodes {
            at += node.step(text.get(at..)?, self.options)?;
        }
        Some(at)
    }

    /// End of the first match of nodes without stars, from `start` on.
    fn find_segment(&self, nodes: &[Node], text: &[u8], start: usize) -> Option<usize> {
        if let ([Node::Literal(needle)], false) = (nodes, self.options.nocase) {
            return find(text.get(start..)?, needle).map(|n| start + n + needle.len());
        }
        let mut at = start;
        loop {
            if let Some(end) = self.segment(nodes, text, at) {
                return Some(end);
            }
            if at >= text.len() {
                return None;
            }
            at += char_len(text.get(at..)?, self.options.utf8);
        }
    }
}

/// Does `at` lie inside a valid UTF-8 sequence?
fn inside_char(text: &[u8], at: usize) -> bool {
    (1..4).any(|back| {
        at >= back
            && text.get(at - back..).is_some_and(|rest| {
                char_len(rest, true) > back && rest.first().is_some_and(|c| *c >= 0xc0)
            })
    })
}

impl Node {
    /// Length of the text that a node other than a star or a group takes.
    fn step(&self, text: &[u8], options: Options) -> Option<usize> {
        match self {
            Node::Literal(want) if options.nocase => {
                let have = text.get(..want.len())?;
                if have.eq_ignore_ascii_case(want) {
                    return Some(want.len());
                }
                let same =
                    |a: &[u8], b: &[u8]| match (std::str::from_utf8(a), std::str::from_utf8(b)) {
                        (Ok(a), Ok(b)) => a.to_lowercase() == b.to_lowercase(),
                        _ => false,
                    };
                (options.utf8 && same(have, want)).then_some(want.len())
            }
            Node::Literal(want) => text.starts_with(want).then_some(want.len()),
            Node::Any => match char_len(text, options.utf8) {
                0 => None,
                len => Some(len),
            },
            Node::Set(set) => {
                let (c, len) = char_at(text, options.utf8)?;
                set.contains(c, options.nocase).then_some(len)
            }
            Node::Star | Node::Group(..) => None,
        }
    }
}
