//! From a pattern's tree to the program that [`super::exec`] runs.

use crate::Syntax;
use crate::parse::{Node, Place};
use crate::set::{Set, Wide};

/// One instruction.
#[derive(Clone, Debug)]
pub enum Step {
    Byte(u8),
    Set(Box<Set>),
    /// A character of UTF-8.
    Wide(Box<Wide>),
    Place(Place),
    /// Try the first, then the second.
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    Back(usize),
    /// Remembers where an iteration starts.
    LoopStart(usize),
    /// Goes on only if the iteration consumed something.
    LoopEnd(usize),
    Match,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Program {
    pub steps: Vec<Step>,
    pub loops: usize,
    pub multiline: bool,
    pub ignore_case: bool,
    pub has_back: bool,
    pub utf8: bool,
    /// The pattern is this text and nothing else.
    pub literal: Option<Vec<u8>>,
    /// Bytes that a match can start with; `None` if it may be empty.
    pub first: Option<Set>,
    /// A match starts at the start of the text only.
    pub at_start: bool,
}

/// Most instructions of a program.
const MAX_STEPS: usize = 1 << 18;

struct Compiler {
    steps: Vec<Step>,
    loops: usize,
    has_back: bool,
    ignore_case: bool,
}

pub fn compile(node: &Node, syntax: Syntax) -> Result<Program, &'static str> {
    let mut compiler = Compiler {
        steps: Vec::new(),
        loops: 0,
        has_back: false,
        ignore_case: syntax.ignore_case,
    };
    compiler.add(node)?;
    compiler.push(Step::Match)?;
    let mut first = Set::default();
    let first = (!first_of(node, &mut first, syntax.ignore_case)).then_some(first);
    Ok(Program {
        steps: compiler.steps,
        loops: compiler.loops,
        multiline: syntax.multiline,
        ignore_case: syntax.ignore_case,
        has_back: compiler.has_back,
        utf8: syntax.utf8,
        literal: if syntax.ignore_case {
            None
        } else {
            literal(node)
        },
        first,
        at_start: !syntax.multiline && starts_at_start(node),
    })
}

fn literal(node: &Node) -> Option<Vec<u8>> {
    match node {
        Node::Byte(byte) => Some(vec![*byte]),
        Node::Concat(parts) => parts
            .iter()
            .map(|part| match part {
                Node::Byte(byte) => Some(*byte),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn starts_at_start(node: &Node) -> bool {
    match node {
        Node::Place(Place::LineStart | Place::TextStart) => true,
        Node::Concat(parts) => parts.first().is_some_and(starts_at_start),
        Node::Group(_, inner) => starts_at_start(inner),
        Node::Either(branches) => branches.iter().all(starts_at_start),
        _ => false,
    }
}

/// Adds the bytes that `node` can start with; true if it can be empty.
fn first_of(node: &Node, set: &mut Set, ignore_case: bool) -> bool {
    match node {
        Node::Empty | Node::Place(_) => true,
        Node::Back(_) => {
            *set = Set::of(|_| true);
            true
        }
        Node::Byte(byte) => {
            set.add(*byte);
            if ignore_case {
                set.add(byte.to_ascii_lowercase());
                set.add(byte.to_ascii_uppercase());
            }
            false
        }
        Node::Set(bytes) => {
            set.union(bytes);
            if ignore_case {
                *set = set.folded();
            }
            false
        }
        Node::Wide(wide) => {
            set.union(&wide.first_bytes());
            false
        }
        Node::Group(_, inner) => first_of(inner, set, ignore_case),
        Node::Concat(parts) => parts.iter().all(|part| first_of(part, set, ignore_case)),
        Node::Either(branches) => {
            let mut empty = false;
            for branch in branches {
                empty |= first_of(branch, set, ignore_case);
            }
            empty
        }
        Node::Repeat(inner, least, most) => {
            let empty = *most == Some(0) || first_of(inner, set, ignore_case);
            empty || *least == 0
        }
    }
}

fn can_be_empty(node: &Node) -> bool {
    first_of(node, &mut Set::default(), false)
}

impl Compiler {
    fn push(&mut self, step: Step) -> Result<usize, &'static str> {
        if self.steps.len() >= MAX_STEPS {
            return Err("Regular expression too big");
        }
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn set(&mut self, at: usize, step: Step) {
        if let Some(place) = self.steps.get_mut(at) {
            *place = step;
        }
    }

    fn add(&mut self, node: &Node) -> Result<(), &'static str> {
        match node {
            Node::Empty => {}
            Node::Byte(byte) => {
                let byte = if self.ignore_case {
                    byte.to_ascii_lowercase()
                } else {
                    *byte
                };
                self.push(Step::Byte(byte))?;
            }
            Node::Set(set) => {
                self.push(Step::Set(Box::new(*set)))?;
            }
            Node::Wide(wide) => {
                self.push(Step::Wide(Box::new(wide.clone())))?;
            }
            Node::Place(place) => {
                self.push(Step::Place(*place))?;
            }
            Node::Back(number) => {
                self.has_back = true;
                self.push(Step::Back(*number))?;
            }
            Node::Group(number, inner) => {
                self.push(Step::Save(number * 2))?;
                self.add(inner)?;
                self.push(Step::Save(number * 2 + 1))?;
            }
            Node::Concat(parts) => {
                for part in parts {
                    self.add(part)?;
                }
            }
            Node::Either(branches) => {
                let mut ends = Vec::new();
                for (index, branch) in branches.iter().enumerate() {
                    if index + 1 == branches.len() {
                        self.add(branch)?;
                        break;
                    }
                    let split = self.push(Step::Jump(0))?;
                    self.add(branch)?;
                    ends.push(self.push(Step::Jump(0))?);
                    let next = self.steps.len();
                    self.set(split, Step::Split(split + 1, next));
                }
                let end = self.steps.len();
                for at in ends {
                    self.set(at, Step::Jump(end));
                }
            }
            Node::Repeat(inner, least, most) => self.repeat(inner, *least, *most)?,
        }
        Ok(())
    }

    fn repeat(&mut self, inner: &Node, least: u32, most: Option<u32>) -> Result<(), &'static str> {
        for _ in 0..least {
            self.add(inner)?;
        }
        let Some(most) = most else {
            let split = self.push(Step::Jump(0))?;
            let guard = can_be_empty(inner);
            let slot = self.loops;
            if guard {
                self.loops += 1;
                self.push(Step::LoopStart(slot))?;
            }
            self.add(inner)?;
            if guard {
                self.push(Step::LoopEnd(slot))?;
            }
            self.push(Step::Jump(split))?;
            let end = self.steps.len();
            self.set(split, Step::Split(split + 1, end));
            return Ok(());
        };
        let mut splits = Vec::new();
        for _ in least..most {
            splits.push(self.push(Step::Jump(0))?);
            self.add(inner)?;
        }
        let end = self.steps.len();
        for at in splits {
            self.set(at, Step::Split(at + 1, end));
        }
        Ok(())
    }
}
