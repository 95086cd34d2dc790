//! Running a program: variables, expressions and statements.
//!
//! Counterpart: gawk's `interpret.h`, `eval.c`.

use super::array::Array;
use super::ast::{Expr, Op, Order, Place, Program, Text};
use super::fields::Fields;
use super::regex::Patterns;
use super::streams::Streams;
use super::value::Value;
use crate::shared::program;
use bstr::BString;
use std::cell::RefCell;
use std::rc::Rc;

/// The variables that awk knows; their numbers are their places here.
pub const SPECIAL: &[&str] = &[
    "NR",
    "NF",
    "FS",
    "OFS",
    "ORS",
    "RS",
    "RT",
    "SUBSEP",
    "CONVFMT",
    "OFMT",
    "FILENAME",
    "FNR",
    "RSTART",
    "RLENGTH",
    "ENVIRON",
    "ARGC",
    "ARGV",
    "PROCINFO",
    "ERRNO",
    "IGNORECASE",
    "FIELDWIDTHS",
    "FPAT",
    "SYMTAB",
    "FUNCTAB",
    "BINMODE",
    "LINT",
    "TEXTDOMAIN",
    "ARGIND",
];
pub const NR: usize = 0;
pub const NF: usize = 1;
pub const FS: usize = 2;
pub const OFS: usize = 3;
pub const ORS: usize = 4;
pub const RS: usize = 5;
pub const RT: usize = 6;
pub const SUBSEP: usize = 7;
pub const CONVFMT: usize = 8;
pub const OFMT: usize = 9;
pub const FILENAME: usize = 10;
pub const FNR: usize = 11;
pub const RSTART: usize = 12;
pub const RLENGTH: usize = 13;
pub const ENVIRON: usize = 14;
pub const ARGC: usize = 15;
pub const ARGV: usize = 16;
pub const PROCINFO: usize = 17;
pub const ERRNO: usize = 18;
/// From here on: what is refused when it is set.
const REFUSED: usize = 19;

/// A shared array.
pub type Shared = Rc<RefCell<Array>>;

/// What a variable holds.
#[derive(Clone, Debug)]
pub enum Cell {
    Scalar(Value),
    Array(Shared),
    /// A parameter without value: what it stands for, if it becomes an array.
    Link(Place, usize),
}

/// How a statement ends.
pub enum Flow {
    Normal,
    Break,
    Continue,
    Next,
    NextFile,
    Exit,
    Return(Value),
}

/// The running program.
pub struct Interpreter {
    pub program: Rc<Program>,
    pub globals: Vec<Cell>,
    pub stack: Vec<Cell>,
    /// Where the running function's variables start.
    pub base: usize,
    pub(super) calls: usize,
    pub fields: Fields,
    pub patterns: Patterns,
    pub streams: Streams,
    pub environment: Vec<BString>,
    pub status: u8,
    /// The files of the command line.
    pub input: super::input::Input,
    pub in_ranges: Vec<bool>,
    /// Records were read from a command.
    pub uncounted: bool,
    /// The END rules run.
    pub ending: bool,
}

/// Ends awk with a message, as gawk's fatal errors do.
pub fn fatal(text: &str) -> ! {
    program::complain(&[b"cmd. line:1: fatal: ", text.as_bytes()]);
    program::exit(2)
}

impl Interpreter {
    /// An interpreter before its variables are set.
    pub fn new(
        program: Rc<Program>,
        globals: Vec<Cell>,
        environment: Vec<BString>,
        in_ranges: Vec<bool>,
    ) -> Interpreter {
        Interpreter {
            program,
            globals,
            stack: Vec::new(),
            base: 0,
            calls: 0,
            fields: Fields::default(),
            patterns: Patterns::default(),
            streams: Streams::default(),
            environment,
            status: 0,
            input: super::input::Input::default(),
            in_ranges,
            uncounted: false,
            ending: false,
        }
    }

    pub(super) fn cell(&mut self, place: Place) -> &mut Cell {
        let slot = match place {
            Place::Global(at) => self.globals.get_mut(at),
            Place::Local(at) => self.stack.get_mut(self.base + at),
        };
        match slot {
            Some(slot) => slot,
            None => program::refuse("a variable that is nowhere"),
        }
    }

