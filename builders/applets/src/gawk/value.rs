//! Values: nothing yet, numbers, text, and input that looks like a number.

use super::ast::Text;
use super::number::{self, Form};
use std::rc::Rc;

/// A value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Never assigned: both empty and zero.
    #[default]
    Nothing,
    /// A number.
    Number(f64),
    /// Text.
    Text(Text),
    /// Input that looks like a number.
    Input(Text, f64),
}

impl Value {
    /// Text.
    pub fn text(text: impl AsRef<[u8]>) -> Value {
        Value::Text(Rc::from(text.as_ref()))
    }

    /// A truth value.
    pub fn truth(truth: bool) -> Value {
        Value::Number(if truth { 1.0 } else { 0.0 })
    }

    /// Input: a number too, if it looks like one.
    pub fn input(text: Text) -> Value {
        match number::looks_like(&text) {
            Some(value) => Value::Input(text, value),
            None => Value::Text(text),
        }
    }

    /// Its number.
    pub fn number(&self) -> f64 {
        match self {
            Value::Nothing => 0.0,
            Value::Number(value) | Value::Input(_, value) => *value,
            Value::Text(text) => number::parse(text),
        }
    }

    /// Its text; `format` is `CONVFMT` or `OFMT`.
    pub fn bytes(&self, format: &[u8]) -> Text {
        match self {
            Value::Nothing => Rc::from(&b""[..]),
            Value::Number(value) => Rc::from(number_text(*value, format)),
            Value::Text(text) | Value::Input(text, _) => text.clone(),
        }
    }

    /// Is it true?
    pub fn is_true(&self) -> bool {
        match self {
            Value::Nothing => false,
            Value::Number(value) | Value::Input(_, value) => *value != 0.0,
            Value::Text(text) => !text.is_empty(),
        }
    }

    /// Compared as a number?
    pub fn is_numeric(&self) -> bool {
        !matches!(self, Value::Text(_))
    }
}

/// A number as text: whole ones in full, others in the format.
pub fn number_text(value: f64, format: &[u8]) -> Vec<u8> {
    if value.is_nan() {
        return if value.is_sign_negative() {
            "-nan"
        } else {
            "+nan"
        }
        .into();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "+inf" }.into();
    }
    if value.fract() == 0.0 {
        return Form::default().integer(value);
    }
    super::format::sprintf(format, &[Value::Number(value)], format)
}
