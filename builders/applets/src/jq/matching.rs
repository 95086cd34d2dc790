//! Regular expressions.
//!
//! Contract: Oniguruma's Perl syntax as far as `fancy-regex` agrees with it: patterns in ASCII,
//! without the escapes that the two read differently, over text in ASCII, and no empty matches of
//! a global search. The rest is refused.
//!
//! Counterpart: `f_match` in jq's `builtin.c` and `match`, `sub` in `builtin.jq`.

use super::eval::{Stop, fail};
use super::formats;
use super::operators::shown;
use super::value::{Map, Value};
use crate::shared::program;
use fancy_regex::Regex;

type Result<T> = std::result::Result<T, Stop>;

/// `match`, `test` and `split` with a pattern and flags. None: another function.
pub fn call(name: &str, input: &Value, re: &Value, flags: &Value) -> Result<Option<Value>> {
    if !matches!(name, "match" | "test" | "split") {
        return Ok(None);
    }
    // An array holds pattern and flags.
    let (re, flags) = match re {
        Value::Array(both) if name != "split" => (
            both.first().cloned().unwrap_or(Value::Null),
            both.get(1).cloned().unwrap_or(Value::Null),
        ),
        other => (other.clone(), flags.clone()),
    };
    let Value::String(text) = input else {
        return fail(format!(
            "{} ({}) cannot be matched, as it is not a string",
            input.kind(),
            shown(input)
        ));
    };
    let Value::String(pattern) = &re else {
        return fail(format!(
            "{} ({}) cannot be matched, as it is not a string",
            re.kind(),
            shown(&re)
        ));
    };
    let flags = flag_text(&flags)?;
    let search = Search::new(pattern, &flags);
    Ok(Some(match name {
        "test" => Value::Bool(!search.all(text, false).is_empty()),
        "match" => {
            let found = search.all(text, search.global);
            Value::array(found.iter().map(|it| search.shown(text, it)).collect())
        }
        _ => {
            let mut parts = Vec::new();
            let mut last = 0;
            for found in search.all(text, true) {
                let Some((start, end)) = found.first().copied().flatten() else {
                    continue;
                };
                parts.push(Value::text(text.get(last..start).unwrap_or_default()));
                last = end;
            }
            parts.push(Value::text(text.get(last..).unwrap_or_default()));
            Value::array(parts)
        }
    }))
}

fn flag_text(flags: &Value) -> Result<String> {
    match flags {
        Value::Null => Ok(String::new()),
        Value::String(flags) => Ok(flags.to_string()),
        other => fail(format!(
            "{} ({}) is not a string",
            other.kind(),
            shown(other)
        )),
    }
}

/// Places of the match and of its groups.
type Found = Vec<Option<(usize, usize)>>;

struct Search {
    regex: Regex,
    global: bool,
}

impl Search {
    fn new(pattern: &str, flags: &str) -> Search {
        let mut prefix = String::new();
        let mut global = false;
        for flag in flags.chars() {
            match flag {
                'g' => global = true,
                'i' => prefix.push_str("(?i)"),
                'x' => prefix.push_str("(?x)"),
                's' => {}
                'n' => program::refuse("the flag 'n' of a regular expression"),
                _ => program::refuse(&format!("the flag '{flag}' of a regular expression")),
            }
        }
        let dot_all = flags.contains('s');
        if dot_all {
            prefix.push_str("(?s)");
        }
        match Regex::new(&format!("{prefix}{}", translate(pattern))) {
            Ok(regex) => Search { regex, global },
            Err(error) => program::refuse(&format!("the regular expression '{pattern}': {error}")),
        }
    }

