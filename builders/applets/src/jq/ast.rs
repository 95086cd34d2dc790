//! What a jq program is made of. Programs live as long as the process.

use super::value::Value;

/// A shared part of a program.
pub type Part = &'static Node;

/// A filter.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Node {
    Identity,
    /// `..`
    Descend,
    Literal(Value),
    /// Pieces of a string and the format that values pass.
    Text(Option<String>, Vec<Chunk>),
    Format(String),
    Index(Part, Part),
    Slice(Part, Option<Part>, Option<Part>),
    Each(Part),
    Try(Part, Option<Part>),
    Collect(Option<Part>),
    Object(Vec<(Part, Part)>),
    Negate(Part),
    Pipe(Part, Part),
    Comma(Part, Part),
    Binary(Operator, Part, Part),
    And(Part, Part),
    Or(Part, Part),
    Alternative(Part, Part),
    /// `=`
    Assign(Part, Part),
    /// `|=`
    Update(Part, Part),
    /// `+=` and its like; none: `//=`.
    Change(Option<Operator>, Part, Part),
    If(Part, Part, Option<Part>),
    Reduce(Part, Pattern, Part, Part),
    Foreach(Part, Pattern, Part, Part, Option<Part>),
    Define(&'static Definition, Part),
    Call(&'static str, Vec<Part>),
    Variable(&'static str),
    Bind(Part, Pattern, Part),
    Label(&'static str, Part),
    Break(&'static str),
}

/// A piece of a string.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Chunk {
    Text(String),
    Program(Part),
}

/// Operators of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// What values are bound to.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Pattern {
    Variable(&'static str),
    Array(Vec<Pattern>),
    /// Key, the variable that `$name:` binds besides, and the pattern of the value.
    Object(Vec<(Part, Option<&'static str>, Option<Pattern>)>),
}

/// A function that a program defines.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// Its parameters; true: one with `$`.
    pub parameters: Vec<(&'static str, bool)>,
    /// What it does.
    pub body: Part,
}

/// Keeps a part for good.
pub fn keep(node: Node) -> Part {
    Box::leak(Box::new(node))
}
