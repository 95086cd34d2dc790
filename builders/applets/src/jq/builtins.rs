//! Functions of values: input and arguments in, one value out.
//!
//! Counterpart: `function_list` in jq's `builtin.c`.

use super::eval::{Flow, Stop, fail};
use super::json;
use super::native::arrange;
use super::number::Number;
use super::operators::{add, shown, split};
use super::value::{Map, Value, compare, sorted_keys};
use super::{dates, formats, matching, paths};
use crate::shared::program;
use std::cmp::Ordering;
use std::rc::Rc;

type Result<T> = std::result::Result<T, Stop>;

/// Names and numbers of arguments.
pub const KNOWN: &[(&str, usize)] = &[
    ("not", 0),
    ("true", 0),
    ("false", 0),
    ("null", 0),
    ("type", 0),
    ("length", 0),
    ("utf8bytelength", 0),
    ("keys", 0),
    ("keys_unsorted", 0),
    ("to_entries", 0),
    ("from_entries", 0),
    ("add", 0),
    ("sort", 0),
    ("unique", 0),
    ("min", 0),
    ("max", 0),
    ("reverse", 0),
    ("flatten", 0),
    ("tojson", 0),
    ("tostring", 0),
    ("fromjson", 0),
    ("tonumber", 0),
    ("explode", 0),
    ("implode", 0),
    ("ascii_downcase", 0),
    ("ascii_upcase", 0),
    ("trim", 0),
    ("ltrim", 0),
    ("rtrim", 0),
    ("infinite", 0),
    ("nan", 0),
    ("floor", 0),
    ("ceil", 0),
    ("round", 0),
    ("trunc", 0),
    ("fabs", 0),
    ("sqrt", 0),
    ("abs", 0),
    ("isinfinite", 0),
    ("isnan", 0),
    ("isnormal", 0),
    ("gmtime", 0),
    ("mktime", 0),
    ("fromdateiso8601", 0),
    ("has", 1),
    ("contains", 1),
    ("startswith", 1),
    ("endswith", 1),
    ("ltrimstr", 1),
    ("rtrimstr", 1),
    ("split", 1),
    ("join", 1),
    ("flatten", 1),
    ("delpaths", 1),
    ("indices", 1),
    ("index", 1),
    ("rindex", 1),
    ("bsearch", 1),
    ("strftime", 1),
    ("match", 2),
    ("test", 2),
    ("split", 2),
    ("setpath", 2),
    ("pow", 2),
];

/// Calls a function, which gives one value or, for `match`, several.
pub fn call(
    name: &str,
    input: &Value,
    arguments: &[Value],
    out: &mut dyn FnMut(Value) -> Flow,
) -> Flow {
    let value = match arguments {
        [] => nullary(name, input)?,
        [one] => unary(name, input, one)?,
        [one, two] => match (name, matching::call(name, input, one, two)?) {
            ("match", Some(Value::Array(found))) => {
                return found.iter().try_for_each(|it| out(it.clone()));
            }
            (_, Some(value)) => value,
            (_, None) => binary(name, input, one, two)?,
        },
        _ => return unknown(name, arguments.len()),
    };
    out(value)
}

fn unknown<T>(name: &str, count: usize) -> T {
    program::refuse(&format!("the function {name}/{count}"))
}

fn wrong(input: &Value, what: &str) -> Result<Value> {
    fail(format!("{} ({}) {what}", input.kind(), shown(input)))
}

