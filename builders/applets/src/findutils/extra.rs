//! Tests of owners and ages, and names that are written to files.
//!
//! Counterpart: findutils' `parser.c` (`parse_user`, `parse_newerXY`) and `pred.c`.

use super::parse::{Node, Number, number};
use crate::coreutils::{date, owner};
use crate::shared::errno::Result;
use crate::shared::fs::Meta;
use crate::shared::{fs, io, process, program, quote};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;
use std::collections::BTreeMap;

/// One of these tests: `-newermt`, `-mtime`, `-user`, `-group`, `-uid`, `-gid`.
pub fn test(word: &[u8], text: &BString) -> Node {
    let invalid =
        || -> ! { program::die(1, &[b"invalid argument `", text, b"' to `", word, b"'"]) };
    match word {
        b"-newermt" => Node::NewerDate(given_time(text)),
        b"-user" | b"-group" => {
            let number = owner_of(word, text);
            Node::Owner(word == b"-user", Number::Exactly(number.into()))
        }
        _ => match number(text) {
            Some(number) if word == b"-mtime" => Node::Age(number),
            Some(number) => Node::Owner(word == b"-uid", number),
            None if word == b"-mtime" && text.iter().any(|it| b".eni".contains(it)) => {
                program::refuse("an age in parts of days")
            }
            None => invalid(),
        },
    }
}

/// A user or a group: by its name, or by its number.
fn owner_of(word: &[u8], text: &[u8]) -> u32 {
    let (file, what): (&[u8], &[u8]) = if word == b"-user" {
        (b"/etc/passwd", b" is not the name of a known user")
    } else {
        (b"/etc/group", b" is not the name of an existing group")
    };
    let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = text.to_str().ok().filter(|_| plain);
    match owner::number(file, text).or_else(|| number?.parse().ok()) {
        Some(number) => number,
        None if text.is_empty() => program::refuse("an owner without a name"),
        None => program::die(1, &[&backquoted(text), what]),
    }
}

/// `quote_n` of findutils in the C locale.
fn backquoted(text: &[u8]) -> BString {
    quote::locale(text)
}

/// User and group of a file.
pub fn owners(path: &[u8], meta: &Meta) -> Result<(u32, u32)> {
    let follow = !meta.is_link();
    owner::of(path, follow)
}

/// The time of `-newermt`.
fn given_time(text: &BString) -> (i64, u32) {
    date::demand_utc();
    match date::parse_date(text, date::now()) {
        Ok(time) => time,
        Err(date::Bad::Invalid) => program::die(
            1,
            &[
                b"I cannot figure out how to interpret ",
                &backquoted(text),
                b" as a date or time",
            ],
        ),
        Err(date::Bad::Beyond) => program::refuse(&format!("the date '{text}'")),
    }
}

/// `-newermt`: of what the build made it is only known that it is newer than its clock's past.
pub fn newer_than(time: (i64, u32), meta: &Meta) -> bool {
    let (now, then) = (date::now(), meta.times[1]);
    if then.0 == now.0 && time >= now {
        program::refuse("a date after which a file was made, or not: that depends on the build");
    }
    then > time
}

/// `-mtime`: the age in days. The sandbox's clock stands in 1980: an age that another clock would
/// change is refused.
pub fn age(number: Number, meta: &Meta) -> bool {
    let (now, then) = (date::now().0, meta.times[1].0);
    if then == now {
        return number.holds(0);
    }
    let days = u64::try_from((now - then) / 86_400);
    match (number, days) {
        (Number::More(least), Ok(days)) if then < now && days > least => true,
        (Number::Less(most), Ok(days)) if then < now && days >= most => false,
        (Number::Exactly(wanted), Ok(days)) if then < now && days > wanted => false,
        _ => program::refuse("an age that depends on the time of the build"),
    }
}

/// Files that names are written to, with what is not written yet.
#[derive(Debug, Default)]
pub struct Files(BTreeMap<BString, Vec<u8>>);

impl Files {
    /// Makes a file empty, when the expression is read.
    pub fn create(path: &BString) {
        if matches!(path.as_slice(), b"/dev/stdout" | b"/dev/stderr") {
            program::refuse("-fprint to a device");
        }
        if let Err(errno) = fs::open_write(path, OFlags::CREATE | OFlags::TRUNC) {
            program::die_errno(1, &[&quote::always(path)], errno);
        }
    }

    /// Appends a name.
    pub fn put(&mut self, path: &BString, name: &[u8], end: u8) {
        let waiting = self.0.entry(path.clone()).or_default();
        waiting.extend_from_slice(name);
        waiting.push(end);
    }

    /// Writes all.
    pub fn finish(&mut self) {
        for (path, text) in std::mem::take(&mut self.0) {
            let written =
                fs::open_write(&path, OFlags::APPEND).and_then(|file| io::write_all(&file, &text));
            if let Err(errno) = written {
                program::die_errno(1, &[&quote::always(&path)], errno);
            }
        }
    }
}

/// With `-execdir` the working directory must not be in `PATH`.
pub fn path_is_absolute() {
    let environment = process::environment();
    let path = process::variable(&environment, "PATH").unwrap_or(b"/bin");
    if path.split_str(":").any(|it| !it.starts_with(b"/")) {
        program::refuse("-execdir with a relative directory in PATH");
    }
}
