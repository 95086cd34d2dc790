//! The files of the command line, one after the other.
//!
//! Counterpart: `nextfile` in gawk's `io.c`. The words are read from `ARGV` as they come up, and
//! `name=value` among them assigns.

use super::interpreter::{ARGC, ARGV, FILENAME, FNR, Interpreter, NR, RS, RT};
use super::streams::{Reader, Record};
use super::value::Value;
use super::{ast::Place, ast::Text, lexer};
use crate::shared::errno::{self, Result};
use crate::shared::program;

/// Where the input stands.
#[derive(Default)]
pub struct Input {
    reader: Option<Reader>,
    /// The next word's number; words are read from 1.
    next: usize,
    any: bool,
    done: bool,
}

impl Input {
    /// Leaves the file that is read.
    pub fn skip(&mut self) {
        self.reader = None;
    }
}

/// An operand of the form `name=value` assigns.
pub fn assignment(interpreter: &mut Interpreter, word: &[u8]) -> bool {
    let Some(at) = word.iter().position(|it| *it == b'=') else {
        return false;
    };
    let (name, value) = (
        word.get(..at).unwrap_or_default(),
        word.get(at + 1..).unwrap_or_default(),
    );
    let is_name = name
        .first()
        .is_some_and(|it| it.is_ascii_alphabetic() || *it == b'_')
        && name
            .iter()
            .all(|it| it.is_ascii_alphanumeric() || *it == b'_');
    if !is_name {
        return false;
    }
    let name = String::from_utf8_lossy(name).into_owned();
    let value: Text = match lexer::unescape(value) {
        Ok(value) => value,
        Err(error) => program::refuse(&error),
    };
    if let Some(place) = interpreter
        .program
        .globals
        .iter()
        .position(|it| *it == name)
    {
        interpreter.set(Place::Global(place), Value::input(value));
    }
    true
}

/// Opens the next file. False: there is none.
fn open(interpreter: &mut Interpreter) -> bool {
    loop {
        if interpreter.input.done {
            return false;
        }
        interpreter.input.next += 1;
        let next = interpreter.input.next;
        let count = interpreter.get(Place::Global(ARGC)).number();
        #[allow(clippy::cast_precision_loss)] // Few words.
        if next as f64 >= count {
            interpreter.input.done = true;
            if interpreter.input.any {
                return false;
            }
            interpreter.input.any = true;
            interpreter.input.reader = Reader::open(b"-").ok();
            interpreter.set_special(FNR, Value::Number(0.0));
            return interpreter.input.reader.is_some();
        }
        let key: Text = next.to_string().into_bytes().into();
        let array = interpreter.array(Place::Global(ARGV));
        if !array.borrow().has(&key) {
            continue;
        }
        let value = array.borrow_mut().get(&key);
        let word = interpreter.text(&value);
        if word.is_empty() || assignment(interpreter, &word) {
            continue;
        }
        interpreter.input.any = true;
        match Reader::open(&word) {
            Ok(reader) => {
                interpreter.input.reader = Some(reader);
                interpreter.set_special(FILENAME, Value::input(word));
                interpreter.set_special(FNR, Value::Number(0.0));
                return true;
            }
            Err(rustix::io::Errno::ISDIR) => program::complain(&[
                b"cmd. line:1: warning: command line argument `",
                &word,
                b"' is a directory: skipped",
            ]),
            Err(number) => {
                let text = errno::text(number);
                program::complain(&[
                    b"fatal: cannot open file `",
                    &word,
                    b"' for reading: ",
                    text.as_bytes(),
                ]);
                program::exit(2)
            }
        }
    }
}

/// The next record of the input.
pub fn next(interpreter: &mut Interpreter) -> Result<Option<Record>> {
    loop {
        if interpreter.input.reader.is_none() && !open(interpreter) {
            return Ok(None);
        }
        let separator = interpreter.special(RS);
        interpreter.fields.paragraphs = separator.is_empty();
        let Some(reader) = interpreter.input.reader.as_mut() else {
            return Ok(None);
        };
        if let Some(record) = reader.next(&separator, &mut interpreter.patterns)? {
            interpreter.count(NR);
            interpreter.count(FNR);
            interpreter.set_special(RT, Value::text(&record.end));
            return Ok(Some(record));
        }
        interpreter.input.reader = None;
    }
}