fn nullary(name: &str, input: &Value) -> Result<Value> {
    Ok(match name {
        "not" => Value::Bool(!input.is_true()),
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        "type" => Value::text(input.kind()),
        "length" => match input {
            Value::Null => Value::count(0),
            Value::Bool(_) => return wrong(input, "has no length"),
            Value::Number(number) => Value::number(number.get().abs()),
            Value::String(text) => Value::count(text.chars().count()),
            Value::Array(values) => Value::count(values.len()),
            Value::Object(map) => Value::count(map.len()),
        },
        "utf8bytelength" => match input {
            Value::String(text) => Value::count(text.len()),
            _ => return wrong(input, "only strings have UTF-8 byte length"),
        },
        "keys" | "keys_unsorted" => match input {
            Value::Object(map) => {
                let keys: Vec<&Rc<str>> = if name == "keys" {
                    sorted_keys(map)
                } else {
                    map.keys().collect()
                };
                Value::array(keys.into_iter().cloned().map(Value::String).collect())
            }
            Value::Array(values) => Value::array((0..values.len()).map(Value::count).collect()),
            _ => return wrong(input, "has no keys"),
        },
        "to_entries" => match input {
            Value::Object(map) => Value::array(
                map.iter()
                    .map(|(key, value)| entry(Value::String(key.clone()), value.clone()))
                    .collect(),
            ),
            Value::Array(values) => Value::array(
                values
                    .iter()
                    .enumerate()
                    .map(|(at, value)| entry(Value::count(at), value.clone()))
                    .collect(),
            ),
            _ => return wrong(input, "has no keys"),
        },
        "from_entries" => from_entries(input)?,
        "add" => {
            let all: Vec<Value> = match input {
                Value::Array(values) => values.to_vec(),
                Value::Object(map) => map.values().cloned().collect(),
                _ => {
                    return fail(format!(
                        "Cannot iterate over {} ({})",
                        input.kind(),
                        shown(input)
                    ));
                }
            };
            if let Some(text) = concatenated(&all) {
                return Ok(text);
            }
            let mut sum = Value::Null;
            for value in all {
                sum = add(sum, value)?;
            }
            sum
        }
        "sort" | "unique" | "min" | "max" => {
            let by = match name {
                "sort" => "sort_by",
                "unique" => "unique_by",
                "min" => "min_by",
                _ => "max_by",
            };
            match input {
                Value::Array(values) => arrange(
                    by,
                    values.iter().map(|it| (it.clone(), it.clone())).collect(),
                ),
                _ => return wrong(input, "cannot be sorted, as it is not an array"),
            }
        }
        "reverse" => match input {
            Value::Array(values) => Value::array(values.iter().rev().cloned().collect()),
            Value::Null => Value::array(Vec::new()),
            _ => program::refuse("'reverse' of what is no array, of which versions of jq differ"),
        },
        "flatten" => flatten(input, 1e9)?,
        "tojson" => Value::text(super::write::compact(input)),
        "tostring" => Value::text(formats::text(input)),
        "fromjson" => match input {
            Value::String(text) => match json::one(text) {
                Ok(value) => value,
                Err(error) => program::refuse(&format!("'fromjson': {error}")),
            },
            _ => return wrong(input, "only strings can be parsed"),
        },
        "tonumber" => match input {
            Value::Number(_) => input.clone(),
            Value::String(text) => tonumber(text),
            _ => return wrong(input, "cannot be parsed as a number"),
        },
        "explode" => match input {
            Value::String(text) => Value::array(
                text.chars()
                    .map(|it| Value::number(f64::from(u32::from(it))))
                    .collect(),
            ),
            _ => return wrong(input, "cannot be exploded"),
        },
        "implode" => implode(input)?,
        "ascii_downcase" | "ascii_upcase" => match input {
            Value::String(text) if name == "ascii_downcase" => {
                Value::text(text.to_ascii_lowercase())
            }
            Value::String(text) => Value::text(text.to_ascii_uppercase()),
            _ => return fail(format!("{name} input must be a string")),
        },
        "trim" | "ltrim" | "rtrim" => match input {
            Value::String(text) if text.is_ascii() => {
                let blank = |it: char| it == ' ' || ('\t'..='\r').contains(&it);
                Value::text(match name {
                    "trim" => text.trim_matches(blank),
                    "ltrim" => text.trim_start_matches(blank),
                    _ => text.trim_end_matches(blank),
                })
            }
            Value::String(_) => program::refuse("'trim' of text beyond ASCII"),
            _ => return wrong(input, "cannot be trimmed"),
        },
        "infinite" => Value::number(f64::INFINITY),
        "nan" => Value::number(f64::NAN),
        _ => return numeric(name, input),
    })
}

/// Only entries with a text as `key` or `name`, and with a `value`: in others versions differ.
fn from_entries(input: &Value) -> Result<Value> {
    let Value::Array(entries) = input else {
        program::refuse("'from_entries' of what is no array");
    };
    let mut map = Map::default();
    for entry in entries.iter() {
        let Value::Object(entry) = entry else {
            program::refuse("'from_entries' of an entry that is no object");
        };
        let key = entry.get("key").or_else(|| entry.get("name"));
        match (key, entry.get("value")) {
            (Some(Value::String(key)), Some(value)) => {
                map.insert(key.clone(), value.clone());
            }
            _ => program::refuse("'from_entries' of an entry without a text as key, or no value"),
        }
    }
    Ok(Value::object(map))
}

fn entry(key: Value, value: Value) -> Value {
    let mut entry = Map::default();
    entry.insert("key".into(), key);
    entry.insert("value".into(), value);
    Value::object(entry)
}

/// All strings as one, without a copy for each.
fn concatenated(all: &[Value]) -> Option<Value> {
    let mut text = String::new();
    for value in all {
        let Value::String(part) = value else {
            return None;
        };
        text.push_str(part);
    }
    (!all.is_empty()).then(|| Value::text(text))
}