    fn all(&self, text: &str, global: bool) -> Vec<Found> {
        if !text.is_ascii() {
            program::refuse("a regular expression over text beyond ASCII");
        }
        let mut all = Vec::new();
        let mut at = 0;
        while at <= text.len() {
            let found = match self.regex.captures_from_pos(text, at) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(error) => program::refuse(&format!("a regular expression: {error}")),
            };
            let places: Found = (0..found.len())
                .map(|group| found.get(group).map(|it| (it.start(), it.end())))
                .collect();
            let Some((start, end)) = places.first().copied().flatten() else {
                break;
            };
            if global && start == end {
                program::refuse(
                    "an empty match of a global search, of which versions of jq differ",
                );
            }
            all.push(places);
            if !global {
                break;
            }
            at = end;
        }
        all
    }

    fn shown(&self, text: &str, found: &Found) -> Value {
        let names: Vec<Option<&str>> = self.regex.capture_names().collect();
        let mut object = Map::default();
        for (group, place) in found.iter().enumerate() {
            let place = match (group, place) {
                (0, Some((start, end))) => {
                    object.insert("offset".into(), Value::count(*start));
                    object.insert("length".into(), Value::count(end - start));
                    let part = text.get(*start..*end).unwrap_or_default();
                    object.insert("string".into(), Value::text(part));
                    continue;
                }
                (_, place) => place,
            };
            let mut capture = Map::default();
            match place {
                Some((start, end)) if start == end => {
                    program::refuse("a group that matches nothing, of which versions of jq differ")
                }
                Some((start, end)) => {
                    capture.insert("offset".into(), Value::count(*start));
                    capture.insert("length".into(), Value::count(end - start));
                    let part = text.get(*start..*end).unwrap_or_default();
                    capture.insert("string".into(), Value::text(part));
                }
                None => {
                    capture.insert("offset".into(), Value::number(-1.0));
                    capture.insert("length".into(), Value::count(0));
                    capture.insert("string".into(), Value::Null);
                }
            }
            let name = names.get(group).copied().flatten();
            capture.insert("name".into(), name.map_or(Value::Null, Value::text));
            let captures = object
                .entry("captures".into())
                .or_insert_with(|| Value::array(Vec::new()));
            if let Value::Array(all) = captures {
                std::rc::Rc::make_mut(all).push(Value::object(capture));
            }
        }
        if !object.contains_key("captures") {
            object.insert("captures".into(), Value::array(Vec::new()));
        }
        Value::object(object)
    }
}

/// A pattern of Oniguruma for `fancy-regex`.
fn translate(pattern: &str) -> String {
    if !pattern.is_ascii() {
        program::refuse("a regular expression beyond ASCII");
    }
    let mut out = String::new();
    let mut letters = pattern.chars().peekable();
    let mut in_set = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let next = letters.next().unwrap_or('\\');
                let same = matches!(
                    next,
                    'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B' | 'n' | 't' | 'r'
                ) || !next.is_ascii_alphanumeric()
                    || (next.is_ascii_digit() && next != '0' && !in_set);
                if !same {
                    program::refuse(&format!("'\\{next}' in a regular expression"));
                }
                out.push('\\');
                out.push(next);
            }
            '[' if in_set => {
                if letters.peek() != Some(&':') {
                    program::refuse("'[' within a set of a regular expression");
                }
                out.push('[');
                for letter in letters.by_ref() {
                    out.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
            }
            '[' => {
                in_set = true;
                out.push('[');
                if letters.peek() == Some(&'^') {
                    letters.next();
                    out.push('^');
                }
                if letters.peek() == Some(&']') {
                    letters.next();
                    out.push_str("\\]");
                }
            }
            ']' => {
                in_set = false;
                out.push(']');
            }
            '&' | '~' | '-' if in_set && letters.peek() == Some(&letter) => {
                program::refuse("an operation on sets in a regular expression");
            }
            // The end, or before a newline that is the end.
            '$' if !in_set => out.push_str("(?=\\n?\\z)"),
            '(' if !in_set && letters.peek() == Some(&'?') => {
                letters.next();
                match letters.next() {
                    Some(kind @ (':' | '=' | '!')) => out.push_str(&format!("(?{kind}")),
                    Some('<') => match letters.peek() {
                        Some('=' | '!') => out.push_str("(?<"),
                        _ => out.push_str("(?P<"),
                    },
                    _ => program::refuse("a group of a regular expression that is not plain"),
                }
            }
            other => out.push(other),
        }
    }
    out
}

/// The text around matches, and what each match's named groups are, for `sub` and `gsub`.
pub fn pieces(text: &str, re: &str, flags: &str, global: bool) -> (Vec<(String, Value)>, String) {
    let search = Search::new(re, flags);
    let mut pieces = Vec::new();
    let mut last = 0;
    for found in search.all(text, global || search.global) {
        let Some((start, end)) = found.first().copied().flatten() else {
            continue;
        };
        let mut named = Map::default();
        for (group, group_name) in search.regex.capture_names().enumerate() {
            if let Some(group_name) = group_name {
                let place = found.get(group).copied().flatten();
                let value = match place {
                    Some((start, end)) => Value::text(text.get(start..end).unwrap_or_default()),
                    None => Value::Null,
                };
                named.insert(group_name.into(), value);
            }
        }
        let before = text.get(last..start).unwrap_or_default().to_owned();
        pieces.push((before, Value::object(named)));
        last = end;
    }
    (pieces, text.get(last..).unwrap_or_default().to_owned())
}

/// What `sub` puts in: text.
pub fn replacement(value: &Value) -> Result<String> {
    match value {
        Value::String(_) => Ok(formats::text(value)),
        other => fail(format!(
            "{} ({}) cannot be added to a string",
            other.kind(),
            shown(other)
        )),
    }
}
