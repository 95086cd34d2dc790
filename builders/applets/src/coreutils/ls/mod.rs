//! `ls`, `dir` and `vdir`, as they are when no terminal reads.
//!
//! Counterpart: coreutils' `ls.c`. Colours, inodes and blocks are refused; what a
//! directory's size and the line `total` say is as on ext4.

mod columns;
mod long;

use super::{Utility, version};
use crate::shared::fs::Meta;
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::{BString, ByteSlice};
use columns::{Format, Quoting, Widths};
use long::Long;
use std::cmp::Ordering;

const SPEC: Spec = Spec {
    options: &[
        flag('1', ""),
        flag('a', "all"),
        flag('A', "almost-all"),
        flag('B', "ignore-backups"),
        maybe('ç', "color"),
        flag('d', "directory"),
        maybe('€', "classify"),
        flag('F', ""),
        flag('ƥ', "file-type"),
        value('ɪ', "indicator-style"),
        flag('ƒ', "full-time"),
        flag('g', ""),
        flag('G', "no-group"),
        flag('ğ', "group-directories-first"),
        flag('h', "human-readable"),
        flag('H', "dereference-command-line"),
        flag('l', ""),
        flag('L', "dereference"),
        flag('n', "numeric-uid-gid"),
        flag('N', "literal"),
        flag('o', ""),
        flag('p', ""),
        flag('r', "reverse"),
        flag('R', "recursive"),
        flag('S', ""),
        flag('ş', "si"),
        value('š', "sort"),
        flag('t', ""),
        value('ť', "time-style"),
        flag('U', ""),
        flag('v', ""),
        flag('X', ""),
        flag('b', "escape"),
        flag('C', ""),
        value('φ', "format"),
        flag('m', ""),
        flag('Q', "quote-name"),
        value('θ', "quoting-style"),
        value('T', "tabsize"),
        value('w', "width"),
        flag('x', ""),
    ],
    permute: true,
    usage: 2,
};

pub const LS: Utility = Utility {
    name: "ls",
    spec: SPEC,
    run: |spec, words| run(spec, words, Format::Single, Quoting::Literal),
};
pub const DIR: Utility = Utility {
    name: "dir",
    spec: SPEC,
    run: |spec, words| run(spec, words, Format::Down, Quoting::Escape),
};
pub const VDIR: Utility = Utility {
    name: "vdir",
    spec: SPEC,
    run: |spec, words| run(spec, words, Format::Long, Quoting::Escape),
};

/// A name to list.
struct Entry {
    name: BString,
    /// Where it is.
    path: BString,
    meta: Meta,
    follow: bool,
}

/// What was asked for.
struct List {
    parsed: Parsed,
    sort: char,
    long: Option<Long>,
    format: Format,
    widths: Widths,
    quoting: Quoting,
    /// What stands behind names: all that is known (`F`), no `*` (`t`), only slashes (`p`).
    style: Option<char>,
    status: u8,
}

fn run(spec: &Spec, words: Vec<BString>, format: Format, quoting: Quoting) -> u8 {
    let mut parsed = parse(spec, words);
    if parsed.operands.is_empty() {
        parsed.operands.push(".".into());
    }
    if parsed.has('ç') && parsed.value('ç').is_none_or(|it| *it != "never") {
        program::refuse("colours");
    }
    let format = columns::format(&parsed, format);
    let long = (format == Format::Long).then(|| Long::new(&parsed));
    let mut list = List {
        sort: sort_key(&parsed),
        long,
        format,
        widths: Widths::new(&parsed),
        quoting: columns::quoting(&parsed, quoting),
        style: style(&parsed),
        parsed,
        status: 0,
    };
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for path in list.parsed.operands.clone() {
        match list.operand(&path) {
            Some(entry) if entry.meta.is_dir() && !list.parsed.has('d') => directories.push(entry),
            Some(entry) => files.push(entry),
            None => list.status = 2,
        }
    }
    list.arrange(&mut files);
    list.arrange(&mut directories);
    list.put(&files);
    list.walk(directories, files.is_empty());
    list.status
}

