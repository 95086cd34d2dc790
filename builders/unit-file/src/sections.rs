//! Sections of a unit: `[Name]` and lines `Key=value`, the keys in the order of their names.

use crate::value;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use wasibuild_guest::attributes::describe;
use wasibuild_guest::{Error, Result};

/// The options of one section by name.
pub type Section = BTreeMap<String, Value>;

/// `attrsToSection` of NixOS: a line for each option, and for each element where it is a list.
///
/// An empty list gives no line; an empty string in a list is systemd's way to forget what came
/// before it.
pub fn lines(attribute: &str, section: &Section) -> Result<String> {
    let mut text = String::new();
    for (key, option) in section {
        let attribute = format!("{attribute}.{key}");
        check_name(&attribute, key, "=")?;
        let single = std::slice::from_ref(option);
        let values = match option {
            Value::Array(items) => items.as_slice(),
            _ => single,
        };
        for one in values {
            text.push_str(key);
            text.push('=');
            text.push_str(&value::option(&attribute, one)?);
            text.push('\n');
        }
    }
    Ok(text)
}

/// Sections in the order of their names with an empty line between, as nixpkgs' `formats.systemd`
/// and home-manager write them.
pub fn file(attribute: &str, sections: &Map<String, Value>) -> Result<String> {
    let sorted: BTreeMap<_, _> = sections.iter().collect();
    let mut texts = Vec::with_capacity(sorted.len());
    for (name, section) in sorted {
        let attribute = format!("{attribute}.{name}");
        check_name(&attribute, name, "[]")?;
        let Value::Object(options) = section else {
            let found = describe(section);
            return Err(Error::wrong_type(
                attribute,
                "an attribute set of options",
                found,
            ));
        };
        let options = options.clone().into_iter().collect();
        texts.push(format!("[{name}]\n{}", lines(&attribute, &options)?));
    }
    Ok(texts.join("\n"))
}

/// The name of a section or an option must not be read as something else.
fn check_name(attribute: &str, name: &str, forbidden: &str) -> Result<()> {
    let bad = |character: char| character.is_control() || forbidden.contains(character);
    if name.is_empty() || name.contains(bad) {
        return Err(Error::value(
            attribute,
            format!("{name:?} cannot be a name in a unit; remove what is not a plain character"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_repeat_and_reset() {
        let Value::Object(sections) = json!({
            "Unit": {"After": ["a", "b"], "Description": "x"},
            "Service": {"ExecStart": ["", "/bin/x"], "Nothing": [], "Nice": -5, "Yes": true},
        }) else {
            unreachable!()
        };
        assert_eq!(
            file("sections", &sections).unwrap(),
            "[Service]\nExecStart=\nExecStart=/bin/x\nNice=-5\nYes=true\n\n\
             [Unit]\nAfter=a\nAfter=b\nDescription=x\n"
        );
    }

    #[test]
    fn names_are_checked() {
        for sections in [
            json!({"A]": {}}),
            json!({"": {}}),
            json!({"A": {"b=c": 1}}),
            json!({"A": {"b\nc": 1}}),
            json!({"A": 1}),
            json!({"A": {"b": {"c": 1}}}),
        ] {
            let Value::Object(sections) = sections else {
                unreachable!()
            };
            let message = file("sections", &sections).unwrap_err().to_string();
            assert!(message.contains("sections."), "{message}");
        }
    }
}
