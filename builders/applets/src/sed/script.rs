//! What a script consists of.

use crate::regex::Regex;
use bstr::BString;

/// One address.
#[derive(Debug)]
pub enum Address {
    Line(u64),
    /// `FIRST~STEP`.
    Step(u64, u64),
    Last,
    /// A pattern; `None` = the one used last.
    Match(Option<Regex>),
    /// `addr,+N`.
    Plus(u64),
    /// `addr,~N`.
    Multiple(u64),
    /// `0,/re/`.
    Zero,
}

/// A part of a replacement.
#[derive(Debug)]
pub enum Part {
    Text(BString),
    Group(usize),
    /// `U`, `L`, `E`, `u`, `l`.
    Case(u8),
}

/// `s`.
#[derive(Debug)]
pub struct Substitute {
    pub regex: Option<Regex>,
    pub parts: Vec<Part>,
    pub global: bool,
    pub print: u32,
    pub number: u64,
    pub file: Option<usize>,
}

/// What a command does.
#[derive(Debug)]
pub enum Action {
    Block(usize),
    EndBlock,
    Label,
    Append(BString),
    Insert(BString),
    Change(BString),
    Branch(usize),
    BranchIf(usize),
    BranchUnless(usize),
    Delete,
    DeleteFirst,
    FileName,
    Get,
    GetAppend,
    Hold,
    HoldAppend,
    Exchange,
    List(Option<usize>),
    Next,
    NextAppend,
    Print,
    PrintFirst,
    Quit(u8),
    QuitSilently(u8),
    ReadFile(BString),
    ReadLine(usize),
    Substitute(Box<Substitute>),
    WriteFile(usize),
    WriteFirst(usize),
    Translate(Box<[u8; 256]>),
    LineNumber,
    Zap,
    Nothing,
}

/// A command with its addresses.
#[derive(Debug)]
pub struct Command {
    pub first: Option<Address>,
    pub second: Option<Address>,
    pub negated: bool,
    pub action: Action,
}

/// A whole script.
#[derive(Debug, Default)]
pub struct Script {
    pub commands: Vec<Command>,
    /// Files that `w` writes and `R` reads, by number.
    pub written: Vec<BString>,
    pub read: Vec<BString>,
}