/// What stands behind names.
fn style(parsed: &Parsed) -> Option<char> {
    let mut style = None;
    for (key, text) in &parsed.options {
        style = match (key, text.as_ref().map(|it| it.as_slice())) {
            ('F' | '€', None) | ('€', Some(b"always" | b"yes" | b"force")) => Some('F'),
            ('€', Some(b"never" | b"no" | b"none" | b"auto" | b"tty" | b"if-tty")) => style,
            ('ƥ', _) => Some('t'),
            ('p', _) => Some('p'),
            ('ɪ', Some(b"none")) => None,
            ('ɪ', Some(b"slash")) => Some('p'),
            ('ɪ', Some(b"file-type")) => Some('t'),
            ('ɪ', Some(b"classify")) => Some('F'),
            ('ɪ' | '€', _) => program::refuse("a mark behind names of another name"),
            _ => style,
        };
    }
    style
}

/// By what the names are sorted: `n`ame, `t`ime, `S`ize, `v`ersion, e`X`tension.
fn sort_key(parsed: &Parsed) -> char {
    let mut sort = 'n';
    for (key, text) in &parsed.options {
        sort = match (key, text.as_ref().map(|it| it.as_slice())) {
            ('t' | 'S' | 'v' | 'X', _) => *key,
            // The order of a directory is that of names here.
            ('U', _) | ('š', Some(b"none" | b"name")) => 'n',
            ('š', Some(b"time")) => 't',
            ('š', Some(b"size")) => 'S',
            ('š', Some(b"version")) => 'v',
            ('š', Some(b"extension")) => 'X',
            ('š', _) => program::refuse("a kind of order of another name"),
            _ => continue,
        };
    }
    sort
}

impl List {
    /// A word of the command line; `None` after a message.
    fn operand(&self, path: &BString) -> Option<Entry> {
        let parsed = &self.parsed;
        let all = parsed.has('L') || parsed.has('H');
        let never = parsed.has('d') || self.style == Some('F') || self.long.is_some();
        let target = fs::stat(path);
        let follow = match (&target, all) {
            (Ok(_), true) => true,
            // Only links to directories are followed without being told.
            (Ok(meta), false) => !never && meta.is_dir(),
            (Err(_), _) => false,
        };
        let found = match target {
            Ok(meta) if follow => Ok(meta),
            Err(errno) if parsed.has('L') => Err(errno),
            _ => fs::lstat(path),
        };
        match found {
            Ok(meta) => Some(Entry {
                name: path.clone(),
                path: path.clone(),
                meta,
                follow,
            }),
            Err(errno) => {
                program::complain_errno(&[b"cannot access ", &quote::always(path)], errno);
                None
            }
        }
    }

    fn arrange(&self, entries: &mut [Entry]) {
        let by_name = |a: &Entry, b: &Entry| a.name.cmp(&b.name);
        entries.sort_by(|a, b| {
            let order = match self.sort {
                't' => b.meta.times[1].cmp(&a.meta.times[1]),
                'S' => b.meta.size.cmp(&a.meta.size),
                'v' => version::compare(&a.name, &b.name),
                'X' => extension(&a.name).cmp(extension(&b.name)),
                _ => Ordering::Equal,
            };
            order.then_with(|| by_name(a, b))
        });
        if self.parsed.has('r') {
            entries.reverse();
        }
        if self.parsed.has('ğ') {
            entries.sort_by_key(|entry| !leads_to_directory(entry));
        }
    }

    /// Lists directories, and with `-R` those in them.
    fn walk(&mut self, directories: Vec<Entry>, mut first: bool) {
        let titles = self.parsed.operands.len() > 1 || self.parsed.has('R');
        let mut pending: Vec<(BString, bool)> = directories
            .into_iter()
            .rev()
            .map(|entry| (entry.path, true))
            .collect();
        while let Some((path, operand)) = pending.pop() {
            let entries = match self.entries(&path) {
                Ok(entries) => entries,
                Err(errno) => {
                    let shown = quote::always(&path);
                    program::complain_errno(&[b"cannot open directory ", &shown], errno);
                    self.status = if operand { 2 } else { self.status.max(1) };
                    continue;
                }
            };
            if !std::mem::replace(&mut first, false) {
                io::put(b"\n");
            }
            if titles {
                io::put(&self.quoting.show(&path, true));
                io::put(b":\n");
            }
            if let Some(long) = &self.long {
                long.put_total(&entries);
            }
            self.put(&entries);
            if self.parsed.has('R') {
                let inner = entries
                    .iter()
                    .rev()
                    .filter(|entry| entry.meta.is_dir() && entry.name != "." && entry.name != "..");
                pending.extend(inner.map(|entry| (entry.path.clone(), false)));
            }
        }
    }

