//! Writing JSON as jq does.
//!
//! Counterpart: jq's `jv_print.c`.

use super::value::{Value, sorted_keys};
use std::rc::Rc;

/// How values are laid out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Spaces of one level; none: all on one line.
    pub indent: usize,
    /// Tabs instead.
    pub tab: bool,
    /// Keys in the order of their bytes.
    pub sort: bool,
    /// Characters beyond ASCII as escapes.
    pub ascii: bool,
}

/// On one line, as `tojson` and `-c`.
pub fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(value, &Style::default(), &mut out);
    out
}

enum Job<'a> {
    Value(&'a Value, usize),
    Text(&'static str),
    Line(usize),
    Key(&'a Rc<str>),
}

/// Appends the value.
pub fn write(value: &Value, style: &Style, out: &mut String) {
    let pretty = style.tab || style.indent > 0;
    // A stack of what is still to be written, so that depth costs no recursion.
    let mut jobs = vec![Job::Value(value, 0)];
    while let Some(job) = jobs.pop() {
        let (value, level) = match job {
            Job::Value(value, level) => (value, level),
            Job::Text(text) => {
                out.push_str(text);
                continue;
            }
            Job::Key(key) => {
                string(key, style.ascii, out);
                out.push_str(if pretty { ": " } else { ":" });
                continue;
            }
            Job::Line(level) => {
                if pretty {
                    out.push('\n');
                    let (blank, count) = if style.tab {
                        ("\t", 1)
                    } else {
                        (" ", style.indent)
                    };
                    out.extend(std::iter::repeat_n(blank, level * count));
                }
                continue;
            }
        };
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(number) => out.push_str(&number.print()),
            Value::String(text) => string(text, style.ascii, out),
            Value::Array(values) if values.is_empty() => out.push_str("[]"),
            Value::Object(map) if map.is_empty() => out.push_str("{}"),
            Value::Array(values) => {
                out.push('[');
                jobs.push(Job::Text("]"));
                jobs.push(Job::Line(level));
                for (index, value) in values.iter().enumerate().rev() {
                    jobs.push(Job::Value(value, level + 1));
                    jobs.push(Job::Line(level + 1));
                    if index > 0 {
                        jobs.push(Job::Text(","));
                    }
                }
            }
            Value::Object(map) => {
                out.push('{');
                jobs.push(Job::Text("}"));
                jobs.push(Job::Line(level));
                let keys = if style.sort {
                    sorted_keys(map)
                } else {
                    map.keys().collect()
                };
                for (index, key) in keys.into_iter().enumerate().rev() {
                    if let Some(value) = map.get(key) {
                        jobs.push(Job::Value(value, level + 1));
                    }
                    jobs.push(Job::Key(key));
                    jobs.push(Job::Line(level + 1));
                    if index > 0 {
                        jobs.push(Job::Text(","));
                    }
                }
            }
        }
    }
}

/// Appends a string in quotes.
pub fn string(text: &str, ascii: bool, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..' ' | '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            character if ascii && !character.is_ascii() => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            character => out.push(character),
        }
    }
    out.push('"');
}
