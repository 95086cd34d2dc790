//! From pattern text to nodes.

use super::set::Set;
use super::{Kind, Node, Options, Pattern};

/// How deeply extended patterns may nest; deeper ones are literal text.
const MAX_DEPTH: u32 = 60;

/// Compiles a pattern in which a backslash quotes the next character.
pub fn compile(text: &[u8], options: Options) -> Pattern {
    let mut extended = false;
    let nodes = sequence(text, options, 0, &mut extended);
    Pattern {
        nodes,
        options,
        extended,
    }
}

fn sequence(text: &[u8], options: Options, depth: u32, extended: &mut bool) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        if options.extglob && depth < MAX_DEPTH && text.get(at + 1) == Some(&b'(') {
            let kind = match c {
                b'?' => Some(Kind::Optional),
                b'*' => Some(Kind::Many),
                b'+' => Some(Kind::Some),
                b'@' => Some(Kind::One),
                b'!' => Some(Kind::Not),
                _ => None,
            };
            if let Some(kind) = kind
                && let Some((alternatives, len)) = split(text.get(at + 2..).unwrap_or_default())
            {
                *extended = true;
                let alternatives = alternatives
                    .iter()
                    .map(|a| sequence(a, options, depth + 1, extended))
                    .collect();
                nodes.push(Node::Group(kind, alternatives));
                at += 2 + len;
                continue;
            }
        }
        at += 1;
        match c {
            b'?' => nodes.push(Node::Any),
            b'*' => {
                if !matches!(nodes.last(), Some(Node::Star)) {
                    nodes.push(Node::Star);
                }
            }
            b'[' => match Set::parse(text.get(at..).unwrap_or_default(), options.utf8, true) {
                Some((set, len)) => {
                    nodes.push(Node::Set(set));
                    at += len;
                }
                None => literal(&mut nodes, b'['),
            },
            b'\\' => match text.get(at) {
                Some(&quoted) => {
                    literal(&mut nodes, quoted);
                    at += 1;
                }
                None => literal(&mut nodes, b'\\'),
            },
            other => literal(&mut nodes, other),
        }
    }
    nodes
}

fn literal(nodes: &mut Vec<Node>, c: u8) {
    match nodes.last_mut() {
        Some(Node::Literal(text)) => text.push(c),
        _ => nodes.push(Node::Literal(vec![c])),
    }
}

/// The alternatives of a group behind its opening parenthesis, and the length with the closing one.
fn split(text: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let (mut alternatives, mut start, mut depth, mut at) = (Vec::new(), 0, 0u32, 0);
    loop {
        match *text.get(at)? {
            b'\\' => at += 1,
            b'[' => {
                if let Some((_, len)) = text
                    .get(at + 1..)
                    .and_then(|rest| Set::parse(rest, false, true))
                {
                    at += len;
                }
            }
            b'(' => depth += 1,
            b')' if depth == 0 => {
                alternatives.push(text.get(start..at)?);
                return Some((alternatives, at + 1));
            }
            b')' => depth -= 1,
            b'|' if depth == 0 => {
                alternatives.push(text.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
}
