//! Lists: names alone, or a line like that of `ls -l`.
//!
//! Counterpart: GNU tar's `list.c`, `print_header`.

use super::header::{Kind, Member};
use super::quoting::escaped;
use crate::shared::io;
use crate::shared::time::date;

/// Where lists go, and how much they tell.
#[derive(Debug)]
pub struct Lister {
    /// 0: nothing; 1: names; 2: long lines.
    pub level: usize,
    /// Users and groups are numbers.
    pub numeric: bool,
    /// Times with seconds (`--full-time`).
    pub full_time: bool,
    /// On standard error: standard output has the archive or a member.
    pub on_error: bool,
    /// The width of owner and size, which grows.
    width: usize,
    /// The width of times, which grows too.
    time_width: usize,
}

impl Lister {
    /// A lister.
    pub fn new(level: usize, numeric: bool, full_time: bool, on_error: bool) -> Lister {
        Lister {
            level,
            numeric,
            full_time,
            on_error,
            width: 19,
            time_width: 16,
        }
    }

    /// Tells of a member under this name.
    pub fn tell(&mut self, name: &[u8], member: &Member) {
        if self.level == 0 {
            return;
        }
        let mut line = Vec::new();
        if self.level > 1 {
            line = self.long(member).into_bytes();
            line.push(b' ');
        }
        line.extend_from_slice(&escaped(name));
        if self.level > 1 {
            let arrow: &[u8] = match member.kind {
                Kind::Link => b" -> ",
                Kind::HardLink => b" link to ",
                _ => b"",
            };
            if !arrow.is_empty() {
                line.extend_from_slice(arrow);
                line.extend_from_slice(&escaped(&member.target));
            }
        }
        line.push(b'\n');
        if self.on_error {
            io::write_error(&line);
        } else {
            io::put(&line);
        }
    }

    fn long(&mut self, member: &Member) -> String {
        let kind = match member.kind {
            Kind::File => '-',
            Kind::HardLink => 'h',
            Kind::Link => 'l',
            Kind::Directory => 'd',
        };
        let owner = |name: &[u8], number: u32| {
            if name.is_empty() || self.numeric {
                number.to_string()
            } else {
                String::from_utf8_lossy(name).into_owned()
            }
        };
        let user = owner(&member.user, member.owner.0);
        let group = owner(&member.group, member.owner.1);
        let size = member.size.to_string();
        let needed = user.len() + group.len() + size.len() + 2;
        self.width = self.width.max(needed);
        let fill = self.width - needed + size.len();
        let [year, month, day, hour, minute, second] = date(member.time.0);
        let mut time = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}");
        if self.full_time {
            time.push_str(&format!(":{second:02}"));
            if member.time.1 != 0 {
                let part = format!("{:09}", member.time.1);
                time.push('.');
                time.push_str(part.trim_end_matches('0'));
            }
        }
        let mode = letters(member.mode);
        let wide = self.time_width.max(time.len());
        self.time_width = wide;
        format!("{kind}{mode} {user}/{group} {size:>fill$} {time:<wide$}")
    }
}

fn letters(mode: u32) -> String {
    let mut text = String::new();
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}
