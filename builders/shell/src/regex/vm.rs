//! Runs a compiled expression over text: all threads at once, one character at a time, so in time
//! proportional to text times program.

use std::rc::Rc;

use super::{Assertion, Inst, Options, Span};
use crate::pattern::char_at;

type Captures = Rc<[usize]>;

/// A place that no text has.
const UNSET: usize = usize::MAX;

struct Threads {
    list: Vec<(usize, Captures)>,
    seen: Vec<u32>,
    generation: u32,
}

pub fn run(program: &[Inst], groups: usize, text: &[u8], options: Options) -> Option<Vec<Span>> {
    let fresh = || Threads {
        list: Vec::new(),
        seen: vec![0; program.len()],
        generation: 0,
    };
    let (mut now, mut next) = (fresh(), fresh());
    let empty: Captures = vec![UNSET; groups * 2].into();
    let mut best: Option<Captures> = None;
    let mut at = 0;
    now.generation = 1;
    loop {
        if best.is_none() {
            add(program, &mut now, 0, empty.clone(), text, at);
        }
        let current = char_at(text.get(at..).unwrap_or_default(), options.utf8);
        next.list.clear();
        next.generation += 1;
        let after = at + current.map_or(0, |(_, len)| len);
        for (pc, captures) in std::mem::take(&mut now.list) {
            let start = captures.first().copied().unwrap_or(UNSET);
            if best
                .as_ref()
                .and_then(|b| b.first())
                .is_some_and(|b| start > *b)
            {
                continue;
            }
            let step = match (program.get(pc), current) {
                (Some(Inst::Match), _) => {
                    let end = captures.get(1).copied().unwrap_or(0);
                    let longer = best.as_ref().is_none_or(|b| {
                        b.first().is_some_and(|s| start < *s) || b.get(1).is_some_and(|e| end > *e)
                    });
                    if longer {
                        best = Some(captures.clone());
                    }
                    false
                }
                (Some(Inst::Char(want)), Some((c, _))) => {
                    *want == c || (options.nocase && same_letter(*want, c))
                }
                (Some(Inst::Any), Some(_)) => true,
                (Some(Inst::Set(set)), Some((c, _))) => set.contains(c, options.nocase),
                _ => false,
            };
            if step {
                add(program, &mut next, pc + 1, captures, text, after);
            }
        }
        std::mem::swap(&mut now, &mut next);
        if current.is_none() || (now.list.is_empty() && best.is_some()) {
            break;
        }
        at = after;
    }
    best.map(|captures| {
        captures
            .chunks(2)
            .map(|pair| match pair {
                [start, end] if *start != UNSET && *end != UNSET => Some((*start, *end)),
                _ => None,
            })
            .collect()
    })
}

fn same_letter(a: u32, b: u32) -> bool {
    match (char::from_u32(a), char::from_u32(b)) {
        (Some(a), Some(b)) => a.to_lowercase().eq(b.to_lowercase()),
        _ => false,
    }
}

/// Adds a thread, following all that takes no text.
fn add(
    program: &[Inst],
    threads: &mut Threads,
    pc: usize,
    captures: Captures,
    text: &[u8],
    at: usize,
) {
    let mut stack = vec![(pc, captures)];
    while let Some((pc, captures)) = stack.pop() {
        match threads.seen.get_mut(pc) {
            Some(seen) if *seen != threads.generation => *seen = threads.generation,
            _ => continue,
        }
        match program.get(pc) {
            Some(Inst::Jump(to)) => stack.push((*to, captures)),
            Some(Inst::Split(first, second)) => {
                stack.push((*second, captures.clone()));
                stack.push((*first, captures));
            }
            Some(Inst::Save(slot)) => {
                let mut saved = captures.to_vec();
                if let Some(place) = saved.get_mut(*slot) {
                    *place = at;
                }
                stack.push((pc + 1, saved.into()));
            }
            Some(Inst::Assert(assertion)) if holds(*assertion, text, at) => {
                stack.push((pc + 1, captures));
            }
            Some(_) => threads.list.push((pc, captures)),
            None => {}
        }
    }
}

fn holds(assertion: Assertion, text: &[u8], at: usize) -> bool {
    let word = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'_');
    let before = at > 0 && word(text.get(at - 1));
    let after = word(text.get(at));
    match assertion {
        Assertion::Start => at == 0,
        Assertion::End => at == text.len(),
        Assertion::WordBoundary => before != after,
        Assertion::NotWordBoundary => before == after,
        Assertion::WordStart => !before && after,
        Assertion::WordEnd => before && !after,
    }
}
