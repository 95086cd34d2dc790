//! Running statements: calls, output, loops, and `getline`.

use super::ast::{Expr, From, Place, Stmt, Text, To};
use super::format::sprintf;
use super::interpreter::{
    CONVFMT, Cell, ENVIRON, ERRNO, Flow, Interpreter, NF, OFMT, OFS, ORS, RS, RT, fatal,
};
use super::value::Value;
use crate::shared::{io, program};

/// Most calls of functions within calls.
const MAX_CALLS: usize = 150;

impl Interpreter {
    pub(super) fn call(&mut self, number: usize, arguments: &[Expr]) -> Value {
        let program = self.program.clone();
        let Some((function, body)) = program
            .functions
            .get(number)
            .and_then(|it| Some((it, it.body.clone()?)))
        else {
            program::refuse("a function that is nowhere");
        };
        if arguments.len() > function.parameters {
            program::refuse("a call with more values than parameters");
        }
        if self.calls >= MAX_CALLS {
            program::refuse("calls within calls beyond 150");
        }
        let mut cells = Vec::with_capacity(function.parameters);
        for argument in arguments {
            cells.push(match argument {
                Expr::Variable(place) if *place != Place::Global(NF) => {
                    match self.cell(*place).clone() {
                        Cell::Scalar(Value::Nothing) => Cell::Link(*place, self.base),
                        cell => cell,
                    }
                }
                other => Cell::Scalar(self.value(other)),
            });
        }
        cells.resize(function.parameters, Cell::Scalar(Value::Nothing));
        let old = self.base;
        self.base = self.stack.len();
        self.stack.extend(cells);
        self.calls += 1;
        let flow = self.run(&body);
        self.calls -= 1;
        self.stack.truncate(self.base);
        self.base = old;
        match flow {
            Flow::Return(value) => value,
            Flow::Normal => Value::Nothing,
            Flow::Exit => {
                // An exit within an expression ends awk: END rules still run.
                super::leave(self)
            }
            _ => program::refuse("'next' within a function"),
        }
    }

    /// A number that a format turns into text for `print`.
    fn printed(&mut self, expr: &Expr) -> Text {
        match self.value(expr) {
            value @ Value::Number(_) => value.bytes(&self.special(OFMT)),
            value => value.bytes(b""),
        }
    }

    fn emit(&mut self, bytes: &[u8], to: &To) {
        let result = match to {
            To::Output => {
                io::put(bytes);
                return;
            }
            To::File(name) | To::Append(name) => {
                let append = matches!(to, To::Append(_));
                let name = self.value(name);
                let name = self.text(&name);
                if name.is_empty() {
                    fatal("expression for `>' redirection has null string value");
                }
                let result = self.streams.write_file(&name, append, bytes);
                result.map_err(|error| (name, error))
            }
            To::Command(text) => {
                let text = self.value(text);
                let text = self.text(&text);
                let result = self.streams.write_command(&text, &self.environment, bytes);
                result.map_err(|error| (text, error))
            }
        };
        if let Err((name, number)) = result {
            fatal(&format!(
                "cannot redirect to `{}': {}",
                String::from_utf8_lossy(&name),
                crate::shared::errno::text(number)
            ));
        }
    }

