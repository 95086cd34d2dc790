//! What `wasibuild setup` did, so that it can be taken back.
//!
//! Contract: a JSON file of version 1; a later version is refused rather than half understood.

use std::path::PathBuf;

use serde_json::{Value, json};

/// One change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file, as the machine names it.
    pub path: PathBuf,
    /// `lines`, `file` or `link`.
    pub kind: String,
    /// The lines, the content, or where the link leads.
    pub text: String,
    /// Whether there was no such file before.
    pub made: bool,
}

/// All changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The directories that were made, the outermost first.
    pub directories: Vec<PathBuf>,
    /// The changes, in their order.
    pub entries: Vec<Entry>,
}

impl Record {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Record, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let version = value.get("version").and_then(Value::as_u64);
        if version != Some(1) {
            return Err("it has another version than 1; a newer wasibuild may know it".to_owned());
        }
        let list = |value: &Value, name: &str| -> Result<Vec<Value>, String> {
            let list = value.get(name).and_then(Value::as_array).cloned();
            list.ok_or_else(|| format!("it has no list '{name}'"))
        };
        let text = |value: &Value, name: &str| -> Result<String, String> {
            let text = value.get(name).and_then(Value::as_str);
            text.map(str::to_owned)
                .ok_or_else(|| format!("an entry has no '{name}'"))
        };
        let directories = list(&value, "directories")?;
        let directories = directories
            .iter()
            .filter_map(Value::as_str)
            .map(PathBuf::from);
        let entries = list(&value, "changes")?;
        let entries = entries.iter().map(|entry| {
            Ok(Entry {
                path: PathBuf::from(text(entry, "path")?),
                kind: text(entry, "kind")?,
                text: text(entry, "text")?,
                made: entry.get("made").and_then(Value::as_bool).unwrap_or(false),
            })
        });
        Ok(Record {
            directories: directories.collect(),
            entries: entries.collect::<Result<_, String>>()?,
        })
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| {
                json!({
                    "path": entry.path.to_string_lossy(),
                    "kind": entry.kind,
                    "text": entry.text,
                    "made": entry.made,
                })
            })
            .collect();
        let directories: Vec<String> = self
            .directories
            .iter()
            .map(|directory| directory.to_string_lossy().into_owned())
            .collect();
        let value = json!({ "version": 1, "directories": directories, "changes": entries });
        format!("{value:#}\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        let record = Record {
            directories: vec!["/a".into(), "/a/b".into()],
            entries: vec![Entry {
                path: "/a/b/c".into(),
                kind: "file".to_owned(),
                text: "x\n\"y".to_owned(),
                made: true,
            }],
        };
        assert_eq!(Record::parse(&record.to_bytes()), Ok(record));
        for wrong in [
            "",
            "[]",
            "{\"version\":2}",
            "{\"version\":1}",
            "{\"version\":1,\"directories\":[],\"changes\":[{}]}",
        ] {
            assert!(Record::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
