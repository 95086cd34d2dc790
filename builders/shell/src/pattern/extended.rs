//! Extended patterns (`?(…)`, `*(…)`, `+(…)`, `@(…)`, `!(…)`) by sets of positions: from the set
//! of places where a match may have got to, each node gives the next set. Time and memory are
//! polynomial; nothing backtracks.

use super::{Kind, Node, Options, char_len};

/// Which offsets of `text` a match of `nodes` can end at, if it begins at `start`.
pub fn ends(nodes: &[Node], text: &[u8], start: usize, options: Options) -> Vec<bool> {
    let mut at = vec![false; text.len() + 1];
    if let Some(first) = at.get_mut(start) {
        *first = true;
    }
    run(nodes, text, at, options)
}

fn run(nodes: &[Node], text: &[u8], mut at: Vec<bool>, options: Options) -> Vec<bool> {
    for node in nodes {
        at = step(node, text, at, options);
    }
    at
}

fn step(node: &Node, text: &[u8], at: Vec<bool>, options: Options) -> Vec<bool> {
    let mut next = vec![false; at.len()];
    match node {
        Node::Star => {
            let first = at.iter().position(|p| *p).unwrap_or(at.len());
            mark_from(&mut next, text, first, options);
        }
        Node::Group(kind, alternatives) => {
            let once = |at: &[bool]| {
                let mut out = vec![false; at.len()];
                for alternative in alternatives {
                    union(&mut out, &run(alternative, text, at.to_vec(), options));
                }
                out
            };
            match kind {
                Kind::One => return once(&at),
                Kind::Optional => {
                    next = once(&at);
                    union(&mut next, &at);
                }
                Kind::Many | Kind::Some => {
                    let mut reached = if *kind == Kind::Many {
                        at.clone()
                    } else {
                        once(&at)
                    };
                    loop {
                        let mut more = once(&reached);
                        union(&mut more, &reached);
                        if more == reached {
                            return reached;
                        }
                        reached = more;
                    }
                }
                Kind::Not => {
                    for (start, _) in at.iter().enumerate().filter(|(_, p)| **p) {
                        let mut from = vec![false; at.len()];
                        if let Some(p) = from.get_mut(start) {
                            *p = true;
                        }
                        let matched = once(&from);
                        let mut all = vec![false; at.len()];
                        mark_from(&mut all, text, start, options);
                        for ((n, a), m) in next.iter_mut().zip(&all).zip(&matched) {
                            *n |= *a && !*m;
                        }
                    }
                }
            }
        }
        single => {
            for (start, _) in at.iter().enumerate().filter(|(_, p)| **p) {
                let taken = text
                    .get(start..)
                    .and_then(|rest| single.step(rest, options));
                if let Some(slot) = taken.and_then(|len| next.get_mut(start + len)) {
                    *slot = true;
                }
            }
        }
    }
    next
}

/// Marks every character boundary from `first` on.
fn mark_from(set: &mut [bool], text: &[u8], first: usize, options: Options) {
    let mut at = first;
    while let Some(slot) = set.get_mut(at) {
        *slot = true;
        at += char_len(text.get(at..).unwrap_or_default(), options.utf8).max(1);
    }
}

fn union(into: &mut [bool], from: &[bool]) {
    for (a, b) in into.iter_mut().zip(from) {
        *a |= *b;
    }
}
