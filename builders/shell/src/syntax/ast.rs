//! The syntax tree of a script, as bash's grammar has it (`parse.y`, and the chapters "Shell
//! Grammar" and "EXPANSION" of bash(1)). Text is bytes throughout. Words are parsed completely,
//! the programs inside command substitutions included, so that running never parses again.
//!
//! Commands that may run in another instance carry an `id`, their number in the [`Unit`] that
//! they were parsed in. Parsing is deterministic: the other instance parses the same text again
//! and picks the same number (see `exec::image`).

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use crate::arith::Expr;
use crate::state::vars::Slot;

/// One source of script text: a file, a `-c` string, an `eval`.
#[derive(Debug)]
pub struct Source {
    /// What error messages and `BASH_SOURCE` call it.
    pub name: Rc<[u8]>,
    /// The whole text.
    pub text: Rc<[u8]>,
}

/// Where a piece of a source lies and how it was parsed: enough to parse it again.
#[derive(Clone, Debug)]
pub struct Place {
    pub source: Rc<Source>,
    pub start: usize,
    pub end: usize,
    /// Line number of `start`, from 1.
    pub line: u32,
    /// Parser flags in force ([`super::Flags::to_bits`]).
    pub flags: u8,
}

/// One complete command line (or function body's origin): the unit of parsing.
#[derive(Debug)]
pub struct Unit {
    pub place: Place,
    pub list: List,
}

/// Commands joined by `;`, `&` and newlines.
#[derive(Debug, Default)]
pub struct List {
    pub items: Vec<Item>,
}

#[derive(Debug)]
pub struct Item {
    pub and_or: Rc<AndOr>,
    pub background: bool,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Debug)]
