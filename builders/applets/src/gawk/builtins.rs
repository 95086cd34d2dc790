//! Functions of awk's own.
//!
//! Counterpart: gawk's `builtin.c`. Refused: what depends on the clock, chance, or translations.

use super::ast::{Expr, Place, Text};
use super::fields::split;
use super::format::sprintf;
use super::interpreter::{CONVFMT, Cell, FS, Interpreter, RLENGTH, RSTART, SUBSEP, Shared, fatal};
use super::value::Value;
use crate::shared::{calendar, program, time};
use std::rc::Rc;

#[allow(clippy::cast_precision_loss)] // Lengths are far below 2^53.
pub(super) fn count(value: usize) -> Value {
    Value::Number(value as f64)
}

impl Interpreter {
    fn argument(&mut self, arguments: &[Expr], at: usize) -> Value {
        match arguments.get(at) {
            Some(expr) => self.value(expr),
            None => program::refuse("a function with too few values"),
        }
    }

    pub(super) fn argument_text(&mut self, arguments: &[Expr], at: usize) -> Text {
        let value = self.argument(arguments, at);
        self.text(&value)
    }

    fn argument_number(&mut self, arguments: &[Expr], at: usize) -> f64 {
        self.argument(arguments, at).number()
    }

    /// The array that a name stands for.
    pub(super) fn named_array(&mut self, expr: Option<&Expr>) -> Shared {
        match expr {
            Some(Expr::Variable(place)) => self.array(*place),
            _ => program::refuse("a function that needs an array"),
        }
    }

    /// Calls a function.
    pub fn builtin(&mut self, name: &str, arguments: &[Expr]) -> Value {
        match name {
            "length" => self.length(arguments),
            "substr" => self.substr(arguments),
            "index" => {
                let text = self.argument_text(arguments, 0);
                let part = self.argument_text(arguments, 1);
                if part.is_empty() {
                    program::refuse("'index' of nothing, where gawks differ");
                }
                let found = memchr::memmem::find(&text, &part);
                count(found.map_or(0, |at| at + 1))
            }
            "split" => self.split(arguments),
            "sub" | "gsub" => self.substitute(name == "gsub", arguments),
            "gensub" => self.gensub(arguments),
            "match" => self.find(arguments),
            "sprintf" => {
                let values: Vec<Value> = arguments.iter().map(|it| self.value(it)).collect();
                let Some((format, rest)) = values.split_first() else {
                    program::refuse("a function with too few values");
                };
                let format = self.text(format);
                Value::text(sprintf(&format, rest, &self.special(CONVFMT)))
            }
            "sin" => Value::Number(self.argument_number(arguments, 0).sin()),
            "cos" => Value::Number(self.argument_number(arguments, 0).cos()),
            "exp" => Value::Number(self.argument_number(arguments, 0).exp()),
            "log" => {
                let value = self.argument_number(arguments, 0);
                if value < 0.0 {
                    program::refuse("the logarithm of a negative number");
                }
                Value::Number(value.ln())
            }
            "sqrt" => {
                let value = self.argument_number(arguments, 0);
                if value < 0.0 {
                    program::refuse("the root of a negative number");
                }
                Value::Number(value.sqrt())
            }
            "atan2" => {
                let y = self.argument_number(arguments, 0);
                Value::Number(y.atan2(self.argument_number(arguments, 1)))
            }
            "int" => Value::Number(self.argument_number(arguments, 0).trunc()),
            "tolower" => Value::text(self.argument_text(arguments, 0).to_ascii_lowercase()),
            "toupper" => Value::text(self.argument_text(arguments, 0).to_ascii_uppercase()),
            "system" => {
                let text = self.argument_text(arguments, 0);
                Value::Number(self.streams.system(&text, &self.environment))
            }
            "close" => {
                if arguments.len() != 1 {
                    program::refuse("one end of a coprocess");
                }
                let name = self.argument_text(arguments, 0);
                Value::Number(self.streams.close(&name))
            }
            "fflush" => {
                for argument in arguments {
                    self.value(argument);
                }
                self.streams.flush();
                count(0)
            }
            "strtonum" => self.strtonum(arguments),
            "strftime" => self.strftime(arguments),
            "mktime" => self.mktime(arguments),
            "and" | "or" | "xor" => self.bits(name, arguments),
            "lshift" | "rshift" | "compl" => self.shift(name, arguments),
            "asort" | "asorti" => self.sort(name == "asorti", arguments),
            "isarray" => match arguments {
                [Expr::Variable(place)] => {
                    let cell = match place {
                        Place::Global(at) => self.globals.get(*at),
                        Place::Local(at) => self.stack.get(self.base + at),
                    };
                    Value::truth(matches!(cell, Some(Cell::Array(_))))
                }
                _ => count(0),
            },
            other => program::refuse(&format!("the function {other}")),
        }
    }

