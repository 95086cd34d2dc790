//! POSIX extended regular expressions for `[[ … =~ … ]]`: leftmost, then longest, without
//! backtracking (Thompson's automaton, threads with captures as in Pike's VM). Between matches of
//! the same extent the captures are those of greedy matching from left to right. Back-references
//! are not regular and are refused. Counterpart: `regcomp(3)` with `REG_EXTENDED`.

mod parse;
mod vm;

use crate::pattern::set::Set;

/// Most instructions of one expression: `{m,n}` copies what it repeats.
const MAX_PROGRAM: usize = 1 << 16;

#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub nocase: bool,
    pub utf8: bool,
}

/// A compiled expression.
#[derive(Debug)]
pub struct Regex {
    program: Vec<Inst>,
    groups: usize,
    options: Options,
}

#[derive(Debug, Clone)]
enum Inst {
    Char(u32),
    Any,
    Set(Set),
    Split(usize, usize),
    Jump(usize),
    Save(usize),
    Assert(Assertion),
    Match,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assertion {
    Start,
    End,
    WordBoundary,
    NotWordBoundary,
    WordStart,
    WordEnd,
}

/// Syntax tree of an expression.
#[derive(Debug, Clone)]
enum Node {
    Empty,
    Char(u32),
    Any,
    Set(Set),
    Assert(Assertion),
    Group(usize, Box<Node>),
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
}

/// Start and end of a group's text, in bytes; `None` if the group took no part.
pub type Span = Option<(usize, usize)>;

impl Regex {
    /// Compiles an expression. `Err` says why it is not one.
    pub fn new(text: &[u8], options: Options) -> Result<Regex, &'static str> {
        let (node, groups) = parse::parse(text, options.utf8)?;
        let mut program = Vec::new();
        emit(&mut program, &Node::Group(0, Box::new(node)))?;
        program.push(Inst::Match);
        Ok(Regex {
            program,
            groups: groups + 1,
            options,
        })
    }

    /// The leftmost-longest match: the spans of the whole and of each group.
    pub fn find(&self, text: &[u8]) -> Option<Vec<Span>> {
        vm::run(&self.program, self.groups, text, self.options)
    }
}

fn emit(program: &mut Vec<Inst>, node: &Node) -> Result<(), &'static str> {
    if program.len() > MAX_PROGRAM {
        return Err("Regular expression too big");
    }
    match node {
        Node::Empty => {}
        Node::Char(c) => program.push(Inst::Char(*c)),
        Node::Any => program.push(Inst::Any),
        Node::Set(set) => program.push(Inst::Set(set.clone())),
        Node::Assert(a) => program.push(Inst::Assert(*a)),
        Node::Group(n, inner) => {
            program.push(Inst::Save(2 * n));
            emit(program, inner)?;
            program.push(Inst::Save(2 * n + 1));
        }
        Node::Concat(nodes) => {
            for node in nodes {
                emit(program, node)?;
            }
        }
        Node::Alternate(nodes) => {
            let mut jumps = Vec::new();
            for (i, node) in nodes.iter().enumerate() {
                if i + 1 == nodes.len() {
                    emit(program, node)?;
                    break;
                }
                let split = program.len();
                program.push(Inst::Split(split + 1, 0));
                emit(program, node)?;
                jumps.push(program.len());
                program.push(Inst::Jump(0));
                let next = program.len();
                set(program, split, Inst::Split(split + 1, next));
            }
            let end = program.len();
            for jump in jumps {
                set(program, jump, Inst::Jump(end));
            }
        }
        Node::Repeat(inner, min, max) => {
            for _ in 0..*min {
                emit(program, inner)?;
            }
            match max {
                None => {
                    let split = program.len();
                    program.push(Inst::Split(split + 1, 0));
                    emit(program, inner)?;
                    program.push(Inst::Jump(split));
                    let end = program.len();
                    set(program, split, Inst::Split(split + 1, end));
                }
                Some(max) => {
                    let mut splits = Vec::new();
                    for _ in *min..*max {
                        splits.push(program.len());
                        program.push(Inst::Jump(0));
                        emit(program, inner)?;
                    }
                    let end = program.len();
                    for split in splits {
                        set(program, split, Inst::Split(split + 1, end));
                    }
                }
            }
        }
    }
    Ok(())
}

fn set(program: &mut [Inst], at: usize, inst: Inst) {
    if let Some(slot) = program.get_mut(at) {
        *slot = inst;
    }
}
