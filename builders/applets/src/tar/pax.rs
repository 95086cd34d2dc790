//! Extended headers: the records before a member that say what its header cannot.
//!
//! Counterpart: POSIX's `pax`, GNU tar's `xheader.c`.

use super::quoting::escaped;
use super::value_at;
use crate::findutils::glob;
use crate::shared::{fs, program};
use bstr::{BString, ByteSlice};

/// What extended headers say of the next member.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Extended {
    pub name: Option<BString>,
    pub target: Option<BString>,
    pub size: Option<usize>,
    pub time: Option<(i64, u32)>,
    pub user: Option<BString>,
    pub group: Option<BString>,
    pub owner: (Option<u32>, Option<u32>),
}

type Result<T> = std::result::Result<T, String>;

/// Reads records of the form `LENGTH KEY=VALUE\n`. A global header may only hold a comment.
pub fn read(mut content: &[u8], extended: &mut Extended, global: bool) -> Result<()> {
    let wrong = || "an extended header that is broken or not known".to_owned();
    while !content.is_empty() {
        let blank = memchr::memchr(b' ', content).ok_or_else(wrong)?;
        let length = content
            .get(..blank)
            .and_then(|it| std::str::from_utf8(it).ok());
        let length: usize = length.and_then(|it| it.parse().ok()).ok_or_else(wrong)?;
        let record = content.get(blank + 1..length).ok_or_else(wrong)?;
        let record = record.strip_suffix(b"\n").ok_or_else(wrong)?;
        let equals = memchr::memchr(b'=', record).ok_or_else(wrong)?;
        let (key, value) = record.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        if global && key != b"comment" {
            return Err("a global header of a meaning".to_owned());
        }
        if value.contains(&0) {
            return Err(wrong());
        }
        one(key, value, extended).ok_or_else(wrong)?;
        content = content.get(length..).unwrap_or_default();
    }
    Ok(())
}

fn one(key: &[u8], value: &[u8], extended: &mut Extended) -> Option<()> {
    let text = value.to_str();
    match key {
        b"path" => extended.name = Some(value.into()),
        b"linkpath" => extended.target = Some(value.into()),
        b"size" => extended.size = Some(text.ok()?.parse().ok()?),
        b"mtime" => extended.time = Some(time(text.ok()?)?),
        b"uname" => extended.user = Some(value.into()),
        b"gname" => extended.group = Some(value.into()),
        b"uid" => extended.owner.0 = Some(text.ok()?.parse().ok()?),
        b"gid" => extended.owner.1 = Some(text.ok()?.parse().ok()?),
        b"atime" | b"ctime" | b"comment" | b"charset" => {}
        b"SCHILY.acl.access" | b"SCHILY.acl.default" | b"RHT.security.selinux" => {}
        _ if key.starts_with(b"SCHILY.xattr.") => {}
        // Sparse files and their like.
        _ if key.starts_with(b"GNU.") => return None,
        _ => program::complain(&[
            b"Ignoring unknown extended header keyword '",
            &escaped(key),
            b"'",
        ]),
    }
    Some(())
}

/// Seconds with a fraction.
fn time(text: &str) -> Option<(i64, u32)> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    // Times before 1970 are beyond this.
    if whole.starts_with('-') {
        return None;
    }
    let digits: String = part.chars().chain("000000000".chars()).take(9).collect();
    Some((whole.parse().ok()?, digits.parse().ok()?))
}

/// `--pax-option`: how extended headers are called, and what is in them.
#[derive(Debug, Default)]
pub struct Settings {
    /// Their name in the archive.
    pub name: Option<BString>,
    /// Their time.
    pub time: Option<i64>,
    /// Patterns of keys that are left out.
    deleted: Vec<BString>,
    /// Keys with a value of their own, the last first.
    given: Vec<(BString, BString)>,
}

impl Settings {
    /// Reads one option's list.
    pub fn add(&mut self, text: &[u8]) {
        for word in text.split_str(",") {
            let word = word.trim_ascii_start();
            let Some((key, value)) = word.split_once_str("=") else {
                program::refuse("a word of --pax-option without a value");
            };
            if let Some(key) = key.strip_suffix(b":") {
                let known = [&b"atime"[..], b"ctime", b"mtime"];
                if !known.contains(&key) {
                    program::refuse("a key of --pax-option that is given a value");
                }
                self.given.insert(0, (key.into(), value.into()));
                continue;
            }
            match key {
                b"exthdr.name" => self.name = Some(value.into()),
                b"exthdr.mtime" => match value.to_str().ok().and_then(|it| it.parse().ok()) {
                    Some(time) => self.time = Some(time),
                    None => program::refuse("exthdr.mtime of no number"),
                },
                b"delete" => self.deleted.push(value.into()),
                _ => program::refuse("--pax-option with a global header or an unknown key"),
            }
        }
    }

    /// Does a header tell this?
    pub fn tells(&self, key: &str) -> bool {
        let matches = |it: &BString| glob::matches(it, key.as_bytes(), glob::Options::default());
        !self.deleted.iter().any(matches) && !self.given.iter().any(|(it, _)| it == key)
    }

    /// The records, with those that were given.
    pub fn records(&self, own: &[(&str, BString)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (key, value) in own {
            if self.tells(key) {
                record(key.as_bytes(), value, &mut out);
            }
        }
        for (key, value) in &self.given {
            record(key, value, &mut out);
        }
        out
    }

    /// What the extended header of a member is called.
    pub fn name_for(&self, member: &[u8]) -> BString {
        let default = BString::from("%d/PaxHeaders/%f");
        let format = self.name.as_ref().unwrap_or(&default);
        let mut out = BString::default();
        let mut at = 0;
        while at < format.len() {
            let byte = value_at(format, at);
            at += 1;
            if byte != b'%' {
                out.push(byte);
                continue;
            }
            match value_at(format, at) {
                b'%' => out.push(b'%'),
                b'd' => out.extend_from_slice(fs::dir_name(member)),
                b'f' => {
                    out.extend_from_slice(fs::base_name(member));
                    // A directory's name keeps its slash.
                    if member.ends_with(b"/") {
                        out.push(b'/');
                    }
                }
                _ => program::refuse("exthdr.name with a process's number or an unknown escape"),
            }
            at += 1;
        }
        while out.len() > 1 && out.last() == Some(&b'/') {
            out.pop();
        }
        out
    }
}

/// The length counts its own digits.
fn record(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} ").as_bytes());
    out.extend_from_slice(key);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// Seconds as records have them.
pub fn seconds((whole, part): (i64, u32)) -> BString {
    let mut text = whole.to_string();
    if part != 0 {
        text.push('.');
        text.push_str(format!("{part:09}").trim_end_matches('0'));
    }
    text.into()
}
