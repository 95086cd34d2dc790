//! Writes nodes in block style and scalars in their three styles.
//!
//! The state is that of the output line: its column, and whether blanks, or indentation alone,
//! stand before the next mark. Columns count characters, not bytes.

use super::resolver;
use super::scalar::{Analysis, analyze, is_break};
use serde_json::{Map, Value};

/// A blank after this column becomes a line break where the style allows it.
const WIDTH: usize = 80;
const INDENT: usize = 2;
/// A key up to this length, with its tag `!!str`, may stand before its colon.
const SIMPLE_KEY: usize = 128 - "!!str".len();

/// The text so far and the state of its last line.
#[derive(Debug)]
pub struct Emitter {
    pub text: String,
    column: usize,
    /// Whether the last character was a blank or a line break.
    whitespace: bool,
    /// Whether only indentation and marks like `- ` are on the line.
    indention: bool,
    /// `None` before the first node.
    indent: Option<usize>,
    /// Whether the document needs `...` to end.
    open_ended: bool,
}

impl Default for Emitter {
    fn default() -> Self {
        Self {
            text: String::new(),
            column: 0,
            whitespace: true,
            indention: true,
            indent: None,
            open_ended: false,
        }
    }
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Element,
    Key,
    LongKey,
    Value,
}

impl Emitter {
    /// Writes a whole document.
    pub fn document(&mut self, value: &Value) {
        self.node(value, Place::Root);
        self.write_indent();
        if self.open_ended {
            self.indicator("...", true, false, false);
            self.write_indent();
        }
    }

