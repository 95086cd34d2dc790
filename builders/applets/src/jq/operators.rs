//! Operators of two values.
//!
//! Counterpart: `binop_*` in jq's `builtin.c`.

use super::ast::Operator;
use super::eval::{Stop, fail};
use super::value::{Map, Value, compare, equal};
use super::write::compact;
use crate::shared::program;
use std::cmp::Ordering;
use std::rc::Rc;

type Result<T> = std::result::Result<T, Stop>;

/// The longest string that repetition makes.
const MAX_TEXT: usize = 1 << 30;

/// A value in a message, cut as jq 1.6 cuts it.
pub fn shown(value: &Value) -> String {
    let text = compact(value);
    if text.len() <= 10 {
        return text;
    }
    let mut end = 7;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", text.get(..end).unwrap_or_default())
}

fn cannot(left: &Value, right: &Value, what: &str) -> Result<Value> {
    fail(format!(
        "{} ({}) and {} ({}) cannot be {what}",
        left.kind(),
        shown(left),
        right.kind(),
        shown(right)
    ))
}

/// Applies an operator.
pub fn apply(operator: Operator, left: Value, right: Value) -> Result<Value> {
    let order = |wanted: fn(Ordering) -> bool| Ok(Value::Bool(wanted(compare(&left, &right))));
    match operator {
        Operator::Equal => order(Ordering::is_eq),
        Operator::Unequal => order(Ordering::is_ne),
        Operator::Less => order(Ordering::is_lt),
        Operator::LessEqual => order(Ordering::is_le),
        Operator::Greater => order(Ordering::is_gt),
        Operator::GreaterEqual => order(Ordering::is_ge),
        Operator::Add => add(left, right),
        Operator::Subtract => subtract(left, right),
        Operator::Multiply => multiply(left, right),
        Operator::Divide => divide(left, right),
        Operator::Remainder => remainder(left, right),
    }
}

/// `+`. The left value is changed in place where nobody else has it.
pub fn add(left: Value, right: Value) -> Result<Value> {
    Ok(match (left, right) {
        (Value::Null, other) | (other, Value::Null) => other,
        (Value::Number(left), Value::Number(right)) => Value::number(left.get() + right.get()),
        (Value::String(left), Value::String(right)) => {
            let mut text = String::with_capacity(left.len() + right.len());
            text.push_str(&left);
            text.push_str(&right);
            Value::text(text)
        }
        (Value::Array(mut left), Value::Array(right)) => {
            Rc::make_mut(&mut left).extend(right.iter().cloned());
            Value::Array(left)
        }
        (Value::Object(mut left), Value::Object(right)) => {
            let map = Rc::make_mut(&mut left);
            for (key, value) in right.iter() {
                map.insert(key.clone(), value.clone());
            }
            Value::Object(left)
        }
        (left, right) => return cannot(&left, &right, "added"),
    })
}

fn subtract(left: Value, right: Value) -> Result<Value> {
    Ok(match (left, right) {
        (Value::Number(left), Value::Number(right)) => Value::number(left.get() - right.get()),
        (Value::Array(left), Value::Array(right)) => Value::array(
            left.iter()
                .filter(|it| !right.iter().any(|other| equal(it, other)))
                .cloned()
                .collect(),
        ),
        (left, right) => return cannot(&left, &right, "subtracted"),
    })
}

fn multiply(left: Value, right: Value) -> Result<Value> {
    Ok(match (left, right) {
        (Value::Number(left), Value::Number(right)) => Value::number(left.get() * right.get()),
        (Value::String(text), Value::Number(count))
        | (Value::Number(count), Value::String(text)) => {
            let count = count.get();
            if count.fract() != 0.0 || !(1.0..1e9).contains(&count) {
                program::refuse("a string repeated other than 1, 2, 3 … times");
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // See above.
            let count = count as usize;
            if text.len().saturating_mul(count) > MAX_TEXT {
                program::refuse("a string of more than a GiB");
            }
            Value::text(text.repeat(count))
        }
        (Value::Object(left), Value::Object(right)) => Value::object(merge(&left, &right, 0)),
        (left, right) => return cannot(&left, &right, "multiplied"),
    })
}

fn merge(left: &Map, right: &Map, depth: usize) -> Map {
    if depth > 300 {
        program::refuse("merging objects of more than 300 levels");
    }
    let mut map = left.clone();
    for (key, value) in right {
        let merged = match (map.get(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                Value::object(merge(old, new, depth + 1))
            }
            _ => value.clone(),
        };
        map.insert(key.clone(), merged);
    }
    map
}

fn divide(left: Value, right: Value) -> Result<Value> {
    match (&left, &right) {
        (Value::Number(a), Value::Number(b)) => {
            if b.get() == 0.0 {
                return cannot(&left, &right, "divided because the divisor is zero");
            }
            Ok(Value::number(a.get() / b.get()))
        }
        (Value::String(text), Value::String(separator)) => Ok(split(text, separator)),
        _ => cannot(&left, &right, "divided"),
    }
}

fn remainder(left: Value, right: Value) -> Result<Value> {
    let (Value::Number(a), Value::Number(b)) = (&left, &right) else {
        return cannot(&left, &right, "divided");
    };
    let whole = |number: f64| {
        if number.is_nan() || number.abs() >= 9e15 {
            program::refuse("'%' of numbers beyond 9e15");
        }
        #[allow(clippy::cast_possible_truncation)] // Below 2^53.
        let whole = number as i64;
        whole
    };
    let (a, b) = (whole(a.get()), whole(b.get()));
    if b == 0 {
        return cannot(
            &left,
            &right,
            "divided (remainder) because the divisor is zero",
        );
    }
    #[allow(clippy::cast_precision_loss)] // Below 2^53.
    let rest = (a % b.abs()) as f64;
    Ok(Value::number(rest))
}

/// `-x`.
pub fn negate(value: &Value) -> Result<Value> {
    match value {
        Value::Number(number) => Ok(Value::number(-number.get())),
        other => fail(format!(
            "{} ({}) cannot be negated",
            other.kind(),
            shown(other)
        )),
    }
}

/// The pieces of a text between separators; none of an empty text.
pub fn split(text: &str, separator: &str) -> Value {
    if text.is_empty() {
        return Value::array(Vec::new());
    }
    if separator.is_empty() {
        let mut buffer = [0; 4];
        let each = text
            .chars()
            .map(|it| Value::text(&*it.encode_utf8(&mut buffer)));
        return Value::array(each.collect());
    }
    Value::array(text.split(separator).map(Value::text).collect())
}