    /// The text of a special variable.
    pub fn special(&self, at: usize) -> Text {
        match self.globals.get(at) {
            Some(Cell::Scalar(value)) => value.bytes(b"%.6g"),
            _ => Rc::from(&b""[..]),
        }
    }

    /// Sets a variable that awk knows, without consequences.
    pub fn set_special(&mut self, at: usize, value: Value) {
        if let Some(slot) = self.globals.get_mut(at) {
            *slot = Cell::Scalar(value);
        }
    }

    /// The text of a value, with `CONVFMT`.
    pub fn text(&self, value: &Value) -> Text {
        match value {
            Value::Number(_) => value.bytes(&self.special(CONVFMT)),
            other => other.bytes(b""),
        }
    }

    /// A variable's value.
    pub fn get(&mut self, place: Place) -> Value {
        if place == Place::Global(NF) {
            let separator = self.special(FS);
            self.fields.split(&separator, &mut self.patterns);
            #[allow(clippy::cast_precision_loss)] // Few fields.
            return Value::Number(self.fields.count() as f64);
        }
        if self.uncounted && place == Place::Global(NR) {
            program::refuse("NR after reading from a command, where gawks differ");
        }
        match self.cell(place) {
            Cell::Scalar(value) => value.clone(),
            Cell::Array(_) => fatal("attempt to use an array in a scalar context"),
            Cell::Link(..) => Value::Nothing,
        }
    }

    /// Sets a variable, with the consequences that awk knows.
    pub fn set(&mut self, place: Place, value: Value) {
        if let Place::Global(at) = place {
            match at {
                NF => {
                    let separator = self.special(FS);
                    self.fields.split(&separator, &mut self.patterns);
                    let count = value.number();
                    if !(0.0..1e7).contains(&count) {
                        program::refuse("an NF that is negative or beyond ten million");
                    }
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // In range.
                    self.fields.resize(count as usize);
                    return;
                }
                FS => {
                    // Fields are split by what FS was when the record was read.
                    let separator = self.special(FS);
                    self.fields.split(&separator, &mut self.patterns);
                }
                _ if (REFUSED..SPECIAL.len()).contains(&at) => {
                    let name = SPECIAL.get(at).copied().unwrap_or_default();
                    program::refuse(&format!("the variable {name}"));
                }
                _ => {}
            }
        }
        match self.cell(place) {
            Cell::Array(_) => fatal("attempt to use an array in a scalar context"),
            slot => *slot = Cell::Scalar(value),
        }
    }

    /// A variable as an array, which it becomes if it has no value.
    pub fn array(&mut self, place: Place) -> Shared {
        if matches!(place, Place::Global(22 | 23)) {
            program::refuse("SYMTAB or FUNCTAB");
        }
        self.array_at(place, self.base)
    }

    fn array_at(&mut self, place: Place, base: usize) -> Shared {
        let slot = match place {
            Place::Global(at) => self.globals.get(at),
            Place::Local(at) => self.stack.get(base + at),
        };
        let made = match slot {
            Some(Cell::Array(found)) => return found.clone(),
            Some(Cell::Link(other, other_base)) => {
                let (other, other_base) = (*other, *other_base);
                self.array_at(other, other_base)
            }
            Some(Cell::Scalar(Value::Nothing)) => Shared::default(),
            _ => fatal("attempt to use a scalar value as array"),
        };
        let slot = match place {
            Place::Global(at) => self.globals.get_mut(at),
            Place::Local(at) => self.stack.get_mut(base + at),
        };
        if let Some(slot) = slot {
            *slot = Cell::Array(made.clone());
        }
        made
    }

