//! JSON as `jq .` prints it: two blanks a level, keys in the order given, a newline at the end.
//!
//! Counterpart: `formats.json` in nixpkgs, `jq . value.json > $out`.

use super::{number, quoted};
use serde_json::Value;

/// The text of a value.
pub fn render(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text
}

/// The depth is bounded by the reader of JSON (128 levels).
fn write(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => text.push_str(&number::jq(value)),
        Value::String(value) => quoted::write(value, text),
        Value::Array(items) if items.is_empty() => text.push_str("[]"),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                next(index, depth + 1, text);
                write(item, depth + 1, text);
            }
            line(depth, text);
            text.push(']');
        }
        Value::Object(map) if map.is_empty() => text.push_str("{}"),
        Value::Object(map) => {
            text.push('{');
            for (index, (name, item)) in map.iter().enumerate() {
                next(index, depth + 1, text);
                quoted::write(name, text);
                text.push_str(": ");
                write(item, depth + 1, text);
            }
            line(depth, text);
            text.push('}');
        }
    }
}

fn next(index: usize, depth: usize, text: &mut String) {
    if index > 0 {
        text.push(',');
    }
    line(depth, text);
}

fn line(depth: usize, text: &mut String) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}
