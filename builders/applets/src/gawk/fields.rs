//! The record and its fields: split when they are asked for, joined when they were changed.
//!
//! Counterpart: gawk's `field.c`.

use super::ast::Text;
use super::regex::Patterns;
use super::value::Value;
use std::rc::Rc;

/// The record.
pub struct Fields {
    record: Text,
    all: Vec<Value>,
    is_split: bool,
    is_stale: bool,
    /// `RS` is empty: a newline separates fields too.
    pub paragraphs: bool,
}

impl Default for Fields {
    fn default() -> Fields {
        Fields {
            record: Rc::from(&b""[..]),
            all: Vec::new(),
            is_split: true,
            is_stale: false,
            paragraphs: false,
        }
    }
}

impl Fields {
    /// A new record.
    pub fn set_record(&mut self, text: Text) {
        self.record = text;
        self.is_split = false;
        self.is_stale = false;
    }

    /// The record's text, joined with `OFS` where fields were changed.
    pub fn record(&mut self, between: &[u8]) -> Text {
        if self.is_stale {
            let fields: Vec<Text> = self.all.iter().map(|it| it.bytes(b"%.6g")).collect();
            let fields: Vec<&[u8]> = fields.iter().map(|it| &**it).collect();
            self.record = fields.join(between).into();
            self.is_stale = false;
        }
        self.record.clone()
    }

    /// Splits the record if that was not done yet.
    pub fn split(&mut self, separator: &[u8], patterns: &mut Patterns) {
        if self.is_split {
            return;
        }
        self.is_split = true;
        let record = self.record.clone();
        let (parts, _) = split(&record, separator, self.paragraphs, patterns);
        self.all = parts
            .into_iter()
            .map(|it| Value::input(it.into()))
            .collect();
    }

    /// How many fields there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// A field, from 1.
    pub fn get(&self, number: usize) -> Option<Value> {
        self.all.get(number.checked_sub(1)?).cloned()
    }

    /// Sets a field; those before it are made where they are missing.
    pub fn set(&mut self, number: usize, value: Value) {
        if number > self.all.len() {
            self.all.resize(number, Value::text(""));
        }
        if let Some(slot) = number.checked_sub(1).and_then(|at| self.all.get_mut(at)) {
            *slot = value;
        }
        self.is_stale = true;
    }

    /// Sets how many there are.
    pub fn resize(&mut self, count: usize) {
        self.all.resize(count, Value::text(""));
        self.is_stale = true;
    }
}

/// The parts of a text, and what was between them.
pub fn split(
    text: &[u8],
    separator: &[u8],
    paragraphs: bool,
    patterns: &mut Patterns,
) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut parts, mut seps) = (Vec::new(), Vec::new());
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
    if separator == b" " {
        // gawk keeps the blanks at either end as separators too.
        let mut rest = text;
        let lead = rest.iter().take_while(|it| is_blank(it)).count();
        seps.push(rest.get(..lead).unwrap_or_default().to_vec());
        rest = rest.get(lead..).unwrap_or_default();
        while !rest.is_empty() {
            let len = rest.iter().take_while(|it| !is_blank(it)).count();
            parts.push(rest.get(..len).unwrap_or_default().to_vec());
            rest = rest.get(len..).unwrap_or_default();
            let gap = rest.iter().take_while(|it| is_blank(it)).count();
            seps.push(rest.get(..gap).unwrap_or_default().to_vec());
            rest = rest.get(gap..).unwrap_or_default();
        }
        return (parts, seps);
    }
    if text.is_empty() {
        return (parts, seps);
    }
    if separator.is_empty() {
        return (
            text.iter().map(|it| vec![*it]).collect(),
            vec![Vec::new(); text.len() - 1],
        );
    }
    if let [byte] = separator
        && *byte != b'\\'
    {
        let ends = |it: &u8| it == byte || (paragraphs && *it == b'\n');
        parts.extend(text.split(ends).map(<[u8]>::to_vec));
        seps.extend(text.iter().filter(|it| ends(it)).map(|it| vec![*it]));
        return (parts, seps);
    }
    let pattern = match (separator, paragraphs) {
        (b"\\", _) => b"\\\\".to_vec(),
        (pattern, false) => pattern.to_vec(),
        (pattern, true) => [b"(", pattern, b")|\n"].concat(),
    };
    let regex = patterns.get(&pattern);
    let (mut start, mut from) = (0, 0);
    while let Some((begin, end)) = patterns.find(&regex, text, from) {
        if begin == end {
            // What is empty separates nothing.
            from = end + 1;
            if from > text.len() {
                break;
            }
            continue;
        }
        parts.push(text.get(start..begin).unwrap_or_default().to_vec());
        seps.push(text.get(begin..end).unwrap_or_default().to_vec());
        start = end;
        from = end;
    }
    parts.push(text.get(start..).unwrap_or_default().to_vec());
    (parts, seps)
}
