//! `ls -l`: modes, links, owners, sizes and times in columns.

use super::Entry;
use crate::coreutils::{date, owner};
use crate::shared::options::Parsed;
use crate::shared::{io, process, program};
use bstr::{BString, ByteSlice};

/// Half a year, after which times are shown with their year.
const RECENT: i64 = 31_556_952 / 2;

/// What the lines show.
pub struct Long {
    user: bool,
    group: bool,
    numbers: bool,
    /// Base of sizes with units.
    human: Option<u64>,
    /// Formats of times that are not recent, and of recent ones.
    formats: [BString; 2],
    now: i64,
}

impl Long {
    /// As the options say.
    pub fn new(parsed: &Parsed) -> Long {
        date::demand_utc();
        let environment = process::environment();
        for name in ["TIME_STYLE", "BLOCK_SIZE", "LS_BLOCK_SIZE", "BLOCKSIZE"] {
            if process::variable(&environment, name).is_some() {
                program::refuse(&format!("the variable {name}"));
            }
        }
        let style: &[u8] = match parsed.last_of(&['ƒ', 'ť']) {
            Some('ƒ') => b"full-iso",
            Some(_) => parsed.value('ť').map_or(b"locale", |it| it.as_slice()),
            None => b"locale",
        };
        Long {
            user: !parsed.has('g'),
            group: !(parsed.has('o') || parsed.has('G')),
            numbers: parsed.has('n'),
            human: parsed
                .last_of(&['h', 'ş'])
                .map(|key| if key == 'h' { 1024 } else { 1000 }),
            formats: formats(style),
            now: date::now().0,
        }
    }

    /// The line before a directory's entries.
    pub fn put_total(&self, entries: &[Entry]) {
        let all: u64 = entries
            .iter()
            .map(|entry| owner::kibibytes(&entry.meta))
            .sum();
        let shown = match self.human {
            Some(base) => owner::human(all * 1024, base),
            None => all.to_string(),
        };
        io::put(format!("total {shown}\n").as_bytes());
    }

    /// What stands before each name.
    pub fn lines(&self, entries: &[Entry]) -> Vec<BString> {
        let rows: Vec<[BString; 6]> = entries.iter().map(|entry| self.row(entry)).collect();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.len()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..6).map(width).collect();
        let line = |row: &[BString; 6]| {
            let mut line = BString::default();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if (column == 2 && !self.user) || (column == 3 && !self.group) {
                    continue;
                }
                let fill = std::iter::repeat_n(b' ', width.saturating_sub(cell.len()));
                // Names stand to the left, numbers to the right.
                let left = column == 5
                    || (matches!(column, 2 | 3) && !cell.iter().all(u8::is_ascii_digit));
                if left {
                    line.extend_from_slice(cell);
                    line.extend(fill);
                } else {
                    line.extend(fill);
                    line.extend_from_slice(cell);
                }
                line.push(b' ');
            }
            line
        };
        rows.iter().map(line).collect()
    }

    /// Mode, links, user, group, size, time.
    fn row(&self, entry: &Entry) -> [BString; 6] {
        let meta = &entry.meta;
        if matches!(
            meta.kind,
            crate::shared::fs::Kind::Character | crate::shared::fs::Kind::Block
        ) {
            program::refuse("the long line of a device");
        }
        let (user, group) = owner::of(&entry.path, entry.follow).unwrap_or((0, 0));
        let named = |name: fn(u32) -> Option<BString>, number: u32| match name(number) {
            Some(name) if !self.numbers => name,
            _ => number.to_string().into(),
        };
        let size = match self.human {
            Some(base) => owner::human(meta.size, base),
            None => meta.size.to_string(),
        };
        let time = meta.times[1];
        let recent = self.now - RECENT < time.0 && time.0 <= self.now;
        let template = &self.formats[usize::from(recent)];
        let Some(time) = date::format(template, time) else {
            program::refuse(&format!("the format '{}'", template.as_bstr()));
        };
        [
            owner::mode_text(meta).into(),
            owner::links(&entry.path, meta).to_string().into(),
            named(owner::user, user),
            named(owner::group, group),
            size.into(),
            time.into(),
        ]
    }
}

fn formats(style: &[u8]) -> [BString; 2] {
    let both = |text: &[u8]| [BString::from(text), BString::from(text)];
    match style.strip_prefix(b"posix-").unwrap_or(style) {
        b"full-iso" => both(b"%Y-%m-%d %H:%M:%S.%N %z"),
        b"long-iso" => both(b"%Y-%m-%d %H:%M"),
        b"iso" => ["%Y-%m-%d ".into(), "%m-%d %H:%M".into()],
        b"locale" => ["%b %e  %Y".into(), "%b %e %H:%M".into()],
        [b'+', text @ ..] => match text.split_once_str("\n") {
            Some((old, recent)) => [old.into(), recent.into()],
            None => both(text),
        },
        other => program::refuse(&format!("the time style '{}'", other.as_bstr())),
    }
}
