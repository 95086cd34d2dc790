//! Values of unit options as text: Nix' `toString`, the `toOption` of NixOS, and strings in quotes.

use serde_json::Value;
use wasibuild_guest::attributes::describe;
use wasibuild_guest::{Error, Result};

/// `toOption` of NixOS: `true` and `false` in words, all else by `toString`.
pub fn option(attribute: &str, value: &Value) -> Result<String> {
    match value {
        Value::Bool(value) => Ok(value.to_string()),
        other => to_string(attribute, other),
    }
}

/// Nix' `toString`: booleans are `1` and nothing, `null` is nothing, lists are joined by spaces, and
/// floats have six digits after the point.
pub fn to_string(attribute: &str, value: &Value) -> Result<String> {
    match value {
        Value::Null | Value::Bool(false) => Ok(String::new()),
        Value::Bool(true) => Ok("1".to_owned()),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(match number.as_f64() {
            Some(float) if number.is_f64() => format!("{float:.6}"),
            _ => number.to_string(),
        }),
        Value::Array(items) => list(attribute, items),
        Value::Object(_) => Err(Error::wrong_type(
            attribute,
            "a string, a number, a Boolean, null or a list of such",
            describe(value),
        )),
    }
}

/// A list within a list adds no space where it is empty, as in Nix.
fn list(attribute: &str, items: &[Value]) -> Result<String> {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        text.push_str(&to_string(&format!("{attribute}[{index}]"), item)?);
        let last = index + 1 == items.len();
        let empty = matches!(item, Value::Array(items) if items.is_empty());
        if !last && !empty {
            text.push(' ');
        }
    }
    Ok(text)
}

/// A string in double quotes, as Nix' `toJSON` writes it and systemd reads it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\0'..='\u{1f}' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The answers of `nix-instantiate --eval -E 'toString …'`, written down.
    #[test]
    fn to_string_is_that_of_nix() {
        for (value, text) in [
            (json!(1), "1"),
            (json!(-7), "-7"),
            (json!(1.5), "1.500000"),
            (json!(1e20), "100000000000000000000.000000"),
            (json!(true), "1"),
            (json!(false), ""),
            (json!(null), ""),
            (json!(["a", 1, ["b", []], true, [], "c"]), "a 1 b  1 c"),
            (json!([[], "x"]), "x"),
            (json!(["x", []]), "x "),
        ] {
            assert_eq!(to_string("x", &value).unwrap(), text, "{value}");
        }
        assert_eq!(option("x", &json!(true)).unwrap(), "true");
        assert_eq!(option("x", &json!(false)).unwrap(), "false");
        assert!(to_string("x", &json!({"a": 1})).is_err());
    }

    #[test]
    fn quotes_are_json() {
        let text = "a\"b\\c\nd\te\u{8}\u{c}\r\u{1}\u{7f}ü";
        assert_eq!(quoted(text), serde_json::to_string(text).unwrap());
    }
}