    /// The key of one or more indices.
    pub fn key(&mut self, keys: &[Expr]) -> Text {
        if let [only] = keys {
            let value = self.value(only);
            return self.text(&value);
        }
        let separator = self.special(SUBSEP);
        let mut all = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            if index > 0 {
                all.extend_from_slice(&separator);
            }
            let value = self.value(key);
            all.extend_from_slice(&self.text(&value));
        }
        all.into()
    }

    /// Field number of an expression.
    fn field_number(&mut self, expr: &Expr) -> usize {
        let number = self.value(expr).number();
        if number < 0.0 {
            fatal(&format!("attempt to access field {number:.0}"));
        }
        if number.is_nan() || number > 1e7 {
            program::refuse("a field beyond ten million");
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // In range.
        let number = number as usize;
        number
    }

    /// A field's value.
    pub fn field(&mut self, number: usize) -> Value {
        let (separator, between) = (self.special(FS), self.special(OFS));
        if number == 0 {
            return Value::input(self.fields.record(&between));
        }
        self.fields.split(&separator, &mut self.patterns);
        match self.fields.get(number) {
            Some(value) => value,
            // What is not there is text, and no number.
            None => Value::text(""),
        }
    }

    /// Makes a record of a text.
    pub fn set_record(&mut self, text: Text) {
        self.fields.set_record(text);
    }

    fn set_field(&mut self, number: usize, value: Value) {
        if number == 0 {
            let text = self.text(&value);
            self.set_record(text);
            return;
        }
        let separator = self.special(FS);
        self.fields.split(&separator, &mut self.patterns);
        let value = match value {
            Value::Number(_) => {
                let text = self.text(&value);
                Value::Input(text, value.number())
            }
            other => other,
        };
        self.fields.set(number, value);
    }

    /// Sets what an expression names.
    pub fn assign(&mut self, target: &Expr, value: Value) {
        match target {
            Expr::Variable(place) => self.set(*place, value),
            Expr::Field(number) => {
                let number = self.field_number(number);
                self.set_field(number, value);
            }
            Expr::Element(place, keys) => {
                let key = self.key(keys);
                let array = self.array(*place);
                self.set_element(*place, &array, &key, value);
            }
            Expr::Group(inner) => self.assign(inner, value),
            _ => program::refuse("an assignment to what is no variable"),
        }
    }

    fn set_element(&mut self, place: Place, array: &Shared, key: &Text, value: Value) {
        if place == Place::Global(ENVIRON) {
            if matches!(value, Value::Number(_)) {
                program::refuse("a number as an element of ENVIRON, of which programs see nothing");
            }
            let mut word = BString::from(key.to_vec());
            word.push(b'=');
            let start = word.clone();
            word.extend_from_slice(&self.text(&value));
            match self
                .environment
                .iter_mut()
                .find(|it| it.starts_with(&start))
            {
                Some(there) => *there = word,
                None => self.environment.push(word),
            }
        }
        if place == Place::Global(PROCINFO) && &**key != b"sorted_in" {
            program::refuse("an element of PROCINFO");
        }
        array.borrow_mut().set(key, value);
    }

    /// The value of an expression.
    pub fn value(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Number(value) => Value::Number(*value),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Regex(pattern) => {
                let record = self.field(0);
                let text = self.text(&record);
                Value::truth(self.patterns.is_match(pattern, &text))
            }
            Expr::Variable(place) => self.get(*place),
            Expr::Group(inner) => self.value(inner),
            Expr::Field(number) => {
                let number = self.field_number(number);
                self.field(number)
            }
            Expr::Element(place, keys) => {
                let key = self.key(keys);
                if *place == Place::Global(PROCINFO) && &*key != b"sorted_in" {
                    program::refuse("an element of PROCINFO");
                }
                let array = self.array(*place);
                array.borrow_mut().get(&key)
            }
            Expr::Assign(target, None, right) => {
                let value = self.value(right);
                self.assign(target, value.clone());
                value
            }
            Expr::Assign(target, Some(op), right) => {
                let right = self.value(right).number();
                let left = self.value(target).number();
                let value = Value::Number(arithmetic(*op, left, right));
                self.assign(target, value.clone());
                value
            }
            Expr::Choose(test, yes, no) => {
                if self.truth(test) {
                    self.value(yes)
                } else {
                    self.value(no)
                }
            }
            Expr::And(left, right) => Value::truth(self.truth(left) && self.truth(right)),
            Expr::Or(left, right) => Value::truth(self.truth(left) || self.truth(right)),
            Expr::Not(inner) => Value::truth(!self.truth(inner)),
            Expr::Negate(inner) => Value::Number(-self.value(inner).number()),
            Expr::Plus(inner) => Value::Number(self.value(inner).number()),
            Expr::Binary(op, left, right) => {
                let left = self.value(left).number();
                let right = self.value(right).number();
                Value::Number(arithmetic(*op, left, right))
            }
            Expr::Compare(order, left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                Value::truth(self.compare(*order, &left, &right))
            }
            Expr::Match(negated, left, right) => {
                let left = self.value(left);
                let text = self.text(&left);
                let pattern = self.pattern(right);
                Value::truth(self.patterns.is_match(&pattern, &text) != *negated)
            }
            Expr::In(keys, place) => {
                let key = self.key(keys);
                let array = self.array(*place);
                let found = array.borrow().has(&key);
                Value::truth(found)
            }
            Expr::Concat(left, right) => {
                let left = self.value(left);
                let left = self.text(&left);
                let right = self.value(right);
                let right = self.text(&right);
                Value::text([&*left, &*right].concat())
            }
            Expr::Step(target, step, after) => {
                let old = self.value(target).number();
                self.assign(target, Value::Number(old + step));
                Value::Number(if *after { old + step } else { old })
            }
            Expr::Call(number, arguments) => self.call(*number, arguments),
            Expr::Builtin(name, arguments) => self.builtin(name, arguments),
            Expr::Getline(into, from) => self.getline(into.as_deref(), from),
        }
    }

    pub(super) fn truth(&mut self, expr: &Expr) -> bool {
        self.value(expr).is_true()
    }

    /// The text of a pattern: a regular expression, or any value.
    pub fn pattern(&mut self, expr: &Expr) -> Text {
        match expr {
            Expr::Regex(pattern) => pattern.clone(),
            other => {
                let value = self.value(other);
                self.text(&value)
            }
        }
    }

    fn compare(&mut self, order: Order, left: &Value, right: &Value) -> bool {
        if left.is_numeric() && right.is_numeric() {
            let (left, right) = (left.number(), right.number());
            if left.is_nan() || right.is_nan() {
                program::refuse("a comparison of what is not a number");
            }
            return match order {
                Order::Less => left < right,
                Order::LessEqual => left <= right,
                Order::Equal => left == right,
                Order::Unequal => left != right,
                Order::Greater => left > right,
                Order::GreaterEqual => left >= right,
            };
        }
        let found = self.text(left).cmp(&self.text(right));
        match order {
            Order::Less => found.is_lt(),
            Order::LessEqual => found.is_le(),
            Order::Equal => found.is_eq(),
            Order::Unequal => found.is_ne(),
            Order::Greater => found.is_gt(),
            Order::GreaterEqual => found.is_ge(),
        }
    }

    /// One more in a counter.
    pub fn count(&mut self, at: usize) {
        let old = match self.globals.get(at) {
            Some(Cell::Scalar(value)) => value.number(),
            _ => 0.0,
        };
        self.set_special(at, Value::Number(old + 1.0));
    }
}

/// The result of an operator.
fn arithmetic(op: Op, left: f64, right: f64) -> f64 {
    match op {
        Op::Add => left + right,
        Op::Subtract => left - right,
        Op::Multiply => left * right,
        Op::Divide | Op::Remainder if right == 0.0 => program::refuse("a division by zero"),
        Op::Divide => left / right,
        Op::Remainder => left % right,
        Op::Power => power(left, right),
    }
}

/// Whole exponents by squaring, as gawk computes them.
fn power(base: f64, exponent: f64) -> f64 {
    if exponent.fract() != 0.0 || exponent.abs() > 2_147_483_647.0 {
        return base.powf(exponent);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It is in range.
    let mut left = exponent.abs() as u64;
    let (mut result, mut square) = (1.0, base);
    while left > 0 {
        if left & 1 == 1 {
            result *= square;
        }
        left >>= 1;
        if left > 0 {
            square *= square;
        }
    }
    if exponent < 0.0 { 1.0 / result } else { result }
}
