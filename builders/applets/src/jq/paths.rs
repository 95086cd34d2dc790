//! Places inside of values: reading, setting and deleting them.
//!
//! Counterpart: `jv_get`, `jv_set`, `jv_getpath`, `jv_setpath`, `jv_delpaths` in jq's `jv_aux.c`.

use super::eval::{Flow, Item, Out, Stop, Track, fail, keys_of};
use super::operators::shown;
use super::value::{Map, Value, compare, equal};
use crate::shared::program;
use std::rc::Rc;

type Result<T> = std::result::Result<T, Stop>;

/// The largest index that an array grows to.
const MAX_INDEX: f64 = 536_870_911.0;

fn broken<T>(value: &Value) -> Result<T> {
    if matches!(value, Value::Null | Value::Bool(_) | Value::Number(_)) {
        // jq takes equal constants for the same place.
        program::refuse("a path through a constant");
    }
    fail(format!(
        "Invalid path expression with result {}",
        shown(value)
    ))
}

/// The path that a value came along.
pub fn of(item: &Item) -> Result<Vec<Value>> {
    match &item.track {
        Track::Along(step) => Ok(keys_of(step)),
        _ => broken(&item.value),
    }
}

/// `.[key]`.
pub fn index(item: Item, key: &Value) -> Result<Item> {
    if matches!(item.track, Track::Broken) {
        return broken(&item.value);
    }
    let value = get(&item.value, key)?;
    Ok(Item {
        value,
        track: item.track.push(key.clone()),
    })
}

/// `.[]`.
pub fn each(item: &Item, out: Out) -> Flow {
    if matches!(item.track, Track::Broken) {
        return broken(&item.value);
    }
    match &item.value {
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                let track = match item.track {
                    Track::Off => Track::Off,
                    _ => item.track.push(Value::count(index)),
                };
                out(Item {
                    value: value.clone(),
                    track,
                })?;
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter() {
                out(Item {
                    value: value.clone(),
                    track: item.track.push(Value::String(key.clone())),
                })?;
            }
        }
        other => {
            return fail(format!(
                "Cannot iterate over {} ({})",
                other.kind(),
                shown(other)
            ));
        }
    }
    Ok(())
}

/// The place in an array; `None` before its start.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn place(index: f64, len: usize) -> Option<usize> {
    if index.is_nan() || index.fract() != 0.0 {
        program::refuse("an index of which versions of jq differ");
    }
    let index = if index < 0.0 {
        index + len as f64
    } else {
        index
    };
    (index >= 0.0).then_some(index.min(1e15) as usize)
}

/// Start and end of a slice, within the length.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn range(slice: &Map, len: usize) -> Result<(usize, usize)> {
    if !slice.contains_key("start") || !slice.contains_key("end") {
        program::refuse("a slice without start or end");
    }
    let bound = |name: &str, missing: f64| match slice.get(name) {
        None | Some(Value::Null) => Ok(missing),
        Some(Value::Number(number)) => Ok(number.get()),
        Some(_) => fail("Start and end indices of an array slice must be numbers"),
    };
    let clamp = |at: f64| {
        let at = if at < 0.0 { at + len as f64 } else { at };
        at.clamp(0.0, len as f64)
    };
    let start = clamp(bound("start", 0.0)?).floor() as usize;
    let end = clamp(bound("end", len as f64)?).ceil() as usize;
    Ok((start, end.max(start)))
}

/// What is there; null where nothing is.
pub fn get(value: &Value, key: &Value) -> Result<Value> {
    Ok(match (value, key) {
        (Value::Object(map), Value::String(key)) => map.get(key).cloned().unwrap_or(Value::Null),
        (Value::Array(values), Value::Number(index)) => place(index.get(), values.len())
            .and_then(|at| values.get(at))
            .cloned()
            .unwrap_or(Value::Null),
        (Value::Array(values), Value::Object(slice)) => {
            let (start, end) = range(slice, values.len())?;
            Value::array(values.get(start..end).unwrap_or_default().to_vec())
        }
        (Value::String(text), Value::Object(slice)) => {
            let (start, end) = range(slice, text.chars().count())?;
            Value::text(
                text.chars()
                    .skip(start)
                    .take(end - start)
                    .collect::<String>(),
            )
        }
        (Value::Array(values), Value::Array(wanted)) => indices(values, wanted),
        (Value::Null, Value::Object(slice)) => {
            range(slice, 0)?;
            Value::Null
        }
        (Value::Null, Value::String(_) | Value::Number(_)) => Value::Null,
        (_, Value::String(key)) => {
            let what = if matches!(value, Value::Array(_) | Value::String(_)) {
                "string "
            } else {
                ""
            };
            return fail(format!(
                "Cannot index {} with {what}\"{key}\"",
                value.kind()
            ));
        }
        _ => {
            return fail(format!("Cannot index {} with {}", value.kind(), key.kind()));
        }
    })
}

/// Where a part of an array starts.
pub fn indices(values: &[Value], wanted: &[Value]) -> Value {
    if wanted.is_empty() {
        program::refuse("places of an empty array, of which versions of jq differ");
    }
    let starts = values.windows(wanted.len()).enumerate();
    Value::array(
        starts
            .filter(|(_, part)| part.iter().zip(wanted).all(|(a, b)| equal(a, b)))
            .map(|(at, _)| Value::count(at))
            .collect(),
    )
}

/// What is at the end of a path.
pub fn get_path(value: &Value, path: &[Value]) -> Result<Value> {
    let mut value = value.clone();
    for key in path {
        if matches!(value, Value::Null) {
            return Ok(Value::Null);
        }
        value = get(&value, key)?;
    }
    Ok(value)
}

