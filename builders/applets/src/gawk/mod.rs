//! gawk.
//!
//! Contract: as gawk 5.2 in the C locale: POSIX awk, and of gawk's extensions those in common use.
//! Refused: programs that do not parse, arrays of arrays, coprocesses, `switch`, `FPAT` and its
//! like, what reads the clock or chance, and orders of `for … in` that cannot be told.
//!
//! Counterpart: gawk's `main.c`.

mod array;
mod ast;
mod builtins;
mod fields;
mod format;
mod input;
mod interpreter;
mod lexer;
mod number;
mod parser;
mod regex;
mod sorting;
mod statements;
mod streams;
mod value;

use crate::shared::io::Source;
use crate::shared::options::{Parsed, Spec, flag, parse, value as takes};
use crate::shared::{errno, process, program};
use ast::{Pattern, Place, Stmt, Text};
use bstr::{BString, ByteSlice};
use interpreter::{Cell, Flow, Interpreter, SPECIAL, Shared};
use std::rc::Rc;
use value::Value;

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('b', "characters-as-bytes"),
        takes('e', "source"),
        takes('F', "field-separator"),
        takes('f', "file"),
        flag('r', "re-interval"),
        takes('v', "assign"),
    ],
    permute: false,
    usage: 2,
};

/// Runs the process as `awk` or `gawk`.
pub fn main() -> ! {
    let words = program::start();
    let parsed = parse(&SPEC, words);
    let mut interpreter = set_up(&parsed);
    run(&mut interpreter)
}

/// The text of the program.
fn source(parsed: &Parsed, operands: &mut Vec<BString>) -> Vec<u8> {
    let mut text: Option<Vec<u8>> = None;
    for (key, value) in &parsed.options {
        let Some(value) = value else { continue };
        let part = match key {
            'e' => value.to_vec(),
            'f' => match Source::open(value).and_then(|it| it.read_to_end()) {
                Ok(text) => text,
                Err(number) => program::die(
                    2,
                    &[
                        b"fatal: cannot open source file `",
                        value,
                        b"' for reading: ",
                        errno::text(number).as_bytes(),
                    ],
                ),
            },
            _ => continue,
        };
        let all = text.get_or_insert_default();
        all.extend(part);
        all.push(b'\n');
    }
    match text {
        Some(text) => text,
        None if operands.is_empty() => program::refuse("no program"),
        None => operands.remove(0).into(),
    }
}

fn set_up(parsed: &Parsed) -> Interpreter {
    let mut operands = parsed.operands.clone();
    let text = source(parsed, &mut operands);
    let program = match parser::parse(&text, SPECIAL) {
        Ok(program) => Rc::new(program),
        Err(error) => program::refuse(&format!("the program: {error}")),
    };
    let environment = process::environment();
    let globals = vec![Cell::Scalar(Value::Nothing); program.globals.len()];
    let ranges = vec![false; program.ranges];
    let mut interpreter = Interpreter::new(program, globals, environment.clone(), ranges);
    for (at, text) in [
        (interpreter::FS, " "),
        (interpreter::OFS, " "),
        (interpreter::ORS, "\n"),
        (interpreter::RS, "\n"),
        (interpreter::RT, ""),
        (interpreter::SUBSEP, "\u{1c}"),
        (interpreter::CONVFMT, "%.6g"),
        (interpreter::OFMT, "%.6g"),
        (interpreter::FILENAME, ""),
        (interpreter::ERRNO, ""),
    ] {
        interpreter.set_special(at, Value::text(text));
    }
    for (at, number) in [
        (interpreter::NR, 0.0),
        (interpreter::FNR, 0.0),
        (interpreter::RSTART, 0.0),
        (interpreter::RLENGTH, -1.0),
    ] {
        interpreter.set_special(at, Value::Number(number));
    }
    let variables = interpreter.array(Place::Global(interpreter::ENVIRON));
    variables.borrow_mut().only_words = true;
    for word in &environment {
        if let Some((name, value)) = word.split_once_str("=") {
            variables
                .borrow_mut()
                .set(&Text::from(name), Value::input(value.into()));
        }
    }
    for name in ["AWKPATH", "AWKLIBPATH"] {
        let mut variables = variables.borrow_mut();
        let key: Text = name.as_bytes().into();
        if !variables.has(&key) {
            variables.set(&key, Value::Nothing);
            variables.foreign_values.push(key);
        }
    }
    let info = interpreter.array(Place::Global(interpreter::PROCINFO));
    info.borrow_mut().foreign_order = true;
    let words: Shared = interpreter.array(Place::Global(interpreter::ARGV));
    let all = std::iter::once(BString::from(program::name())).chain(operands);
    let mut count = 0;
    for (at, word) in all.enumerate() {
        let key: Text = at.to_string().into_bytes().into();
        words
            .borrow_mut()
            .set(&key, Value::input(word.to_vec().into()));
        count = at + 1;
    }
    #[allow(clippy::cast_precision_loss)] // Few words.
    interpreter.set_special(interpreter::ARGC, Value::Number(count as f64));
    assign(&mut interpreter, parsed);
    interpreter
}

