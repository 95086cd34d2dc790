//! Strings in double quotes with the escapes that JSON and TOML's basic strings share.
//!
//! Counterpart: `jq .` (which escapes DEL too) and tomlkit, which write the same.

use std::fmt::Write;

/// The string between double quotes.
pub fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    write(value, &mut text);
    text
}

/// Writes a string between double quotes.
pub fn write(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            // DEL is escaped too.
            '\0'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(text, "\\u{:04x}", character as u32);
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}
