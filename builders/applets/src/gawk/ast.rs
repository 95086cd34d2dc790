//! What an awk program is made of.

use std::rc::Rc;

/// Bytes that are shared.
pub type Text = Rc<[u8]>;

/// Where a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Place {
    Global(usize),
    Local(usize),
}

/// Arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Order {
    Less,
    LessEqual,
    Equal,
    Unequal,
    Greater,
    GreaterEqual,
}

/// Where `getline` reads.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum From {
    Input,
    File(Box<Expr>),
    Command(Box<Expr>),
}

/// An expression.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Expr {
    Number(f64),
    Text(Text),
    /// `/re/`: does it match the record?
    Regex(Text),
    Variable(Place),
    Field(Box<Expr>),
    Element(Place, Vec<Expr>),
    Assign(Box<Expr>, Option<Op>, Box<Expr>),
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    Compare(Order, Box<Expr>, Box<Expr>),
    /// `~`; true: `!~`.
    Match(bool, Box<Expr>, Box<Expr>),
    In(Vec<Expr>, Place),
    Concat(Box<Expr>, Box<Expr>),
    /// `++` and `--`: the step, and whether the new value is the result.
    Step(Box<Expr>, f64, bool),
    Call(usize, Vec<Expr>),
    Builtin(&'static str, Vec<Expr>),
    Getline(Option<Box<Expr>>, From),
    /// In parentheses.
    Group(Box<Expr>),
}

/// Where `print` writes.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum To {
    Output,
    File(Expr),
    Append(Expr),
    Command(Expr),
}

/// A statement.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Stmt {
    Expr(Expr),
    Print(Vec<Expr>, To),
    Printf(Vec<Expr>, To),
    If(Expr, Box<Stmt>, Option<Box<Stmt>>),
    While(Expr, Box<Stmt>),
    Do(Box<Stmt>, Expr),
    For(
        Option<Box<Stmt>>,
        Option<Expr>,
        Option<Box<Stmt>>,
        Box<Stmt>,
    ),
    ForIn(Place, Place, Box<Stmt>),
    Block(Vec<Stmt>),
    Break,
    Continue,
    Next,
    NextFile,
    Exit(Option<Expr>),
    Return(Option<Expr>),
    /// Without index: all elements.
    Delete(Place, Vec<Expr>),
}

/// When a rule runs.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Pattern {
    Always,
    Expr(Expr),
    /// From the first to the second; the number is the rule's.
    Range(Expr, Expr, usize),
}

/// A function.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// How many parameters it has.
    pub parameters: usize,
    /// Its body; none until it is defined.
    pub body: Option<Rc<Stmt>>,
}

/// A program.
#[derive(Debug, Default)]
pub struct Program {
    /// Run before the input.
    pub begin: Vec<Stmt>,
    /// Patterns and actions; no action prints the record.
    pub rules: Vec<(Pattern, Option<Stmt>)>,
    /// Run after the input.
    pub end: Vec<Stmt>,
    /// Functions by number.
    pub functions: Vec<Function>,
    /// Names of the globals.
    pub globals: Vec<String>,
    /// How many range patterns there are.
    pub ranges: usize,
}
