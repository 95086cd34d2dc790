//! Running a program over a text: a backtracking walk that never takes the same step at the same
//! place twice.
//!
//! Two walks: the first tries everything from the leftmost start and keeps the farthest end; the
//! second goes greedily to that end and notes the groups. With back-references a step may have to
//! be taken again, since its outcome depends on the groups; the number of steps is bounded then.

use crate::Class;
use crate::compile::{Program, Step};
use crate::parse::Place;

/// Groups by number, each with start and end; group 0 is the match.
pub type Captures = Vec<Option<(usize, usize)>>;

/// Most steps of a search with back-references.
const MAX_STEPS: u64 = 50_000_000;
/// Largest number of places times steps that is remembered.
const MAX_VISITED: usize = 1 << 31;

/// A search that would take more than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The text is too long for the size of the expression.
    Text,
    /// Back-references need too many steps.
    Steps,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Limit::Text => "a regular expression over too long a text",
            Limit::Steps => "a regular expression with back-references takes too long",
        })
    }
}

impl std::error::Error for Limit {}

/// Memory that searches use again.
#[derive(Debug, Default)]
pub struct Cache {
    visited: Vec<u64>,
    stack: Vec<Job>,
    saves: Vec<usize>,
    loops: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Job {
    Try { pc: usize, at: usize },
    RestoreSave { slot: usize, old: usize },
    RestoreLoop { slot: usize, old: usize },
}

const UNSET: usize = usize::MAX;

/// What ends a walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// The first match.
    Any,
    /// The farthest end.
    Farthest,
    /// A match that ends here.
    End(usize),
}

struct Walk<'a> {
    program: &'a Program,
    text: &'a [u8],
    /// First place of the search: what lies before is only looked at by `^` and `\<`.
    base: usize,
    cache: &'a mut Cache,
    taken: u64,
    /// The bound on steps was passed: no answer holds.
    exhausted: bool,
}

fn prepare<'a>(
    program: &'a Program,
    cache: &'a mut Cache,
    text: &'a [u8],
    base: usize,
    groups: usize,
) -> Result<Walk<'a>, Limit> {
    cache.saves.clear();
    cache.saves.resize((groups + 1) * 2, UNSET);
    cache.loops.clear();
    cache.loops.resize(program.loops, UNSET);
    cache.stack.clear();
    cache.visited.clear();
    if !program.has_back {
        let places = text.len().saturating_sub(base) + 1;
        let bits = places.saturating_mul(program.steps.len());
        if bits > MAX_VISITED {
            return Err(Limit::Text);
        }
        cache.visited.resize(bits / 64 + 1, 0);
    }
    Ok(Walk {
        program,
        text,
        base,
        cache,
        taken: 0,
        exhausted: false,
    })
}

/// Starts that can match at all, from `at`.
fn next_start(program: &Program, text: &[u8], at: usize) -> Option<usize> {
    if at > text.len() || (program.at_start && at > 0) {
        return None;
    }
    match &program.first {
        None => Some(at),
        Some(first) if program.utf8 => {
            let mut at = at;
            while !first.has(*text.get(at)?) {
                at = after(program, text, at);
            }
            Some(at)
        }
        Some(first) => {
            let rest = text.get(at..)?;
            rest.iter()
                .position(|byte| first.has(*byte))
                .map(|offset| at + offset)
        }
    }
}

/// The place behind the character at `at`.
fn after(program: &Program, text: &[u8], at: usize) -> usize {
    match text.get(at..) {
        Some(rest) if program.utf8 => at + bstr::decode_utf8(rest).1.max(1),
        _ => at + 1,
    }
}

fn leftmost(walk: &mut Walk<'_>, from: usize, goal: Goal) -> Result<Option<(usize, usize)>, Limit> {
    let mut at = from;
    while let Some(start) = next_start(walk.program, walk.text, at) {
        let end = walk.from(start, goal);
        if walk.exhausted {
            return Err(Limit::Steps);
        }
        if let Some(end) = end {
            return Ok(Some((start, end)));
        }
        at = after(walk.program, walk.text, start);
    }
    Ok(None)
}

