//! `.attrs.sh`: what of the attributes bash can hold.
//!
//! Contract: one `declare` for each attribute whose name is a shell variable's and whose value is a
//! string, a whole number, a Boolean or null, or an array or object of nothing but those. Keys sorted.
//! Counterpart: `writeStructuredAttrsShell` in Nix.

use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// Writes the file, with placeholders not yet replaced.
pub(super) fn write(attributes: &BTreeMap<&str, &Value>) -> String {
    let mut text = String::with_capacity(4096);
    for (name, value) in attributes {
        if is_variable_name(name)
            && let Some(declared) = declare(name, value)
        {
            text.push_str(&declared);
        }
    }
    text
}

fn declare(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => {
            let items: Option<String> =
                items.iter().map(|item| Some(simple(item)? + " ")).collect();
            Some(format!("declare -a {name}=({})\n", items?))
        }
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Option<String> = sorted
                .into_iter()
                .map(|(key, member)| Some(format!("[{}]={} ", quote(key), simple(member)?)))
                .collect();
            Some(format!("declare -A {name}=({})\n", members?))
        }
        value => Some(format!("declare {name}={}\n", simple(value)?)),
    }
}

fn is_variable_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

fn simple(value: &Value) -> Option<String> {
    match value {
        Value::String(string) => Some(quote(string)),
        Value::Number(number) => whole(number).map(|number| number.to_string()),
        Value::Null => Some("''".to_owned()),
        Value::Bool(true) => Some("1".to_owned()),
        Value::Bool(false) => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn quote(string: &str) -> String {
    format!("'{}'", string.replace('\'', "'\\''"))
}

/// The number as Nix' C++ converts it: whether it is whole is decided in single precision, and an
/// `int` of 32 bits is what is written. Larger integers lose their high bits; other larger numbers
/// are the least `int`, as on x86-64.
fn whole(number: &Number) -> Option<i32> {
    if let Some(integer) = number.as_u64() {
        return Some(low_bits(integer));
    }
    if let Some(integer) = number.as_i64() {
        return Some(low_bits(integer.cast_unsigned()));
    }
    let float = number.as_f64()?;
    let single = float as f32;
    let truncated = float.trunc();
    let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&truncated);
    (single.ceil() == single).then_some(if fits { truncated as i32 } else { i32::MIN })
}

fn low_bits(integer: u64) -> i32 {
    let [a, b, c, d, ..] = integer.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_nix_writes_them() {
        let json = r#"{
            "s": "it's\n$x", "n": null, "t": true, "f": false, "i": -3, "big": 4294967299,
            "whole": 2.0, "half": 0.5, "huge": 1e300, "almost": 16777217.5, "9x": 1, "a-b": 1, "é": 1, "": 1,
            "list": ["a", 1, null, true, false], "empty": [], "nested": [[1]], "mixed": ["a", 0.5],
            "map": {"k'": "v", "a": 1}, "none": {}, "deep": {"a": {}}
        }"#;
        let Value::Object(attributes) = serde_json::from_str(json).unwrap() else {
            panic!("not an object");
        };
        let expected = [
            "declare almost=16777217",
            "declare big=3",
            "declare -a empty=()",
            "declare f=",
            "declare huge=-2147483648",
            "declare i=-3",
            "declare -a list=('a' 1 '' 1  )",
            "declare -A map=(['a']=1 ['k'\\''']='v' )",
            "declare n=''",
            "declare -A none=()",
            "declare s='it'\\''s\n$x'",
            "declare t=1",
            "declare whole=2",
            "",
        ];
        let attributes = attributes.iter();
        let attributes = attributes.map(|(name, value)| (name.as_str(), value));
        assert_eq!(write(&attributes.collect()), expected.join("\n"));
    }
}