fn numeric(name: &str, input: &Value) -> Result<Value> {
    let function: fn(f64) -> Value = match name {
        "floor" => |it| Value::number(it.floor()),
        "ceil" => |it| Value::number(it.ceil()),
        "round" => |it| Value::number(it.round()),
        "trunc" => |it| Value::number(it.trunc()),
        "fabs" => |it| Value::number(it.abs()),
        "sqrt" => |it| Value::number(it.sqrt()),
        "abs" => |it| Value::number(if it < 0.0 { -it } else { it }),
        "isinfinite" => |it| Value::Bool(it.is_infinite()),
        "isnan" => |it| Value::Bool(it.is_nan()),
        "isnormal" => |it| Value::Bool(it.is_normal()),
        _ => return dates::call(name, input),
    };
    match input {
        Value::Number(number) => Ok(function(number.get())),
        _ if name.starts_with("is") => program::refuse("a test of numbers on what is none"),
        _ => wrong(input, "number required"),
    }
}

fn tonumber(text: &str) -> Value {
    // What is no plain number gives an error in one version and a number in another.
    match json::one(text) {
        Ok(Value::Number(number)) if !text.contains(char::is_whitespace) => Value::Number(number),
        _ => match text.parse::<f64>() {
            Err(_) if !text.contains(|it: char| it.is_ascii_digit()) => {
                program::refuse("'tonumber' of what is no number")
            }
            _ => program::refuse("'tonumber' of a number that JSON has not"),
        },
    }
}

fn implode(input: &Value) -> Result<Value> {
    let Value::Array(values) = input else {
        return wrong(input, "cannot be imploded");
    };
    let mut text = String::new();
    for value in values.iter() {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It is in range.
        let point = match value {
            Value::Number(number) if (0.0..1_114_112.0).contains(&number.get()) => {
                char::from_u32(number.get() as u32)
            }
            _ => None,
        };
        match point {
            Some(point) => text.push(point),
            None => program::refuse("'implode' of what is no character"),
        }
    }
    Ok(Value::text(text))
}

fn flatten(input: &Value, depth: f64) -> Result<Value> {
    let mut out = Vec::new();
    let mut pending: Vec<(&Value, f64)> = match input {
        Value::Array(_) => vec![(input, depth)],
        Value::Object(map) => map.values().rev().map(|it| (it, depth - 1.0)).collect(),
        _ => {
            return fail(format!(
                "Cannot iterate over {} ({})",
                input.kind(),
                shown(input)
            ));
        }
    };
    while let Some((value, left)) = pending.pop() {
        match value {
            Value::Array(values) if left >= 0.0 => {
                pending.extend(values.iter().rev().map(|it| (it, left - 1.0)));
            }
            other => out.push(other.clone()),
        }
    }
    Ok(Value::array(out))
}

fn unary(name: &str, input: &Value, one: &Value) -> Result<Value> {
    Ok(match (name, input, one) {
        ("has", Value::Object(map), Value::String(key)) => Value::Bool(map.contains_key(key)),
        #[allow(clippy::cast_precision_loss)] // Lengths are small.
        ("has", Value::Array(values), Value::Number(index)) => {
            let at = index.get();
            if at.fract() != 0.0 {
                program::refuse("'has' of an index that is no whole number");
            }
            Value::Bool(at >= 0.0 && at < values.len() as f64)
        }
        ("has", Value::Null, _) => program::refuse("'has' of null, where versions differ"),
        ("has", ..) => {
            return fail(format!(
                "Cannot check whether {} has a {} key",
                input.kind(),
                one.kind()
            ));
        }
        ("contains", ..) => Value::Bool(contains(input, one)?),
        ("startswith" | "endswith", Value::String(text), Value::String(part)) => {
            Value::Bool(if name == "startswith" {
                text.starts_with(&**part)
            } else {
                text.ends_with(&**part)
            })
        }
        ("startswith" | "endswith", ..) => {
            return fail(format!("{name}() requires string inputs"));
        }
        ("ltrimstr", Value::String(text), Value::String(part)) => {
            Value::text(text.strip_prefix(&**part).unwrap_or(text))
        }
        ("rtrimstr", Value::String(text), Value::String(part)) => {
            Value::text(text.strip_suffix(&**part).unwrap_or(text))
        }
        ("ltrimstr" | "rtrimstr", ..) => {
            program::refuse("'ltrimstr' or 'rtrimstr' of what is no string");
        }
        ("split", Value::String(text), Value::String(separator)) => split(text, separator),
        ("split", ..) => return fail("split input and separator must be strings"),
        ("join", Value::Array(values), separator) => join(values, separator)?,
        ("flatten", _, Value::Number(depth)) => {
            if depth.get() < 0.0 {
                return fail("flatten depth must not be negative");
            }
            flatten(input, depth.get())?
        }
        ("delpaths", _, Value::Array(all)) => paths::delete(input.clone(), all.to_vec())?,
        ("delpaths", ..) => return fail("Paths must be specified as an array"),
        ("indices" | "index" | "rindex", ..) => {
            let all = indices(input, one)?;
            match (name, &all) {
                ("indices", _) | (_, Value::Null) => all,
                (_, Value::Array(all)) => {
                    let found = if name == "index" {
                        all.first()
                    } else {
                        all.last()
                    };
                    found.cloned().unwrap_or(Value::Null)
                }
                _ => Value::Null,
            }
        }
        ("bsearch", Value::Array(values), _) => {
            match values.binary_search_by(|it| compare(it, one)) {
                Ok(at) => {
                    let same = |at: usize| {
                        values
                            .get(at)
                            .is_some_and(|it| compare(it, one) == Ordering::Equal)
                    };
                    if at.checked_sub(1).is_some_and(same) || same(at + 1) {
                        program::refuse("'bsearch' among equal values");
                    }
                    Value::count(at)
                }
                #[allow(clippy::cast_precision_loss)] // Lengths are small.
                Err(at) => Value::number(-1.0 - at as f64),
            }
        }
        ("strftime", ..) => return dates::strftime(input, one),
        _ => return unknown(name, 1),
    })
}

