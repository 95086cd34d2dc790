//! From words to a program: rules, functions, statements. Expressions are in [`expressions`].
//!
//! Counterpart: gawk's `awkgram.y`. What does not parse, and `switch`, `BEGINFILE`, `@include` and
//! arrays of arrays, are refused.

use super::ast::{Expr, Function, Pattern, Place, Program, Stmt, To};
use super::lexer::{Token, split};
use std::rc::Rc;

mod expressions;

/// Most levels of nesting.
const MAX_DEPTH: usize = 200;

pub(super) type Result<T> = std::result::Result<T, String>;

/// The parser.
pub struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// `>` redirects here, and `in` belongs to `for`.
    pub(super) no_greater: bool,
    pub(super) no_in: bool,
    pub(super) program: Program,
    pub(super) locals: Vec<String>,
}

/// Parses a program; `globals` are the variables that are known by number.
pub fn parse(text: &[u8], globals: &[&str]) -> Result<Program> {
    let mut parser = Parser {
        tokens: split(text)?,
        at: 0,
        depth: 0,
        no_greater: false,
        no_in: false,
        program: Program {
            globals: globals.iter().map(|it| (*it).to_owned()).collect(),
            ..Program::default()
        },
        locals: Vec::new(),
    };
    parser.items()?;
    if let Some(missing) = parser.program.functions.iter().find(|it| it.body.is_none()) {
        return Err(format!("the function '{}' is not defined", missing.name));
    }
    Ok(parser.program)
}

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    pub(super) fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Token::Mark(found) if *found == mark)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Keyword(found) if *found == word)
    }

    pub(super) fn take(&mut self, mark: &str) -> bool {
        let found = self.is(mark);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, mark: &str) -> Result<()> {
        if self.take(mark) {
            return Ok(());
        }
        self.wrong(&format!("'{mark}'"))
    }

    pub(super) fn wrong<T>(&self, expected: &str) -> Result<T> {
        Err(format!("expected {expected}, found {:?}", self.peek()))
    }

    pub(super) fn newlines(&mut self) {
        while matches!(self.peek(), Token::Newline) {
            self.at += 1;
        }
    }

    fn ends(&mut self) {
        while matches!(self.peek(), Token::Newline | Token::Mark(";")) {
            self.at += 1;
        }
    }

    fn items(&mut self) -> Result<()> {
        loop {
            self.ends();
            match self.peek().clone() {
                Token::End => return Ok(()),
                Token::Keyword("BEGIN") => {
                    self.at += 1;
                    let body = self.block()?;
                    self.program.begin.push(body);
                }
                Token::Keyword("END") => {
                    self.at += 1;
                    let body = self.block()?;
                    self.program.end.push(body);
                }
                Token::Keyword("function" | "func") => self.function()?,
                Token::Mark("{") => {
                    let body = self.block()?;
                    self.program.rules.push((Pattern::Always, Some(body)));
                }
                _ => {
                    let first = self.expr()?;
                    let pattern = if self.take(",") {
                        self.newlines();
                        let second = self.expr()?;
                        self.program.ranges += 1;
                        Pattern::Range(first, second, self.program.ranges - 1)
                    } else {
                        Pattern::Expr(first)
                    };
                    let body = if self.is("{") {
                        Some(self.block()?)
                    } else {
                        None
                    };
                    self.program.rules.push((pattern, body));
                }
            }
            if !matches!(self.peek(), Token::Newline | Token::Mark(";") | Token::End)
                && !matches!(
                    self.tokens.get(self.at.saturating_sub(1)),
                    Some(Token::Mark("}"))
                )
            {
                return self.wrong("the end of a rule");
            }
        }
    }

    fn function(&mut self) -> Result<()> {
        self.at += 1;
        let name = match self.peek().clone() {
            Token::Name(name, _) => name,
            _ => return self.wrong("a function's name"),
        };
        self.at += 1;
        self.expect("(")?;
        let mut locals: Vec<String> = Vec::new();
        while let Token::Name(local, _) = self.peek().clone() {
            if locals.contains(&local) {
                return Err(format!("the parameter '{local}' is there twice"));
            }
            locals.push(local);
            self.at += 1;
            if !self.take(",") {
                break;
            }
            self.newlines();
        }
        self.expect(")")?;
        self.newlines();
        let number = self.function_number(&name);
        let count = locals.len();
        self.locals = locals;
        let body = self.block()?;
        self.locals.clear();
        let Some(function) = self.program.functions.get_mut(number) else {
            return self.wrong("a function");
        };
        if function.body.is_some() {
            return Err(format!("the function '{name}' is defined twice"));
        }
        function.parameters = count;
        function.body = Some(Rc::new(body));
        Ok(())
    }

    pub(super) fn function_number(&mut self, name: &str) -> usize {
        let functions = &mut self.program.functions;
        if let Some(at) = functions.iter().position(|it| it.name == name) {
            return at;
        }
        functions.push(Function {
            name: name.to_owned(),
            ..Function::default()
        });
        functions.len() - 1
    }

    pub(super) fn place(&mut self, name: &str) -> Place {
        if let Some(at) = self.locals.iter().position(|it| it == name) {
            return Place::Local(at);
        }
        let globals = &mut self.program.globals;
        if let Some(at) = globals.iter().position(|it| it == name) {
            return Place::Global(at);
        }
        globals.push(name.to_owned());
        Place::Global(globals.len() - 1)
    }

    fn block(&mut self) -> Result<Stmt> {
        self.expect("{")?;
        let mut all = Vec::new();
        loop {
            self.ends();
            if self.take("}") {
                return Ok(Stmt::Block(all));
            }
            all.push(self.stmt()?);
        }
    }

    /// The end of a simple statement.
    fn finish(&mut self) -> Result<()> {
        match self.peek() {
            Token::Newline | Token::Mark(";") => {
                self.at += 1;
                Ok(())
            }
            Token::Mark("}") | Token::End => Ok(()),
            _ => self.wrong("the end of a statement"),
        }
    }

    /// The body of `if` and its like, on the same line or after.
    fn body(&mut self) -> Result<Stmt> {
        self.newlines();
        if self.take(";") {
            return Ok(Stmt::Block(Vec::new()));
        }
        self.stmt()
    }

    fn stmt(&mut self) -> Result<Stmt> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.wrong("fewer levels");
        }
        let stmt = self.stmt_inner();
        self.depth -= 1;
        stmt
    }

    fn stmt_inner(&mut self) -> Result<Stmt> {
        let token = self.peek().clone();
        let Token::Keyword(word) = token else {
            if self.is("{") {
                return self.block();
            }
            let stmt = self.simple()?;
            self.finish()?;
            return Ok(stmt);
        };
        let stmt = match word {
            "if" => {
                self.at += 1;
                let test = self.condition()?;
                let yes = self.body()?;
                let after = self.at;
                self.ends();
                if self.take_word("else") {
                    let no = self.body()?;
                    return Ok(Stmt::If(test, Box::new(yes), Some(Box::new(no))));
                }
                self.at = after;
                return Ok(Stmt::If(test, Box::new(yes), None));
            }
            "while" => {
                self.at += 1;
                let test = self.condition()?;
                let body = self.body()?;
                return Ok(Stmt::While(test, Box::new(body)));
            }
            "do" => {
                self.at += 1;
                let body = self.body()?;
                self.ends();
                if !self.take_word("while") {
                    return self.wrong("'while'");
                }
                let test = self.condition()?;
                Stmt::Do(Box::new(body), test)
            }
            "for" => return self.loop_for(),
            "break" | "continue" | "next" | "nextfile" => {
                self.at += 1;
                match word {
                    "break" => Stmt::Break,
                    "continue" => Stmt::Continue,
                    "next" => Stmt::Next,
                    _ => Stmt::NextFile,
                }
            }
            "exit" | "return" => {
                self.at += 1;
                let value = match self.peek() {
                    Token::Newline | Token::Mark(";" | "}") | Token::End => None,
                    _ => Some(self.expr()?),
                };
                if word == "exit" {
                    Stmt::Exit(value)
                } else {
                    Stmt::Return(value)
                }
            }
            "switch" | "case" | "default" | "BEGINFILE" | "ENDFILE" => {
                return Err(format!("'{word}'"));
            }
            _ => self.simple()?,
        };
        self.finish()?;
        Ok(stmt)
    }

    fn condition(&mut self) -> Result<Expr> {
        self.expect("(")?;
        let test = self.expr()?;
        self.expect(")")?;
        Ok(test)
    }

    fn loop_for(&mut self) -> Result<Stmt> {
        self.at += 1;
        self.expect("(")?;
        // `for (name in array)`.
        if let (
            Token::Name(name, _),
            Some(Token::Keyword("in")),
            Some(Token::Name(array, _)),
            Some(Token::Mark(")")),
        ) = (
            self.peek().clone(),
            self.tokens.get(self.at + 1),
            self.tokens.get(self.at + 2).cloned(),
            self.tokens.get(self.at + 3),
        ) {
            let (name, array) = (self.place(&name), self.place(&array));
            self.at += 4;
            let body = self.body()?;
            return Ok(Stmt::ForIn(name, array, Box::new(body)));
        }
        let first = if self.is(";") {
            None
        } else {
            Some(Box::new(self.simple()?))
        };
        self.expect(";")?;
        self.newlines();
        let test = if self.is(";") {
            None
        } else {
            Some(self.expr()?)
        };
        self.expect(";")?;
        self.newlines();
        let step = if self.is(")") {
            None
        } else {
            Some(Box::new(self.simple()?))
        };
        self.expect(")")?;
        let body = self.body()?;
        Ok(Stmt::For(first, test, step, Box::new(body)))
    }

    fn simple(&mut self) -> Result<Stmt> {
        if self.is_word("print") || self.is_word("printf") {
            let formatted = self.is_word("printf");
            self.at += 1;
            return self.print(formatted);
        }
        if self.take_word("delete") {
            let parens = self.take("(");
            let Token::Name(name, _) = self.peek().clone() else {
                return self.wrong("an array");
            };
            self.at += 1;
            let place = self.place(&name);
            let keys = if self.take("[") {
                let keys = self.list("]")?;
                if self.is("[") {
                    return self.wrong("no array of arrays");
                }
                keys
            } else {
                Vec::new()
            };
            if parens {
                self.expect(")")?;
            }
            return Ok(Stmt::Delete(place, keys));
        }
        Ok(Stmt::Expr(self.expr()?))
    }

    /// Expressions up to a mark, which is taken.
    pub(super) fn list(&mut self, end: &str) -> Result<Vec<Expr>> {
        let outer = (self.no_greater, self.no_in);
        (self.no_greater, self.no_in) = (false, false);
        let mut all = Vec::new();
        self.newlines();
        if !self.take(end) {
            loop {
                all.push(self.expr()?);
                self.newlines();
                if self.take(end) {
                    break;
                }
                self.expect(",")?;
                self.newlines();
            }
        }
        (self.no_greater, self.no_in) = outer;
        Ok(all)
    }

    fn print(&mut self, formatted: bool) -> Result<Stmt> {
        let mut values = Vec::new();
        let ends = |token: &Token| {
            matches!(
                token,
                Token::Newline | Token::End | Token::Mark(";" | "}" | ">" | ">>" | "|")
            )
        };
        let outer = std::mem::replace(&mut self.no_greater, true);
        if !ends(self.peek()) {
            // A list in parentheses, unless an expression goes on after it.
            let start = self.at;
            let mut grouped = false;
            if self.take("(") {
                if let Ok(all) = self.list(")")
                    && ends(self.peek())
                {
                    values = all;
                    grouped = true;
                }
                if !grouped {
                    self.at = start;
                }
            }
            if !grouped {
                loop {
                    values.push(self.expr()?);
                    if !self.take(",") {
                        break;
                    }
                    self.newlines();
                }
            }
        }
        let to = if self.take(">") {
            To::File(self.concatenation(true)?)
        } else if self.take(">>") {
            To::Append(self.concatenation(true)?)
        } else if self.take("|") {
            To::Command(self.concatenation(true)?)
        } else if self.is("|&") {
            return self.wrong("no coprocess");
        } else {
            To::Output
        };
        self.no_greater = outer;
        if formatted && values.is_empty() {
            return self.wrong("a format");
        }
        Ok(if formatted {
            Stmt::Printf(values, to)
        } else {
            Stmt::Print(values, to)
        })
    }
}