    fn entries(&mut self, path: &[u8]) -> crate::shared::errno::Result<Vec<Entry>> {
        let mut names = fs::list(path)?;
        match self.parsed.last_of(&['a', 'A']) {
            Some('a') => names.extend([".".into(), "..".into()]),
            Some(_) => {}
            None => names.retain(|name| name.first() != Some(&b'.')),
        }
        if self.parsed.has('B') {
            names.retain(|name| name.last() != Some(&b'~'));
        }
        let follow = self.parsed.has('L');
        let mut entries = Vec::new();
        for name in names {
            let inner = fs::join(path, &name);
            let meta = match if follow {
                fs::stat(&inner)
            } else {
                fs::lstat(&inner)
            } {
                Ok(meta) => meta,
                // Where only names are shown, GNU does not look where they lead.
                Err(_) if follow && self.needs_target() => {
                    program::refuse("a dangling link with -L")
                }
                Err(_) if follow => fs::lstat(&inner)?,
                Err(errno) => {
                    let shown = quote::always(&inner);
                    program::complain_errno(&[b"cannot access ", &shown], errno);
                    self.status = self.status.max(1);
                    continue;
                }
            };
            entries.push(Entry {
                name,
                path: inner,
                meta,
                follow,
            });
        }
        self.arrange(&mut entries);
        Ok(entries)
    }

    fn needs_target(&self) -> bool {
        let more = ['R', 'ğ'];
        self.long.is_some()
            || self.style.is_some()
            || "tS".contains(self.sort)
            || self.parsed.last_of(&more).is_some()
    }

    fn put(&self, entries: &[Entry]) {
        let lines = self.long.as_ref().map(|long| long.lines(entries));
        if lines.is_none() && self.format != Format::Single {
            let names: Vec<BString> = entries.iter().map(|entry| self.shown(entry)).collect();
            self.widths.put(&names, self.format);
            return;
        }
        for (index, entry) in entries.iter().enumerate() {
            if let Some(line) = lines.as_ref().and_then(|lines| lines.get(index)) {
                io::put(line);
            }
            io::put(&self.shown(entry));
            io::put(b"\n");
        }
    }

    /// A name with what stands behind it.
    fn shown(&self, entry: &Entry) -> BString {
        let mut shown = self.quoting.show(&entry.name, false);
        let mut mark = self.mark(&entry.meta);
        if self.long.is_some() && entry.meta.is_link() {
            if let Ok(target) = fs::readlink(&entry.path) {
                shown.extend_from_slice(b" -> ");
                shown.extend_from_slice(&self.quoting.show(&target, false));
            }
            mark = fs::stat(&entry.path).ok().and_then(|meta| self.mark(&meta));
        }
        shown.extend_from_slice(mark.unwrap_or_default().as_bytes());
        shown
    }

    /// What `-F` and `-p` put behind a name.
    fn mark(&self, meta: &Meta) -> Option<&'static str> {
        let style = self.style?;
        match meta.kind {
            fs::Kind::Directory => Some("/"),
            _ if style == 'p' => None,
            fs::Kind::File if style == 't' => None,
            fs::Kind::Link => Some("@"),
            fs::Kind::Fifo => Some("|"),
            fs::Kind::Socket => Some("="),
            fs::Kind::File if meta.mode & 0o111 != 0 => Some("*"),
            _ => None,
        }
    }
}

fn leads_to_directory(entry: &Entry) -> bool {
    let is_dir = |meta: Meta| meta.is_dir();
    entry.meta.is_dir() || (entry.meta.is_link() && fs::stat(&entry.path).is_ok_and(is_dir))
}

/// From the last dot on.
fn extension(name: &[u8]) -> &[u8] {
    let at = name.rfind_byte(b'.').unwrap_or(name.len());
    name.get(at..).unwrap_or_default()
}