    /// The depth is bounded by the reader of JSON (128 levels).
    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Null => self.unquoted("null", place),
            Value::Bool(value) => self.unquoted(&value.to_string(), place),
            Value::Number(value) => self.unquoted(&super::number(value), place),
            Value::String(value) => self.string(value, place),
            Value::Array(items) if items.is_empty() => self.empty("[", "]"),
            Value::Array(items) => self.sequence(items, place),
            Value::Object(map) if map.is_empty() => self.empty("{", "}"),
            Value::Object(map) => self.mapping(map),
        }
    }

    /// Runs `write` one level deeper. The outermost level of blocks is column 0.
    fn indented(&mut self, first: usize, step: usize, write: impl FnOnce(&mut Self)) {
        let outer = self.indent;
        self.indent = Some(outer.map_or(first, |indent| indent + step));
        write(self);
        self.indent = outer;
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, true, false);
        self.indicator(close, false, false, false);
    }

    fn sequence(&mut self, items: &[Value], place: Place) {
        // The dashes of a list that is a key's value stand under the key.
        let indentless = matches!(place, Place::Value | Place::LongKey) && !self.indention;
        let step = if indentless { 0 } else { INDENT };
        self.indented(0, step, |this| {
            for item in items {
                this.write_indent();
                this.indicator("-", true, false, true);
                this.node(item, Place::Element);
            }
        });
    }

    fn mapping(&mut self, map: &Map<String, Value>) {
        self.indented(0, INDENT, |this| {
            for (name, value) in map {
                this.write_indent();
                let length = name.chars().count();
                let multiline = name.chars().any(is_break);
                if 0 < length && length < SIMPLE_KEY && !multiline {
                    this.string(name, Place::Key);
                    this.indicator(":", false, false, false);
                } else {
                    this.indicator("?", true, false, true);
                    this.string(name, Place::LongKey);
                    this.write_indent();
                    this.indicator(":", true, false, true);
                }
                this.node(value, Place::Value);
            }
        });
    }

    fn unquoted(&mut self, text: &str, place: Place) {
        let text: Vec<char> = text.chars().collect();
        self.indented(INDENT, INDENT, |this| this.plain(&text, place));
    }

    fn string(&mut self, value: &str, place: Place) {
        let text: Vec<char> = value.chars().collect();
        let Analysis {
            multiline,
            plain,
            single_quoted,
        } = analyze(&text);
        let key = place == Place::Key;
        self.indented(INDENT, INDENT, |this| {
            if plain && resolver::is_string(value) {
                this.plain(&text, place);
            } else if single_quoted && !(key && multiline) {
                this.single_quoted(&text, !key);
            } else {
                this.double_quoted(&text, !key);
            }
        });
    }

    fn put(&mut self, text: &[char]) {
        self.column += text.len();
        self.text.extend(text);
    }

    fn indicator(&mut self, mark: &str, needs_blank: bool, whitespace: bool, indention: bool) {
        if needs_blank && !self.whitespace {
            self.text.push(' ');
            self.column += 1;
        }
        self.text.push_str(mark);
        self.column += mark.len();
        self.whitespace = whitespace;
        self.indention &= indention;
        self.open_ended = false;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        let beyond = self.column > indent || (self.column == indent && !self.whitespace);
        if !self.indention || beyond {
            self.line_break('\n');
        }
        if self.column < indent {
            self.text
                .extend(std::iter::repeat_n(' ', indent - self.column));
            self.column = indent;
            self.whitespace = true;
        }
    }

    fn line_break(&mut self, character: char) {
        self.text.push(character);
        self.column = 0;
        self.whitespace = true;
        self.indention = true;
    }

    /// Text that continues on a line that was just indented.
    fn continue_line(&mut self) {
        self.whitespace = false;
        self.indention = false;
    }

    /// A plain scalar never holds line breaks here: `analyze` forbids them.
    fn plain(&mut self, text: &[char], place: Place) {
        if place == Place::Root {
            self.open_ended = true;
        }
        if text.is_empty() {
            return;
        }
        if !self.whitespace {
            self.put(&[' ']);
        }
        self.continue_line();
        let split = place != Place::Key;
        for run in text.chunk_by(|a, b| (*a == ' ') == (*b == ' ')) {
            if run == [' '] && self.column > WIDTH && split {
                self.write_indent();
                self.continue_line();
            } else {
                self.put(run);
            }
        }
    }

    fn single_quoted(&mut self, text: &[char], split: bool) {
        self.indicator("'", true, false, false);
        let kind = |character: char| match character {
            ' ' => 0,
            _ if is_break(character) => 1,
            _ => 2,
        };
        let mut start = 0;
        for run in text.chunk_by(|a, b| kind(*a) == kind(*b)) {
            let end = start + run.len();
            match run {
                [' '] if self.column > WIDTH && split && start != 0 && end != text.len() => {
                    self.write_indent();
                }
                [' ', ..] => self.put(run),
                [first, ..] if is_break(*first) => {
                    // One break alone would fold to a blank, so the first is doubled.
                    if *first == '\n' {
                        self.line_break('\n');
                    }
                    for character in run {
                        self.line_break(*character);
                    }
                    self.write_indent();
                }
                _ => {
                    for character in run {
                        match character {
                            '\'' => self.put(&['\'', '\'']),
                            _ => self.put(&[*character]),
                        }
                    }
                }
            }
            start = end;
        }
        self.indicator("'", false, false, false);
    }

    fn double_quoted(&mut self, text: &[char], split: bool) {
        self.indicator("\"", true, false, false);
        // What is read but not yet written begins at `start`; the width looks ahead over it.
        let mut start = 0;
        for end in 0..=text.len() {
            let character = text.get(end).copied();
            let escaped = character.is_none_or(needs_escape);
            if escaped {
                self.put(text.get(start..end).unwrap_or_default());
                start = end;
                if let Some(character) = character {
                    self.put(&escape(character));
                    start = end + 1;
                }
            }
            let inside = 0 < end && end + 1 < text.len();
            let ahead = end.saturating_sub(start);
            // After an escape `start` is one further than `end`.
            let over = (self.column + ahead).saturating_sub(usize::from(start > end)) > WIDTH;
            if inside && (character == Some(' ') || start >= end) && over && split {
                self.put(text.get(start..end).unwrap_or_default());
                self.put(&['\\']);
                start = start.max(end);
                self.write_indent();
                self.continue_line();
                if text.get(start) == Some(&' ') {
                    self.put(&['\\']);
                }
            }
        }
        self.indicator("\"", false, false, false);
    }
}

fn needs_escape(character: char) -> bool {
    let plain = matches!(character, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}');
    !plain || matches!(character, '"' | '\\' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Source: YAML 1.1, 5.6 (escape sequences).
fn escape(character: char) -> Vec<char> {
    let short = match character {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => character,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = character as u32;
            let text = if code <= 0xff {
                format!("\\x{code:02X}")
            } else if code <= 0xffff {
                format!("\\u{code:04X}")
            } else {
                format!("\\U{code:08X}")
            };
            return text.chars().collect();
        }
    };
    vec!['\\', short]
}