    /// Runs a statement.
    pub fn run(&mut self, stmt: &Stmt) -> Flow {
        match stmt {
            Stmt::Expr(expr) => {
                self.value(expr);
            }
            Stmt::Print(values, to) => {
                let mut line = Vec::new();
                if values.is_empty() {
                    let record = self.field(0);
                    line.extend_from_slice(&self.text(&record));
                }
                let between = self.special(OFS);
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        line.extend_from_slice(&between);
                    }
                    line.extend_from_slice(&self.printed(value));
                }
                line.extend_from_slice(&self.special(ORS));
                self.emit(&line, to);
            }
            Stmt::Printf(values, to) => {
                let values: Vec<Value> = values.iter().map(|it| self.value(it)).collect();
                let (first, rest) = match values.split_first() {
                    Some((first, rest)) => (self.text(first), rest),
                    None => return Flow::Normal,
                };
                let text = sprintf(&first, rest, &self.special(CONVFMT));
                self.emit(&text, to);
            }
            Stmt::If(test, yes, no) => {
                if self.truth(test) {
                    return self.run(yes);
                }
                if let Some(no) = no {
                    return self.run(no);
                }
            }
            Stmt::While(test, body) => {
                while self.truth(test) {
                    match self.run(body) {
                        Flow::Break => break,
                        Flow::Normal | Flow::Continue => {}
                        other => return other,
                    }
                }
            }
            Stmt::Do(body, test) => loop {
                match self.run(body) {
                    Flow::Break => break,
                    Flow::Normal | Flow::Continue => {}
                    other => return other,
                }
                if !self.truth(test) {
                    break;
                }
            },
            Stmt::For(first, test, step, body) => {
                if let Some(first) = first {
                    self.run(first);
                }
                while test.as_ref().is_none_or(|test| self.truth(test)) {
                    match self.run(body) {
                        Flow::Break => break,
                        Flow::Normal | Flow::Continue => {}
                        other => return other,
                    }
                    if let Some(step) = step {
                        self.run(step);
                    }
                }
            }
            Stmt::ForIn(name, array, body) => {
                let array = self.array(*array);
                for key in self.ordered(&array) {
                    self.set(*name, Value::Text(key));
                    match self.run(body) {
                        Flow::Break => break,
                        Flow::Normal | Flow::Continue => {}
                        other => return other,
                    }
                }
            }
            Stmt::Block(all) => {
                for stmt in all {
                    match self.run(stmt) {
                        Flow::Normal => {}
                        other => return other,
                    }
                }
            }
            Stmt::Break => return Flow::Break,
            Stmt::Continue => return Flow::Continue,
            Stmt::Next => return Flow::Next,
            Stmt::NextFile => return Flow::NextFile,
            Stmt::Exit(value) => {
                if let Some(value) = value {
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // As in C.
                    let status = self.value(value).number() as i64 as u8;
                    self.status = status;
                }
                return Flow::Exit;
            }
            Stmt::Return(value) => {
                let value = match value {
                    Some(value) => self.value(value),
                    None => Value::Nothing,
                };
                return Flow::Return(value);
            }
            Stmt::Delete(place, keys) => {
                let array = self.array(*place);
                if keys.is_empty() {
                    array.borrow_mut().clear();
                } else {
                    let key = self.key(keys);
                    array.borrow_mut().delete(&key);
                }
                if *place == Place::Global(ENVIRON) {
                    program::refuse("deleting from ENVIRON");
                }
            }
        }
        Flow::Normal
    }

    pub(super) fn getline(&mut self, into: Option<&Expr>, from: &From) -> Value {
        let separator = self.special(RS);
        let (record, counts) = match from {
            From::Input => (super::input::next(self), false),
            From::File(name) => {
                let name = self.value(name);
                let name = self.text(&name);
                let file = self.streams.file(&name);
                let record = file.and_then(|it| it.next(&separator, &mut self.patterns));
                (record, false)
            }
            From::Command(text) => {
                let text = self.value(text);
                let text = self.text(&text);
                let reader = self.streams.command(&text, &self.environment);
                let record = reader.and_then(|it| it.next(&separator, &mut self.patterns));
                (record, true)
            }
        };
        let record = match record {
            Ok(Some(record)) => record,
            Ok(None) => return Value::Number(0.0),
            Err(number) => {
                let text = crate::shared::errno::text(number);
                self.set_special(ERRNO, Value::text(text));
                return Value::Number(-1.0);
            }
        };
        if !matches!(from, From::Input) {
            self.set_special(RT, Value::text(&record.end));
            // gawks differ in whether a command's records count.
            self.uncounted |= counts;
        }
        match into {
            Some(target) => self.assign(target, Value::input(record.text.into())),
            None => self.set_record(record.text.into()),
        }
        Value::Number(1.0)
    }
}