/// Start and end of the leftmost longest match.
pub fn find(
    program: &Program,
    cache: &mut Cache,
    text: &[u8],
    from: usize,
) -> Result<Option<(usize, usize)>, Limit> {
    if let Some(literal) = &program.literal {
        let rest = text.get(from..).unwrap_or_default();
        let at = memchr::memmem::find(rest, literal);
        return Ok(at.map(|at| (from + at, from + at + literal.len())));
    }
    let Some(start) = next_start(program, text, from) else {
        return Ok(None);
    };
    // Group 9 is the last that a back-reference can name.
    let groups = if program.has_back { 9 } else { 0 };
    let mut walk = prepare(program, cache, text, start, groups.max(groups_of(program)))?;
    leftmost(&mut walk, start, Goal::Farthest)
}

fn groups_of(program: &Program) -> usize {
    let slots = program.steps.iter().map(|step| {
        if let Step::Save(slot) = step {
            slot / 2
        } else {
            0
        }
    });
    slots.max().unwrap_or(0)
}

/// Does the program match anywhere?
pub fn is_match(program: &Program, cache: &mut Cache, text: &[u8]) -> Result<bool, Limit> {
    if let Some(literal) = &program.literal {
        return Ok(memchr::memmem::find(text, literal).is_some());
    }
    let Some(start) = next_start(program, text, 0) else {
        return Ok(false);
    };
    let groups = groups_of(program);
    let mut walk = prepare(program, cache, text, start, groups)?;
    Ok(leftmost(&mut walk, start, Goal::Any)?.is_some())
}

/// The leftmost longest match with its groups.
pub fn search(
    program: &Program,
    cache: &mut Cache,
    text: &[u8],
    from: usize,
    groups: usize,
) -> Result<Option<Captures>, Limit> {
    let Some((start, end)) = find(program, cache, text, from)? else {
        return Ok(None);
    };
    let mut captures = vec![None; groups + 1];
    if groups > 0 {
        // Without the text behind the end only the places that look there would differ.
        let mut walk = prepare(program, cache, text, start, groups)?;
        walk.from(start, Goal::End(end));
        if walk.exhausted {
            return Err(Limit::Steps);
        }
        for (group, pair) in captures.iter_mut().zip(cache.saves.chunks_exact(2)) {
            if let [from, to] = pair
                && *from != UNSET
                && *to != UNSET
            {
                *group = Some((*from, *to));
            }
        }
    }
    if let Some(whole) = captures.first_mut() {
        *whole = Some((start, end));
    }
    Ok(Some(captures))
}

