//! `date`.
//!
//! Counterpart: coreutils' `date.c`. "Now" is the sandbox's clock; the time zone is UTC.

mod format;
mod parse;
mod words;

pub(crate) use format::{Moment, format};
pub(crate) use parse::{Bad, parse as parse_date};

use super::Utility;
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, io, process, program, quote};
use bstr::{BString, ByteSlice};

pub const DATE: Utility = Utility {
    name: "date",
    spec: Spec {
        options: &[
            value('d', "date"),
            maybe('I', "iso-8601"),
            value('r', "reference"),
            flag('R', "rfc-email"),
            value('ŕ', "rfc-3339"),
            flag('u', "utc"),
            flag('ū', "universal"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// The process's clock.
#[allow(clippy::disallowed_methods)] // The sandbox's clock stands still (docs/abi.md).
pub fn now() -> Moment {
    let now = std::time::SystemTime::now();
    match now.duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => (
            i64::try_from(since.as_secs()).unwrap_or(0),
            since.subsec_nanos(),
        ),
        Err(_) => (0, 0),
    }
}

/// A time zone other than UTC is beyond this applet.
pub fn demand_utc() {
    let environment = process::environment();
    let zone = process::variable(&environment, "TZ").unwrap_or(b"");
    let known: [&[u8]; 5] = [b"", b"UTC", b"UTC0", b"Etc/UTC", b":UTC"];
    if !known.contains(&zone) {
        program::refuse(&format!("the time zone '{}'", zone.as_bstr()));
    }
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if !(parsed.has('u') || parsed.has('ū')) {
        demand_utc();
    }
    let mut template = chosen(&parsed);
    let given: Vec<_> = parsed
        .options
        .iter()
        .filter(|(key, _)| matches!(key, 'd' | 'r'))
        .collect();
    if parsed.has('d') && parsed.has('r') {
        let text = b"the options to specify dates for printing are mutually exclusive";
        program::usage_error(1, &[text]);
    }
    match parsed.operands.as_slice() {
        [] => {}
        [_, extra, ..] => program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]),
        [word] => match word.strip_prefix(b"+") {
            Some(text) if template.is_none() => template = Some(text.into()),
            Some(_) => program::die(1, &[b"multiple output formats specified"]),
            None if given.is_empty() => program::refuse("setting the date"),
            None => program::usage_error(
                1,
                &[
                    b"the argument ",
                    &quote::locale(word),
                    b" lacks a leading '+';\nwhen using an option to specify date(s), any \
                      non-option\nargument must be a format string beginning with '+'",
                ],
            ),
        },
    }
    let moment = match given.last() {
        Some(('d', Some(text))) => match parse_date(text, now()) {
            Ok(moment) => moment,
            Err(Bad::Invalid) => program::die(1, &[b"invalid date ", &quote::locale(text)]),
            Err(Bad::Beyond) => program::refuse(&format!("the date '{text}'")),
        },
        Some((_, Some(path))) => match fs::stat(path) {
            Ok(meta) => meta.times[1],
            Err(errno) => program::die_errno(1, &[&quote::maybe(path)], errno),
        },
        _ => now(),
    };
    let template = template.unwrap_or_else(|| "%a %b %e %H:%M:%S %Z %Y".into());
    match format(&template, moment) {
        Some(text) => {
            io::put(&text);
            io::put(b"\n");
            0
        }
        None => program::refuse(&format!("the format '{template}'")),
    }
}

/// The format that an option stands for.
fn chosen(parsed: &Parsed) -> Option<BString> {
    let mut template: Option<BString> = None;
    for (key, text) in &parsed.options {
        let found: &str = match (key, text.as_ref().map(|it| it.as_slice())) {
            ('R', _) => "%a, %d %b %Y %H:%M:%S %z",
            ('I', None | Some(b"date")) => "%Y-%m-%d",
            ('I', Some(b"hours")) => "%Y-%m-%dT%H%:z",
            ('I', Some(b"minutes")) => "%Y-%m-%dT%H:%M%:z",
            ('I', Some(b"seconds")) => "%Y-%m-%dT%H:%M:%S%:z",
            ('I', Some(b"ns")) => "%Y-%m-%dT%H:%M:%S,%N%:z",
            ('ŕ', Some(b"date")) => "%Y-%m-%d",
            ('ŕ', Some(b"seconds")) => "%Y-%m-%d %H:%M:%S%:z",
            ('ŕ', Some(b"ns")) => "%Y-%m-%d %H:%M:%S.%N%:z",
            ('I' | 'ŕ', Some(_)) => program::refuse("a precision of another name"),
            _ => continue,
        };
        if template.is_some() {
            program::die(1, &[b"multiple output formats specified"]);
        }
        template = Some(found.into());
    }
    template
}
