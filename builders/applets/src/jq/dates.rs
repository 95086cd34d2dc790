//! Dates of the Gregorian calendar in UTC, from seconds since 1970.
//!
//! Contract: `todate`, `fromdateiso8601`, `mktime`, `gmtime` and `strftime` for whole seconds.
//! Refused: the clock, local time, and other ways to read a date.

use super::eval::{Stop, fail};
use super::value::Value;
use crate::shared::calendar::days;
use crate::shared::program;
use crate::shared::time::{self, broken_down};

type Result<T> = std::result::Result<T, Stop>;

fn seconds(input: &Value) -> i64 {
    match input {
        Value::Number(number) if number.get().fract() == 0.0 && number.get().abs() < 1e11 => {
            #[allow(clippy::cast_possible_truncation)] // It is in range.
            let seconds = number.get() as i64;
            seconds
        }
        _ => program::refuse("a time that is no whole second"),
    }
}

#[allow(clippy::cast_precision_loss)] // Small numbers.
fn number(value: i64) -> Value {
    Value::number(value as f64)
}

/// Functions without arguments.
pub fn call(name: &str, input: &Value) -> Result<Value> {
    match name {
        "gmtime" => Ok(Value::array(
            broken_down(seconds(input))
                .into_iter()
                .map(number)
                .collect(),
        )),
        "mktime" => match fields(input) {
            Some(fields) => Ok(number(from_fields(&fields))),
            None => fail("mktime requires array of 6 numbers"),
        },
        "fromdateiso8601" => {
            let Value::String(text) = input else {
                return fail("strptime/1 requires string inputs and arguments");
            };
            match iso(text) {
                Some(fields) => Ok(number(from_fields(&fields))),
                None => program::refuse("a date that is not in the form 2000-12-31T23:59:59Z"),
            }
        }
        _ => program::refuse(&format!("the function {name}/0")),
    }
}

fn from_fields(fields: &[i64; 6]) -> i64 {
    let [year, month, day, hour, minute, second] = fields;
    days(*year, month + 1, *day) * 86_400 + hour * 3600 + minute * 60 + second
}

fn fields(input: &Value) -> Option<[i64; 6]> {
    let Value::Array(values) = input else {
        return None;
    };
    let mut fields = [0; 6];
    for (field, value) in fields.iter_mut().zip(values.get(..6)?) {
        match value {
            Value::Number(_) => *field = seconds(value),
            _ => return None,
        }
    }
    if !(0..12).contains(&fields[1]) {
        program::refuse("a month beyond 0 to 11");
    }
    Some(fields)
}

fn iso(text: &str) -> Option<[i64; 6]> {
    let form = "####-##-##T##:##:##Z";
    let fits = text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'#' => byte.is_ascii_digit(),
                form => byte == form,
            });
    if !fits {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (month, day) = (part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let plain = (1..=12).contains(&month) && (1..=28).contains(&day)
        || ((1..=12).contains(&month) && (29..=31).contains(&day));
    let in_range = plain && hour < 24 && minute < 60 && second < 60;
    in_range.then_some([part(0, 4)?, month - 1, day, hour, minute, second])
}

/// `strftime`, for the conversions that are in common use.
pub fn strftime(input: &Value, format: &Value) -> Result<Value> {
    let Value::String(format) = format else {
        return fail("strftime/1 requires a string format");
    };
    let broken = match input {
        Value::Array(_) => match fields(input) {
            Some(fields) => broken_down(from_fields(&fields)),
            None => return fail("strftime/1 requires parsed datetime inputs"),
        },
        Value::Number(_) => broken_down(seconds(input)),
        _ => return fail("strftime/1 requires parsed datetime inputs"),
    };
    match time::strftime(format, &broken) {
        Ok(text) => Ok(Value::text(text)),
        Err(letter) => program::refuse(&format!("%{letter} in a date")),
    }
}
