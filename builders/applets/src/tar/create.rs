//! Making an archive that is the same everywhere.
//!
//! Counterpart: GNU tar's `create.c`, format `gnu`.

use super::header::{BLOCK, Written, write};
use super::{is_inside, put_name};
use crate::shared::fs::{self, Kind};
use crate::shared::io::{self, Source};
use crate::shared::options::Parsed;
use crate::shared::time::date;
use crate::shared::{errno, program};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;
use std::collections::BTreeMap;

/// Blocks that are written at once: an archive's size is a multiple.
const RECORD: usize = 20 * BLOCK;

struct Archive {
    out: Vec<u8>,
    time: i64,
    owner: u32,
    group: u32,
    verbose: bool,
    dereference: bool,
    /// Names of files with several links, by device and inode.
    links: BTreeMap<(u64, u64), BString>,
}

fn id(parsed: &Parsed, key: char) -> u32 {
    let text = parsed.value(key).map_or(&b""[..], |it| it.as_slice());
    let digits = text.rsplit_str(":").next().unwrap_or_default();
    match digits.to_str().ok().and_then(|it| it.parse().ok()) {
        Some(id) if id < 0o777_7777 => id,
        _ => program::refuse("an archive without --owner and --group in numbers"),
    }
}

/// `@N`: of other forms tar tells how it reads them.
fn seconds(text: &[u8]) -> Option<i64> {
    text.to_str().ok()?.strip_prefix('@')?.parse().ok()
}

/// Makes an archive.
pub fn run(parsed: &Parsed, file: &BString) -> u8 {
    if parsed.last_of(&['a', 'z', 'ż', 'j', 'J', 'ź']).is_some() {
        program::refuse("packing");
    }
    if parsed.value('ş').is_none_or(|it| *it != "name") || !parsed.has('ņ') {
        program::refuse("an archive without --sort=name and --numeric-owner");
    }
    if parsed.value('ƒ').is_some_and(|it| *it != "gnu") {
        program::refuse("another format than gnu");
    }
    let time = match parsed.value('μ').and_then(|it| seconds(it)) {
        Some(seconds) if seconds >= 0 => seconds,
        _ => program::refuse("an archive without --mtime as @N"),
    };
    if parsed.has('v')
        && let Some(text) = parsed.value('μ')
    {
        let [year, month, day, hour, minute, second] = date(time);
        let shown = format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
        program::complain(&[
            b"Option --mtime: Treating date '",
            text,
            b"' as ",
            shown.as_bytes(),
        ]);
    }
    let mut archive = Archive {
        out: Vec::new(),
        time,
        owner: id(parsed, 'ø'),
        group: id(parsed, 'ğ'),
        verbose: parsed.has('v'),
        dereference: parsed.has('đ'),
        links: BTreeMap::new(),
    };
    if archive.verbose && file == "-" {
        program::refuse("a verbose archive on standard output");
    }
    if parsed.operands.is_empty() {
        program::refuse("an archive of nothing");
    }
    let output =
        (file != "-").then(
            || match fs::open_write(file, OFlags::CREATE | OFlags::TRUNC) {
                Ok(output) => output,
                Err(number) => program::refuse(&format!("'{file}': {}", errno::text(number))),
            },
        );
    let own = output.as_ref().and_then(|it| fs::fstat(it).ok());
    if let Some(directory) = parsed.value('C')
        && let Err(error) = wasibuild_guest::host::chdir(directory)
    {
        program::refuse(&format!("-C {directory}: {error}"));
    }
    for operand in &parsed.operands {
        if !is_inside(operand) {
            program::refuse("a member outside of the directory");
        }
        archive.add(operand, own.as_ref());
    }
    let mut out = archive.out;
    out.resize(out.len() + 2 * BLOCK, 0);
    out.resize(out.len().next_multiple_of(RECORD), 0);
    match output {
        None => io::put(&out),
        Some(output) => {
            if let Err(number) = io::write_all(&output, &out) {
                program::refuse(&format!("'{file}': {}", errno::text(number)));
            }
        }
    }
    0
}

impl Archive {
    /// Adds a name and what is below it. The names that wait are on a stack of their own.
    fn add(&mut self, operand: &BString, own: Option<&fs::Meta>) {
        let mut pending = vec![operand.clone()];
        while let Some(path) = pending.pop() {
            let failed =
                |number| -> ! { program::refuse(&format!("'{path}': {}", errno::text(number))) };
            let meta = fs::lstat(&path).unwrap_or_else(|number| failed(number));
            if own.is_some_and(|own| own.same_file(&meta)) {
                program::refuse("an archive within itself");
            }
            match meta.kind {
                Kind::Directory => {
                    let mut name = path.clone();
                    if !name.ends_with(b"/") {
                        name.push(b'/');
                    }
                    self.header(&name, b'5', b"", &meta, 0);
                    let names = fs::list(&path).unwrap_or_else(|number| failed(number));
                    pending.extend(names.iter().rev().map(|it| fs::join(&name, it)));
                }
                Kind::Link => {
                    let target = fs::readlink(&path).unwrap_or_else(|number| failed(number));
                    self.header(&path, b'2', &target, &meta, 0);
                }
                Kind::File => {
                    let key = (meta.device, meta.inode);
                    if meta.links > 1 && !self.dereference {
                        if let Some(first) = self.links.get(&key).cloned() {
                            self.header(&path, b'1', &first, &meta, 0);
                            continue;
                        }
                        self.links.insert(key, path.clone());
                    }
                    let content = Source::open(&path).and_then(|it| it.read_to_end());
                    let content = content.unwrap_or_else(|number| failed(number));
                    self.header(&path, b'0', b"", &meta, content.len() as u64);
                    self.out.extend_from_slice(&content);
                    self.out.resize(self.out.len().next_multiple_of(BLOCK), 0);
                }
                _ => program::refuse("a special file"),
            }
        }
    }

    fn header(&mut self, name: &BString, kind: u8, target: &[u8], meta: &fs::Meta, size: u64) {
        if size >= 1 << 33 {
            program::refuse("a file of more than 8 GiB");
        }
        if self.verbose {
            put_name(name);
        }
        let written = Written {
            name,
            kind,
            target,
            mode: meta.mode,
            owner: self.owner,
            group: self.group,
            size,
            time: self.time,
        };
        write(&written, &mut self.out);
    }
}