fn join(values: &[Value], separator: &Value) -> Result<Value> {
    if values.is_empty() {
        return Ok(Value::text(""));
    }
    let Value::String(separator) = separator else {
        program::refuse("'join' with what is no string");
    };
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        match value {
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) => text.push_str(&formats::text(value)),
            Value::String(part) => text.push_str(part),
            other => {
                return super::operators::apply(
                    super::ast::Operator::Add,
                    Value::text(text),
                    other.clone(),
                );
            }
        }
    }
    Ok(Value::text(text))
}

fn indices(input: &Value, one: &Value) -> Result<Value> {
    Ok(match (input, one) {
        (Value::Null, Value::String(_) | Value::Number(_)) => Value::Null,
        (Value::String(text), Value::String(part)) => {
            if part.is_empty() {
                return Ok(Value::Null);
            }
            if !text.is_ascii() {
                program::refuse(
                    "places in text beyond ASCII, which versions of jq count differently",
                );
            }
            let starts = 0..text.len();
            let found =
                starts.filter(|at| text.get(*at..).is_some_and(|it| it.starts_with(&**part)));
            Value::array(found.map(Value::count).collect())
        }
        (Value::Array(values), Value::Array(wanted)) => paths::indices(values, wanted),
        (Value::Array(values), wanted) => paths::indices(values, std::slice::from_ref(wanted)),
        _ => program::refuse("places in what is neither text nor array"),
    })
}

fn contains(whole: &Value, part: &Value) -> Result<bool> {
    fn inner(whole: &Value, part: &Value, depth: usize) -> bool {
        if depth > 300 {
            program::refuse("'contains' through more than 300 levels");
        }
        match (whole, part) {
            (Value::Object(whole), Value::Object(part)) => part.iter().all(|(key, part)| {
                whole
                    .get(key)
                    .is_some_and(|whole| inner(whole, part, depth + 1))
            }),
            (Value::Array(whole), Value::Array(part)) => part
                .iter()
                .all(|part| whole.iter().any(|whole| inner(whole, part, depth + 1))),
            (Value::String(whole), Value::String(part)) => whole.contains(&**part),
            _ => compare(whole, part) == Ordering::Equal,
        }
    }
    let same_kind = whole.kind() == part.kind();
    if !same_kind {
        return fail(format!(
            "{} ({}) and {} ({}) cannot have their containment checked",
            whole.kind(),
            shown(whole),
            part.kind(),
            shown(part)
        ));
    }
    if matches!(whole, Value::String(_)) && formats::text(part).contains('\0') {
        program::refuse("'contains' of text with a NUL");
    }
    Ok(inner(whole, part, 0))
}

fn binary(name: &str, input: &Value, one: &Value, two: &Value) -> Result<Value> {
    Ok(match (name, one, two) {
        ("setpath", Value::Array(path), value) => paths::set(input.clone(), path, value.clone())?,
        ("setpath", ..) => return fail("Path must be specified as an array"),
        ("pow", Value::Number(base), Value::Number(power)) => pow(*base, *power),
        _ => return unknown(name, 2),
    })
}

/// Powers that are exact; others depend on the C library.
fn pow(base: Number, power: Number) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let (base, power) = (base.get(), power.get());
    let plain = base.fract() == 0.0 && power.fract() == 0.0 && (0.0..64.0).contains(&power);
    let mut product = 1.0;
    if plain {
        #[allow(clippy::cast_possible_truncation)] // Below 64.
        for _ in 0..power as i32 {
            product *= base;
        }
    }
    if !plain || f64::abs(product) > EXACT {
        program::refuse("a power that is no exact whole number");
    }
    Value::number(product)
}