/// Moves what is at the end of a path out, so that a change copies nothing. The place must be set
/// afterwards.
pub fn take(value: &mut Value, path: &[Value]) -> Result<Value> {
    let Some((key, rest)) = path.split_first() else {
        return Ok(std::mem::replace(value, Value::Null));
    };
    match (&mut *value, key) {
        (Value::Object(map), Value::String(key)) if map.contains_key(key) => {
            match Rc::make_mut(map).get_mut(key) {
                Some(inner) => take(inner, rest),
                None => Ok(Value::Null),
            }
        }
        (Value::Array(values), Value::Number(index)) => {
            match place(index.get(), values.len()).filter(|at| *at < values.len()) {
                Some(at) => match Rc::make_mut(values).get_mut(at) {
                    Some(inner) => take(inner, rest),
                    None => Ok(Value::Null),
                },
                None => Ok(Value::Null),
            }
        }
        (whole, _) => get_path(whole, path),
    }
}

/// Sets what is at the end of a path.
pub fn set(value: Value, path: &[Value], new: Value) -> Result<Value> {
    let Some((key, rest)) = path.split_first() else {
        return Ok(new);
    };
    if path.len() > 900 {
        program::refuse("a path of more than 900 keys");
    }
    match (value, key) {
        (Value::Null, Value::String(key)) => {
            let mut map = Map::default();
            map.insert(key.clone(), set(Value::Null, rest, new)?);
            Ok(Value::object(map))
        }
        (Value::Object(mut map), Value::String(key)) => {
            let inner = Rc::make_mut(&mut map);
            match inner.get_mut(key) {
                Some(old) => {
                    let taken = std::mem::replace(old, Value::Null);
                    *old = set(taken, rest, new)?;
                }
                None => {
                    let made = set(Value::Null, rest, new)?;
                    inner.insert(key.clone(), made);
                }
            }
            Ok(Value::Object(map))
        }
        (Value::Null, Value::Number(_)) => set(Value::array(Vec::new()), path, new),
        (Value::Array(mut values), Value::Number(index)) => {
            if index.get() > MAX_INDEX {
                return fail("Array index too large");
            }
            let Some(at) = place(index.get(), values.len()) else {
                return fail("Out of bounds negative array index");
            };
            if at > values.len() + 10_000_000 {
                program::refuse("an array that grows by more than ten million nulls");
            }
            let inner = Rc::make_mut(&mut values);
            if at >= inner.len() {
                inner.resize(at + 1, Value::Null);
            }
            if let Some(old) = inner.get_mut(at) {
                let taken = std::mem::replace(old, Value::Null);
                *old = set(taken, rest, new)?;
            }
            Ok(Value::Array(values))
        }
        (Value::Null, Value::Object(_)) => set(Value::array(Vec::new()), path, new),
        (Value::Array(values), Value::Object(slice)) => {
            let (start, end) = range(slice, values.len())?;
            let old = Value::array(values.get(start..end).unwrap_or_default().to_vec());
            let Value::Array(part) = set(old, rest, new)? else {
                return fail("A slice of an array can only be assigned another array");
            };
            let mut all = values.get(..start).unwrap_or_default().to_vec();
            all.extend(part.iter().cloned());
            all.extend_from_slice(values.get(end..).unwrap_or_default());
            Ok(Value::array(all))
        }
        (Value::Object(_), key) => fail(format!("Cannot index object with {}", key.kind())),
        (Value::Array(_), key) => fail(format!(
            "Cannot update field at array index of {}",
            key.kind()
        )),
        (other, Value::String(key)) => {
            fail(format!("Cannot index {} with \"{key}\"", other.kind()))
        }
        (other, key) => fail(format!("Cannot index {} with {}", other.kind(), key.kind())),
    }
}

/// Deletes what the paths lead to, the last first.
pub fn delete(mut value: Value, mut all: Vec<Value>) -> Result<Value> {
    all.sort_by(compare);
    for path in all.iter().rev() {
        let Value::Array(path) = path else {
            return fail("Path must be specified as an array");
        };
        value = delete_path(value, path)?;
    }
    Ok(value)
}

fn delete_path(value: Value, path: &[Value]) -> Result<Value> {
    let Some((key, rest)) = path.split_first() else {
        return Ok(Value::Null);
    };
    if matches!(value, Value::Null) {
        return Ok(value);
    }
    if !rest.is_empty() {
        let inner = get(&value, key)?;
        if matches!(inner, Value::Null) {
            return Ok(value);
        }
        let inner = delete_path(inner, rest)?;
        return set(value, std::slice::from_ref(key), inner);
    }
    match (value, key) {
        (Value::Object(mut map), Value::String(key)) => {
            Rc::make_mut(&mut map).shift_remove(key);
            Ok(Value::Object(map))
        }
        (Value::Array(mut values), Value::Number(index)) => {
            if let Some(at) = place(index.get(), values.len())
                && at < values.len()
            {
                Rc::make_mut(&mut values).remove(at);
            }
            Ok(Value::Array(values))
        }
        (Value::Array(mut values), Value::Object(slice)) => {
            let (start, end) = range(slice, values.len())?;
            Rc::make_mut(&mut values).drain(start..end);
            Ok(Value::Array(values))
        }
        (Value::Object(_), key) => fail(format!(
            "Cannot delete field at object index of {}",
            key.kind()
        )),
        (Value::Array(_), key) => fail(format!(
            "Cannot delete field at array index of {}",
            key.kind()
        )),
        (other, _) => fail(format!("Cannot delete fields from {}", other.kind())),
    }
}