impl Walk<'_> {
    /// Walks from one start.
    fn from(&mut self, start: usize, goal: Goal) -> Option<usize> {
        let mut farthest = None;
        self.cache.stack.clear();
        self.cache.stack.push(Job::Try { pc: 0, at: start });
        while let Some(job) = self.cache.stack.pop() {
            match job {
                Job::RestoreSave { slot, old } => {
                    if let Some(save) = self.cache.saves.get_mut(slot) {
                        *save = old;
                    }
                }
                Job::RestoreLoop { slot, old } => {
                    if let Some(start) = self.cache.loops.get_mut(slot) {
                        *start = old;
                    }
                }
                Job::Try { pc, at } => {
                    if let Some(end) = self.run(pc, at, goal) {
                        match goal {
                            Goal::Farthest => {
                                if farthest.is_none_or(|farthest| end > farthest) {
                                    farthest = Some(end);
                                }
                                if end == self.text.len() {
                                    return farthest;
                                }
                            }
                            _ => return Some(end),
                        }
                    }
                }
            }
        }
        farthest
    }

    /// Takes steps until one fails, or the program matches at the place given.
    fn run(&mut self, mut pc: usize, mut at: usize, goal: Goal) -> Option<usize> {
        let steps = &self.program.steps;
        loop {
            if self.program.has_back {
                self.taken += 1;
                if self.taken > MAX_STEPS {
                    self.exhausted = true;
                    self.cache.stack.clear();
                    return None;
                }
            } else {
                let bit = (at - self.base) * steps.len() + pc;
                let word = self.cache.visited.get_mut(bit / 64)?;
                if *word >> (bit % 64) & 1 == 1 {
                    return None;
                }
                *word |= 1 << (bit % 64);
            }
            match steps.get(pc)? {
                Step::Byte(byte) => {
                    let found = *self.text.get(at)?;
                    let found = if self.program.ignore_case {
                        found.to_ascii_lowercase()
                    } else {
                        found
                    };
                    if found != *byte {
                        return None;
                    }
                    at += 1;
                    pc += 1;
                }
                Step::Set(set) => {
                    if !set.has(*self.text.get(at)?) {
                        return None;
                    }
                    at += 1;
                    pc += 1;
                }
                Step::Wide(wide) => {
                    let (char, len) = match *self.text.get(at)? {
                        byte if byte < 0x80 => (Some(char::from(byte)), 1),
                        _ => bstr::decode_utf8(self.text.get(at..)?),
                    };
                    if !wide.has(char?) {
                        return None;
                    }
                    at += len;
                    pc += 1;
                }
                Step::Place(place) => {
                    if !self.is_at(*place, at) {
                        return None;
                    }
                    pc += 1;
                }
                Step::Split(first, second) => {
                    self.cache.stack.push(Job::Try { pc: *second, at });
                    pc = *first;
                }
                Step::Jump(to) => pc = *to,
                Step::Save(slot) => {
                    if let Some(save) = self.cache.saves.get_mut(*slot) {
                        let old = std::mem::replace(save, at);
                        self.cache.stack.push(Job::RestoreSave { slot: *slot, old });
                    }
                    pc += 1;
                }
                Step::LoopStart(slot) => {
                    if let Some(start) = self.cache.loops.get_mut(*slot) {
                        let old = std::mem::replace(start, at);
                        self.cache.stack.push(Job::RestoreLoop { slot: *slot, old });
                    }
                    pc += 1;
                }
                Step::LoopEnd(slot) => {
                    if self.cache.loops.get(*slot) == Some(&at) {
                        // An empty iteration ends the loop: what follows the jump back.
                        let Some(Step::Jump(split)) = steps.get(pc + 1) else {
                            return None;
                        };
                        let Some(Step::Split(_, after)) = steps.get(*split) else {
                            return None;
                        };
                        pc = *after;
                    } else {
                        pc += 1;
                    }
                }
                Step::Back(number) => {
                    let save = |slot: usize| {
                        self.cache
                            .saves
                            .get(slot)
                            .copied()
                            .filter(|it| *it != UNSET)
                    };
                    let (from, to) = (save(number * 2)?, save(number * 2 + 1)?);
                    let wanted = self.text.get(from..to)?;
                    let found = self.text.get(at..at + wanted.len())?;
                    let equal = wanted == found
                        || self.program.ignore_case
                            && if self.program.utf8 {
                                let lower = |text| String::from_utf8_lossy(text).to_lowercase();
                                lower(wanted) == lower(found)
                            } else {
                                wanted.eq_ignore_ascii_case(found)
                            };
                    if !equal {
                        return None;
                    }
                    at += wanted.len();
                    pc += 1;
                }
                Step::Match => {
                    return match goal {
                        Goal::End(end) if end != at => None,
                        _ => Some(at),
                    };
                }
            }
        }
    }

    fn is_at(&self, place: Place, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|at| self.text.get(at)).copied();
        let after = self.text.get(at).copied();
        let utf8 = self.program.utf8;
        let word_before = || match before {
            Some(byte) if byte >= 0x80 && utf8 => {
                is_word(bstr::decode_last_utf8(self.text.get(..at).unwrap_or_default()).0)
            }
            byte => is_word(byte.filter(u8::is_ascii).map(char::from)),
        };
        let word_after = || match after {
            Some(byte) if byte >= 0x80 && utf8 => {
                is_word(bstr::decode_utf8(self.text.get(at..).unwrap_or_default()).0)
            }
            byte => is_word(byte.filter(u8::is_ascii).map(char::from)),
        };
        match place {
            Place::TextStart => before.is_none(),
            Place::TextEnd => after.is_none(),
            Place::LineStart => {
                before.is_none() || (self.program.multiline && before == Some(b'\n'))
            }
            Place::LineEnd => after.is_none() || (self.program.multiline && after == Some(b'\n')),
            Place::WordEdge => word_before() != word_after(),
            Place::NotWordEdge => word_before() == word_after(),
            Place::WordStart => !word_before() && word_after(),
            Place::NoWordBefore => !word_before(),
            Place::NoWordAfter => !word_after(),
            Place::WordEnd => word_before() && !word_after(),
        }
    }
}

fn is_word(char: Option<char>) -> bool {
    char.is_some_and(|char| Class::Word.contains(char.into()))
}