pub struct AndOr {
    pub first: Pipeline,
    pub rest: Vec<(Connector, Pipeline)>,
    /// Number for a background list that another instance runs.
    pub id: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connector {
    And,
    Or,
}

#[derive(Debug)]
pub struct Pipeline {
    pub negated: bool,
    /// `time`, and whether in the form of POSIX (`-p`).
    pub timed: Option<bool>,
    pub commands: Vec<Rc<Command>>,
}

#[derive(Debug)]
pub struct Command {
    pub id: u32,
    pub line: u32,
    pub kind: Kind,
    pub redirects: Vec<Redirect>,
}

#[derive(Debug)]
pub enum Kind {
    Simple(Simple),
    Group(List),
    Subshell(List),
    If {
        /// Condition and body of `if` and of each `elif`.
        arms: Vec<(List, List)>,
        otherwise: Option<List>,
    },
    While {
        until: bool,
        condition: List,
        body: List,
    },
    For {
        name: Vec<u8>,
        words: Option<Vec<Word>>,
        body: List,
    },
    Select {
        name: Vec<u8>,
        words: Option<Vec<Word>>,
        body: List,
    },
    ArithFor {
        init: ArithText,
        condition: ArithText,
        update: ArithText,
        body: List,
    },
    Case {
        word: Word,
        arms: Vec<CaseArm>,
    },
    Arith(ArithText),
    Cond(Cond),
    Function {
        name: Vec<u8>,
        body: Rc<Command>,
    },
    /// A function whose body, of that number, is still to be parsed (`exec::outline`).
    FunctionAt {
        name: Vec<u8>,
        body: u32,
    },
    Coproc {
        name: Vec<u8>,
        body: Rc<Command>,
    },
}

#[derive(Debug)]
pub struct Simple {
    pub assigns: Vec<Assign>,
    pub words: Vec<Word>,
    /// Compound assignments among the arguments of `declare` and its kin: index in `words`
    /// where the word `NAME=` stands, and the values.
    pub array_args: Vec<(usize, Assign)>,
}

#[derive(Debug)]
pub struct CaseArm {
    pub patterns: Vec<Word>,
    pub body: List,
    pub end: CaseEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseEnd {
    /// `;;`
    Stop,
    /// `;&`
    FallThrough,
    /// `;;&`
    TestNext,
}

/// `name=value`, `name[sub]+=value`, `name=( … )`.
#[derive(Debug)]
pub struct Assign {
    pub name: Vec<u8>,
    pub subscript: Option<Subscript>,
    pub append: bool,
    pub value: AssignValue,
}

#[derive(Debug)]
pub enum AssignValue {
    Scalar(Word),
    Array(Vec<Element>),
}

/// One element of a compound assignment.
#[derive(Debug)]
pub struct Element {
    pub subscript: Option<Subscript>,
    pub append: bool,
    pub value: Word,
}

/// What stands between `[` and `]`: an arithmetic expression or a key, as the array's type says.
#[derive(Debug)]
pub struct Subscript {
    pub word: Word,
    /// The text as written.
    pub raw: Vec<u8>,
    pub arith: ArithText,
}

#[derive(Debug, Clone, Default)]
pub struct Word {
    pub parts: Vec<Part>,
    /// Has an unquoted `{`, so that brace expansion must look.
    pub brace: bool,
    /// Where it stands in the source, for printing functions.
    pub span: (usize, usize),
    /// For a word of the form `name=…` or `name[…]=…`: length of the part up to and with `=`.
    pub assignment: Option<usize>,
}

#[derive(Debug, Clone)]
pub enum Part {
    /// Unquoted literal text.
    Lit(Vec<u8>),
    /// Text from `'…'`, `$'…'`, `\x`.
    Quoted(Vec<u8>),
    /// `"…"`
    Double(Vec<Part>),
    Param(Rc<Param>),
    Command(Rc<CommandSub>),
    Arith(Rc<ArithText>),
    Process {
        write: bool,
        body: Rc<CommandSub>,
    },
}

/// The program inside `$(…)`, `` `…` `` or `<(…)`.
#[derive(Debug)]
pub struct CommandSub {
    pub id: u32,
    pub list: List,
    /// Set when the text in backquotes does not parse: the error of running it.
    pub error: Option<(u32, String)>,
}

/// The text of an arithmetic expression, parsed ahead when it has no expansions.
#[derive(Debug, Default)]
pub struct ArithText {
    pub parts: Vec<Part>,
    pub raw: Vec<u8>,
    pub parsed: OnceCell<Option<Rc<Expr>>>,
}

/// A here-document's body; filled in when the line that holds its operator ends.
#[derive(Debug, Default)]
pub struct HereDoc {
    pub word: RefCell<Rc<Word>>,
    pub quoted: bool,
    pub strip_tabs: bool,
    pub delimiter: Vec<u8>,
    pub body_span: RefCell<(usize, usize)>,
}

#[derive(Debug)]
pub struct Redirect {
    pub target: RedirectFd,
    pub op: RedirectOp,
}

#[derive(Debug)]
pub enum RedirectFd {
    Default,
    Number(u32),
    /// `{name}>`
    Variable(Vec<u8>),
}

#[derive(Debug)]
pub enum RedirectOp {
    Read(Word),
    Write(Word),
    Append(Word),
    Clobber(Word),
    ReadWrite(Word),
    DupIn(Word),
    DupOut(Word),
    /// `&>` and `>&file`
    Both(Word),
    /// `&>>`
    BothAppend(Word),
    HereDoc(Rc<HereDoc>),
    HereString(Word),
}

#[derive(Debug)]
pub struct Param {
    pub name: ParamName,
    pub subscript: Option<ParamSub>,
    /// `${!…}`
    pub indirect: bool,
    pub op: ParamOp,
    /// Where the variable of that name is, once it was looked up.
    pub slot: Slot,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamName {
    Name(Vec<u8>),
    /// `$1`, `${10}`
    Position(usize),
    /// One of `@*#?-$!0_` (but `0` as itself and `_` only by name).
    Special(u8),
}

#[derive(Debug)]
pub enum ParamSub {
    /// `[@]`
    At,
    /// `[*]`
    Star,
    Index(Subscript),
}

#[derive(Debug)]
pub enum ParamOp {
    None,
    Length,
    /// `:-` and its kin: the character, whether with a colon, the word.
    Default {
        kind: u8,
        colon: bool,
        word: Word,
    },
    Trim {
        suffix: bool,
        longest: bool,
        pattern: Word,
    },
    Slice {
        offset: ArithText,
        length: Option<ArithText>,
    },
    Replace {
        kind: ReplaceKind,
        pattern: Word,
        with: Option<Word>,
    },
    /// `^`, `,`, `~`; every character or the first.
    Case {
        kind: u8,
        all: bool,
        pattern: Option<Word>,
    },
    /// `@Q` and its kin.
    Transform(u8),
    /// `${!prefix@}` (quoted: separate words) and `${!prefix*}`.
    Prefix {
        at: bool,
    },
    /// Not a valid expansion: the text.
    Bad(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaceKind {
    First,
    All,
    Start,
    End,
}

/// `[[ … ]]`
#[derive(Debug)]
pub enum Cond {
    /// Any of them; at least two.
    Or(Vec<Cond>),
    /// All of them; at least two.
    And(Vec<Cond>),
    Not(Box<Cond>),
    Group(Box<Cond>),
    Unary(Vec<u8>, Word),
    Binary(Vec<u8>, Word, Word),
    Word(Word),
}

impl Word {
    /// The text, if it is one unquoted literal.
    pub fn literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [Part::Lit(text)] => Some(text),
            _ => None,
        }
    }

    /// A word that is one literal.
    pub fn from_literal(text: &[u8]) -> Word {
        Word {
            parts: vec![Part::Lit(text.to_vec())],
            ..Word::default()
        }
    }
}

impl ArithText {
    /// The text, if it holds no expansion and no quote.
    pub fn literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(b""),
            [Part::Lit(text)] => Some(text),
            _ => None,
        }
    }
}