/// `-F` and `-v`.
fn assign(interpreter: &mut Interpreter, parsed: &Parsed) {
    for (key, value) in &parsed.options {
        match (key, value) {
            ('v', Some(word)) if !input::assignment(interpreter, word) => program::die(
                2,
                &[
                    b"fatal: `",
                    word,
                    b"' argument to `-v' not in `var=value' form",
                ],
            ),
            ('F', Some(separator)) => {
                let text = match separator.as_slice() {
                    b"t" => program::refuse("-Ft, where gawks differ"),
                    other => match lexer::unescape(other) {
                        Ok(text) => text,
                        Err(error) => program::refuse(&error),
                    },
                };
                interpreter.set_special(interpreter::FS, Value::Text(text));
            }
            _ => {}
        }
    }
}

/// Runs rules of one kind; true: `exit` was called.
fn run_all(interpreter: &mut Interpreter, all: &[Stmt]) -> bool {
    for stmt in all {
        match interpreter.run(stmt) {
            Flow::Normal => {}
            Flow::Exit => return true,
            _ => program::refuse("'next' or 'return' outside of a rule"),
        }
    }
    false
}

fn run(interpreter: &mut Interpreter) -> ! {
    let program = interpreter.program.clone();
    if run_all(interpreter, &program.begin) {
        leave(interpreter);
    }
    if !program.rules.is_empty() || !program.end.is_empty() {
        loop {
            let record = match input::next(interpreter) {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(number) => interpreter::fatal(errno::text(number)),
            };
            interpreter.set_record(record.text.into());
            if rules(interpreter) {
                leave(interpreter);
            }
        }
    }
    leave(interpreter)
}

/// Runs the rules on a record; true: `exit` was called.
fn rules(interpreter: &mut Interpreter) -> bool {
    let program = interpreter.program.clone();
    for (pattern, body) in &program.rules {
        let applies = match pattern {
            Pattern::Always => true,
            Pattern::Expr(expr) => interpreter.value(expr).is_true(),
            Pattern::Range(first, last, number) => {
                let inside = interpreter.in_ranges.get(*number).copied().unwrap_or(false);
                let applies = inside || interpreter.value(first).is_true();
                let goes_on = applies && !interpreter.value(last).is_true();
                if let Some(slot) = interpreter.in_ranges.get_mut(*number) {
                    *slot = goes_on;
                }
                applies
            }
        };
        if !applies {
            continue;
        }
        let flow = match body {
            Some(body) => interpreter.run(body),
            None => interpreter.run(&Stmt::Print(Vec::new(), ast::To::Output)),
        };
        match flow {
            Flow::Normal => {}
            Flow::Next => return false,
            Flow::NextFile => {
                interpreter.input.skip();
                return false;
            }
            Flow::Exit => return true,
            _ => program::refuse("'break' or 'return' outside of a loop"),
        }
    }
    false
}

/// Runs the END rules, unless one of them is running, and ends.
pub(crate) fn leave(interpreter: &mut Interpreter) -> ! {
    let program = interpreter.program.clone();
    if !std::mem::replace(&mut interpreter.ending, true) {
        run_all(interpreter, &program.end);
    }
    interpreter.streams.close_all();
    program::exit(interpreter.status)
}