    fn length(&mut self, arguments: &[Expr]) -> Value {
        match arguments {
            [] => {
                let record = self.field(0);
                count(self.text(&record).len())
            }
            [Expr::Variable(place)] => {
                let cell = match place {
                    Place::Global(at) => self.globals.get(*at),
                    Place::Local(at) => self.stack.get(self.base + at),
                };
                match cell {
                    Some(Cell::Array(array)) => count(array.borrow().len()),
                    Some(Cell::Scalar(Value::Nothing) | Cell::Link(..)) => {
                        // From now on it is no array.
                        self.set(*place, Value::text(""));
                        count(0)
                    }
                    _ => {
                        let value = self.get(*place);
                        count(self.text(&value).len())
                    }
                }
            }
            _ => count(self.argument_text(arguments, 0).len()),
        }
    }

    fn substr(&mut self, arguments: &[Expr]) -> Value {
        let text = self.argument_text(arguments, 0);
        let start = self.argument_number(arguments, 1);
        let length = match arguments.get(2) {
            Some(_) => self.argument_number(arguments, 2),
            None => f64::INFINITY,
        };
        if start.is_nan() || length.is_nan() {
            program::refuse("'substr' with what is not a number");
        }
        if start < 1.0 || start.fract() != 0.0 || length.fract() > 0.0 {
            program::refuse("'substr' from before the text or of parts, where gawks differ");
        }
        let end = (start + length).min(1e15);
        let start = start.max(1.0);
        if end <= start {
            return Value::text("");
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // In range.
        let (start, end) = ((start - 1.0).min(1e15) as usize, (end - 1.0) as usize);
        let end = end.min(text.len());
        Value::text(text.get(start..end).unwrap_or_default())
    }

    fn split(&mut self, arguments: &[Expr]) -> Value {
        if arguments.len() > 4 {
            program::refuse("'split' with too many values");
        }
        let text = self.argument_text(arguments, 0);
        let separator = match arguments.get(2) {
            Some(expr) => {
                let found = self.pattern(expr);
                // `/ /` is a regular expression, " " is not.
                if matches!(expr, Expr::Regex(_)) && &*found == b" " {
                    Rc::from(&b"[ ]"[..])
                } else {
                    found
                }
            }
            None => self.special(FS),
        };
        let array = self.named_array(arguments.get(1));
        let (parts, between) = split(&text, &separator, false, &mut self.patterns);
        let total = parts.len();
        let fill = |array: &Shared, parts: Vec<Vec<u8>>, first: usize, input: bool| {
            let mut array = array.borrow_mut();
            array.clear();
            for (at, part) in parts.into_iter().enumerate() {
                let key: Text = (at + first).to_string().into_bytes().into();
                let value = if input {
                    Value::input(part.into())
                } else {
                    Value::text(part)
                };
                array.set(&key, value);
            }
        };
        if let Some(expr) = arguments.get(3) {
            let other = self.named_array(Some(expr));
            if &*separator == b" " {
                program::refuse("the separators of fields between blanks");
            }
            fill(&other, between, 1, false);
        }
        fill(&array, parts, 1, true);
        count(total)
    }

    /// All matches of a pattern, as `gsub` finds them.
    fn matches(
        &mut self,
        pattern: &[u8],
        text: &[u8],
        global: bool,
    ) -> Vec<Vec<Option<(usize, usize)>>> {
        let regex = self.patterns.get(pattern);
        let mut all = Vec::new();
        let (mut from, mut last) = (0, None);
        while from <= text.len() {
            let Some(found) = self.patterns.search(&regex, text, from) else {
                break;
            };
            let Some((start, end)) = found.first().copied().flatten() else {
                break;
            };
            if start == end && last == Some(start) {
                // Nothing is empty just behind a match.
                from = start + 1;
                last = None;
                continue;
            }
            all.push(found);
            if !global {
                break;
            }
            last = Some(end);
            from = if start == end { end + 1 } else { end };
        }
        all
    }

    fn substitute(&mut self, global: bool, arguments: &[Expr]) -> Value {
        let Some(pattern) = arguments.first() else {
            program::refuse("a function with too few values");
        };
        let pattern = self.pattern(pattern);
        let to = self.argument_text(arguments, 1);
        let record = Expr::Field(Box::new(Expr::Number(0.0)));
        let target = arguments.get(2).unwrap_or(&record);
        let old = self.value(target);
        let old = self.text(&old);
        let all = self.matches(&pattern, &old, global);
        if all.is_empty() {
            return count(0);
        }
        let mut out = Vec::new();
        let mut at = 0;
        for found in &all {
            let Some((start, end)) = found.first().copied().flatten() else {
                continue;
            };
            out.extend_from_slice(old.get(at..start).unwrap_or_default());
            replace(&to, old.get(start..end).unwrap_or_default(), &mut out);
            at = end;
        }
        out.extend_from_slice(old.get(at..).unwrap_or_default());
        match target {
            Expr::Variable(_) | Expr::Field(_) | Expr::Element(..) => {
                self.assign(target, Value::text(out));
            }
            _ => program::refuse("'sub' of what is no variable"),
        }
        count(all.len())
    }

    fn gensub(&mut self, arguments: &[Expr]) -> Value {
        let Some(pattern) = arguments.first() else {
            program::refuse("a function with too few values");
        };
        let pattern = self.pattern(pattern);
        let to = self.argument_text(arguments, 1);
        let how = self.argument(arguments, 2);
        let text = match arguments.get(3) {
            Some(_) => self.argument_text(arguments, 3),
            None => {
                let record = self.field(0);
                self.text(&record)
            }
        };
        let how_text = self.text(&how);
        let global = matches!(how_text.first(), Some(b'g' | b'G'));
        let wanted = how.number();
        if !global && wanted < 1.0 {
            program::refuse("'gensub' of a match below the first");
        }
        let all = self.matches(&pattern, &text, true);
        let mut out = Vec::new();
        let mut at = 0;
        for (number, found) in all.iter().enumerate() {
            #[allow(clippy::cast_precision_loss)] // Few matches.
            if !global && (number + 1) as f64 != wanted.trunc() {
                continue;
            }
            let Some((start, end)) = found.first().copied().flatten() else {
                continue;
            };
            out.extend_from_slice(text.get(at..start).unwrap_or_default());
            let mut letters = to.iter().copied().peekable();
            while let Some(letter) = letters.next() {
                match letter {
                    b'&' => out.extend_from_slice(text.get(start..end).unwrap_or_default()),
                    b'\\' => match letters.next() {
                        Some(digit @ b'0'..=b'9') => {
                            if let Some((from, to)) =
                                found.get(usize::from(digit - b'0')).copied().flatten()
                            {
                                out.extend_from_slice(text.get(from..to).unwrap_or_default());
                            }
                        }
                        Some(b'&') => out.push(b'&'),
                        Some(b'\\') => out.push(b'\\'),
                        Some(other) => out.extend([b'\\', other]),
                        None => out.push(b'\\'),
                    },
                    other => out.push(other),
                }
            }
            at = end;
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
        Value::text(out)
    }

    fn find(&mut self, arguments: &[Expr]) -> Value {
        let text = self.argument_text(arguments, 0);
        let Some(pattern) = arguments.get(1) else {
            program::refuse("a function with too few values");
        };
        let pattern = self.pattern(pattern);
        let found = self.matches(&pattern, &text, false).pop();
        if let Some(expr) = arguments.get(2) {
            let array = self.named_array(Some(expr));
            let between = self.special(SUBSEP);
            let mut array = array.borrow_mut();
            array.clear();
            for (group, place) in found.iter().flatten().enumerate() {
                let Some((start, end)) = place else { continue };
                let number = group.to_string().into_bytes();
                let key: Text = number.clone().into();
                let part = text.get(*start..*end).unwrap_or_default();
                array.set(&key, Value::input(part.into()));
                for (name, value) in [("start", start + 1), ("length", end - start)] {
                    let key = [&number, &*between, name.as_bytes()].concat();
                    array.set(&key.into(), count(value));
                }
            }
        }
        let (start, length) = match found.as_ref().and_then(|it| it.first().copied().flatten()) {
            Some((start, end)) => (count(start + 1), count(end - start)),
            None => (count(0), Value::Number(-1.0)),
        };
        self.set_special(RSTART, start.clone());
        self.set_special(RLENGTH, length);
        start
    }

    fn strtonum(&mut self, arguments: &[Expr]) -> Value {
        let value = self.argument(arguments, 0);
        let Value::Text(text) = &value else {
            return Value::Number(value.number());
        };
        let digits = text.trim_ascii_start();
        let radix = match digits {
            [b'0', b'x' | b'X', ..] => 16,
            [b'0', b'0'..=b'7', ..] => 8,
            _ => return Value::Number(value.number()),
        };
        let digits = digits
            .get(if radix == 16 { 2 } else { 1 }..)
            .unwrap_or_default();
        let mut number = 0.0;
        for digit in digits {
            match char::from(*digit).to_digit(radix) {
                Some(digit) => number = number * f64::from(radix) + f64::from(digit),
                None => break,
            }
        }
        Value::Number(number)
    }

    fn strftime(&mut self, arguments: &[Expr]) -> Value {
        if arguments.len() < 2 {
            program::refuse("'strftime' without a time reads the clock");
        }
        let format = self.argument_text(arguments, 0);
        let seconds = self.argument_number(arguments, 1);
        if !(0.0..1e11).contains(&seconds) {
            program::refuse("'strftime' of a time before 1970");
        }
        self.utc(arguments.get(2));
        let Ok(format) = std::str::from_utf8(&format) else {
            program::refuse("a time's format that is not UTF-8");
        };
        #[allow(clippy::cast_possible_truncation)] // In range.
        let broken = time::broken_down(seconds as i64);
        match time::strftime(format, &broken) {
            Ok(text) => Value::text(text),
            Err(letter) => program::refuse(&format!("%{letter} in a time's format")),
        }
    }

    /// The zone must be UTC: that of the process, or by the last value.
    fn utc(&mut self, flag: Option<&Expr>) {
        if flag.is_some_and(|flag| self.value(flag).is_true()) {
            return;
        }
        let zone = crate::shared::process::variable(&self.environment, "TZ").unwrap_or(b"UTC");
        if !matches!(zone, b"" | b"UTC" | b"UTC0" | b"GMT" | b"GMT0") {
            program::refuse("a time in another zone than UTC");
        }
    }

    fn mktime(&mut self, arguments: &[Expr]) -> Value {
        let text = self.argument_text(arguments, 0);
        self.utc(arguments.get(1));
        let text = String::from_utf8_lossy(&text);
        let parts: Option<Vec<i64>> = text.split_whitespace().map(|it| it.parse().ok()).collect();
        let parts = parts.unwrap_or_default();
        let [year, month, day, hour, minute, second] = *parts.as_slice() else {
            if parts.len() == 7 {
                program::refuse("daylight saving time");
            }
            return Value::Number(-1.0);
        };
        if !(1..=12).contains(&month) || parts.iter().any(|it| it.abs() > 1_000_000) {
            program::refuse("a month beyond 1 to 12");
        }
        let days = calendar::days(year, month, 1) + day - 1;
        #[allow(clippy::cast_precision_loss)] // Far below 2^53.
        Value::Number((days * 86_400 + hour * 3600 + minute * 60 + second) as f64)
    }

    fn whole(&mut self, arguments: &[Expr], at: usize) -> u64 {
        let value = self.argument_number(arguments, at);
        if !(0.0..9_007_199_254_740_992.0).contains(&value) {
            fatal("a function of bits received a negative or too large value");
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // In range.
        let value = value as u64;
        value
    }

    fn bits(&mut self, name: &str, arguments: &[Expr]) -> Value {
        if arguments.len() < 2 {
            fatal(&format!("{name}: called with less than two arguments"));
        }
        let mut result = self.whole(arguments, 0);
        for at in 1..arguments.len() {
            let value = self.whole(arguments, at);
            match name {
                "and" => result &= value,
                "or" => result |= value,
                _ => result ^= value,
            }
        }
        #[allow(clippy::cast_precision_loss)] // Below 2^53.
        Value::Number(result as f64)
    }

    fn shift(&mut self, name: &str, arguments: &[Expr]) -> Value {
        const MOST: u64 = 1 << 53;
        let value = self.whole(arguments, 0);
        let result = if name == "compl" {
            MOST - 1 - value
        } else {
            let by = self.whole(arguments, 1);
            let result = if by > 63 {
                program::refuse("a shift by more than 63 bits")
            } else if name == "lshift" {
                value.checked_mul(1 << by).filter(|it| *it < MOST)
            } else {
                Some(value >> by)
            };
            match result {
                Some(result) => result,
                None => program::refuse("a shift beyond 2^53"),
            }
        };
        #[allow(clippy::cast_precision_loss)] // Below 2^53.
        Value::Number(result as f64)
    }
}

/// Puts what a match is replaced with: `&` is the match, `\&` is `&`.
fn replace(to: &[u8], found: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    let byte = |at: usize| to.get(at).copied();
    while let Some(letter) = byte(at) {
        match (letter, byte(at + 1), byte(at + 2)) {
            (b'\\', Some(b'&'), _) => {
                out.push(b'&');
                at += 2;
            }
            (b'\\', Some(b'\\'), Some(b'&')) => {
                out.push(b'\\');
                out.extend_from_slice(found);
                at += 3;
            }
            (b'\\', Some(b'\\'), _) => {
                program::refuse("several backslashes in a replacement");
            }
            (b'&', ..) => {
                out.extend_from_slice(found);
                at += 1;
            }
            (other, ..) => {
                out.push(other);
                at += 1;
            }
        }
    }
}
