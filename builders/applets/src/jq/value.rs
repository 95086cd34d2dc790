//! Values: JSON with shared strings, arrays and objects, and their order.
//!
//! Counterpart: jq's `jv.c` and `jv_aux.c`. An object keeps its keys in the order of insertion.

use super::number::Number;
use indexmap::IndexMap;
use std::cmp::Ordering;
use std::rc::Rc;

/// An object's members.
pub type Map = IndexMap<Rc<str>, Value>;

/// A JSON value.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(Rc<str>),
    Array(Rc<Vec<Value>>),
    Object(Rc<Map>),
}

impl Value {
    /// A string.
    pub fn text(text: impl AsRef<str>) -> Value {
        Value::String(text.as_ref().into())
    }

    /// A number that was computed.
    pub fn number(value: f64) -> Value {
        Value::Number(Number::computed(value))
    }

    /// A count.
    #[allow(clippy::cast_precision_loss)] // Counts are far below 2^53.
    pub fn count(value: usize) -> Value {
        Value::number(value as f64)
    }

    /// An array.
    pub fn array(values: Vec<Value>) -> Value {
        Value::Array(Rc::new(values))
    }

    /// An object.
    pub fn object(map: Map) -> Value {
        Value::Object(Rc::new(map))
    }

    /// What `type` says.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// Neither `null` nor `false`.
    pub fn is_true(&self) -> bool {
        !matches!(self, Value::Null | Value::Bool(false))
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(false) => 1,
            Value::Bool(true) => 2,
            Value::Number(_) => 3,
            Value::String(_) => 4,
            Value::Array(_) => 5,
            Value::Object(_) => 6,
        }
    }
}

/// The keys in the order of their bytes.
pub fn sorted_keys(map: &Map) -> Vec<&Rc<str>> {
    let mut keys: Vec<&Rc<str>> = map.keys().collect();
    keys.sort_unstable();
    keys
}

/// jq's total order.
pub fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.compare(*right),
        (Value::String(left), Value::String(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Array(left), Value::Array(right)) => {
            let pairs = left.iter().zip(right.iter());
            pairs
                .map(|(left, right)| compare(left, right))
                .find(|order| *order != Ordering::Equal)
                .unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => {
            let keys = sorted_keys(left);
            let order = keys.cmp(&sorted_keys(right));
            if order != Ordering::Equal {
                return order;
            }
            keys.into_iter()
                .map(|key| match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => compare(left, right),
                    _ => Ordering::Equal,
                })
                .find(|order| *order != Ordering::Equal)
                .unwrap_or(Ordering::Equal)
        }
        _ => left.rank().cmp(&right.rank()),
    }
}

/// Equal in that order?
pub fn equal(left: &Value, right: &Value) -> bool {
    compare(left, right) == Ordering::Equal
}
