//! TOML as tomlkit 0.14 lays it out for remarshal 1 (`json2toml`).
//!
//! Rules of that layout: in each table plain values come before tables; a list of sets is an array
//! of tables when it stands in a table, and a list of inline tables elsewhere; a list of six or
//! more elements takes one line for each, unless it is inside an array of tables; an empty line
//! stands before each table but a container's first.
//!
//! Counterpart: `formats.toml` in nixpkgs.

use super::number;
use super::quoted::quoted;
use serde_json::{Map, Value};
use std::fmt::Write;
use wasibuild_guest::attributes::describe;
use wasibuild_guest::{Error, Result};

/// A list of so many elements is written on several lines.
const MULTILINE_THRESHOLD: usize = 6;

/// The text of an attribute set.
pub fn render(value: &Value) -> Result<String> {
    let Value::Object(map) = value else {
        return Err(Error::wrong_type(
            "value",
            "an attribute set, since TOML has nothing else at the top",
            describe(value),
        ));
    };
    let root = Table::new(map.iter(), true, "value")?;
    let mut text = String::new();
    for (key, item) in &root.body {
        item.render(key, key, &mut text);
    }
    Ok(text)
}

/// A table with its entries in the order in which they are written.
struct Table {
    /// Whether an empty line comes before it.
    apart: bool,
    /// Keys as they are written, quoted where needed.
    body: Vec<(String, Item)>,
}

enum Item {
    /// A value that stands after `key = `.
    Simple(String),
    Table(Table),
    Tables(Vec<Table>),
}

impl Table {
    fn new<'a>(
        entries: impl Iterator<Item = (&'a String, &'a Value)>,
        multiline: bool,
        path: &str,
    ) -> Result<Self> {
        let mut table = Self {
            apart: false,
            body: Vec::new(),
        };
        for (name, value) in entries {
            let item = Item::new(value, multiline, &format!("{path}.{name}"))?;
            table.append(key(name), item);
        }
        Ok(table)
    }

    fn append(&mut self, key: String, mut item: Item) {
        let first_table = self.body.iter().position(|(_, item)| item.is_table());
        match &mut item {
            Item::Simple(_) => {
                let Some(index) = first_table else {
                    return self.body.push((key, item));
                };
                // What was first is not first any more. An array of tables carries no such mark
                // of its own; its first table already has one or stands first for good.
                if let Some((_, Item::Table(table))) = self.body.get_mut(index) {
                    table.apart = true;
                }
                return self.body.insert(index, (key, item));
            }
            Item::Table(table) => table.apart = !self.body.is_empty(),
            Item::Tables(tables) => {
                if let Some(first) = tables.first_mut() {
                    first.apart = !self.body.is_empty();
                }
            }
        }
        self.body.push((key, item));
    }

    /// Whether only tables are in it, so that its header can be left out.
    fn is_super_table(&self) -> bool {
        !self.body.is_empty() && self.body.iter().all(|(_, item)| item.is_table())
    }
}

impl Item {
    fn new(value: &Value, multiline: bool, path: &str) -> Result<Self> {
        Ok(match value {
            Value::Object(map) => Self::Table(Table::new(map.iter(), multiline, path)?),
            Value::Array(items) => match maps(items) {
                Some(maps) => {
                    let mut tables: Vec<Table> = Vec::with_capacity(maps.len());
                    for map in maps {
                        let mut table = Table::new(sets_last(map), false, path)?;
                        let previous = tables.last();
                        table.apart = previous.is_some_and(|table| !table.body.is_empty());
                        tables.push(table);
                    }
                    Self::Tables(tables)
                }
                None => Self::Simple(array(items, multiline, path)?),
            },
            _ => Self::Simple(scalar(value, path)?),
        })
    }

    fn is_table(&self) -> bool {
        !matches!(self, Self::Simple(_))
    }

    /// `name` is the key in its table, `full` the dotted name from the top.
    fn render(&self, name: &str, full: &str, text: &mut String) {
        match self {
            Self::Simple(value) => {
                let _ = writeln!(text, "{name} = {value}");
            }
            Self::Table(table) => {
                if table.apart {
                    text.push('\n');
                }
                if !table.is_super_table() {
                    let _ = writeln!(text, "[{full}]");
                }
                table.render_body(full, text);
            }
            Self::Tables(tables) => {
                for table in tables {
                    if table.apart {
                        text.push('\n');
                    }
                    let _ = writeln!(text, "[[{full}]]");
                    table.render_body(full, text);
                }
            }
        }
    }
}

impl Table {
    fn render_body(&self, full: &str, text: &mut String) {
        for (name, item) in &self.body {
            item.render(name, &format!("{full}.{name}"), text);
        }
    }
}

/// The elements, if there are any and all are sets.
fn maps(items: &[Value]) -> Option<Vec<&Map<String, Value>>> {
    let maps: Option<Vec<_>> = items.iter().map(Value::as_object).collect();
    maps.filter(|maps| !maps.is_empty())
}

/// The entries of a set that is an element of a list: those that are sets come last.
fn sets_last(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let others = map.iter().filter(|(_, value)| !value.is_object());
    others.chain(map.iter().filter(|(_, value)| value.is_object()))
}

fn array(items: &[Value], multiline: bool, path: &str) -> Result<String> {
    let mut elements = Vec::with_capacity(items.len());
    for item in items {
        elements.push(match item {
            Value::Object(map) => inline_table(sets_last(map), ", ", path)?,
            _ => inline(item, path)?,
        });
    }
    Ok(if multiline && items.len() >= MULTILINE_THRESHOLD {
        format!("[\n    {},\n]", elements.join(",\n    "))
    } else {
        format!("[{}]", elements.join(", "))
    })
}

/// A value inside of a list or of an inline table.
fn inline(value: &Value, path: &str) -> Result<String> {
    match value {
        Value::Array(items) => array(items, false, path),
        // tomlkit leaves the blank out in a set that is not itself an element of a list.
        Value::Object(map) => inline_table(map.iter(), ",", path),
        _ => scalar(value, path),
    }
}

fn inline_table<'a>(
    entries: impl Iterator<Item = (&'a String, &'a Value)>,
    separator: &str,
    path: &str,
) -> Result<String> {
    let mut parts = Vec::new();
    for (name, value) in entries {
        let path = format!("{path}.{name}");
        parts.push(format!("{} = {}", key(name), inline(value, &path)?));
    }
    Ok(format!("{{{}}}", parts.join(separator)))
}

fn scalar(value: &Value, path: &str) -> Result<String> {
    match value {
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(value) => Ok(number::python(value)),
        Value::String(value) => Ok(quoted(value)),
        _ => Err(Error::value(
            path,
            "is null, which TOML does not have; leave the attribute out",
        )),
    }
}

fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}
