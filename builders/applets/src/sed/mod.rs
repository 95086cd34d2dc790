//! GNU sed.
//!
//! Contract: as sed 4.9 in the C locale. Refused: running commands (`e`), `--posix`, `--debug`,
//! `--sandbox`, `--follow-symlinks`.

mod escape;
mod execute;
mod files;
mod parse;
mod replace;
mod script;
mod substitute;

use crate::shared::io::Source;
use crate::shared::options::{Spec, flag, maybe, parse, value};
use crate::shared::{io, program};
use bstr::BString;

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('b', "binary"),
        value('e', "expression"),
        flag('E', "regexp-extended"),
        value('f', "file"),
        maybe('i', "in-place"),
        value('l', "line-length"),
        flag('n', "quiet"),
        flag('ŋ', "silent"),
        flag('r', ""),
        flag('s', "separate"),
        flag('u', "unbuffered"),
        flag('z', "null-data"),
    ],
    permute: true,
    usage: 1,
};

/// How the program was asked to run.
pub(crate) struct Settings {
    pub extended: bool,
    pub quiet: bool,
    pub separate: bool,
    /// The suffix of the backup.
    pub in_place: Option<BString>,
    pub end: u8,
    pub line_length: usize,
}

/// Runs the process as `sed`.
pub fn main() -> ! {
    let words = program::start();
    let parsed = parse(&SPEC, words);
    let in_place = parsed.options.iter().rev().find(|(key, _)| *key == 'i');
    let in_place = in_place.map(|(_, suffix)| suffix.clone().unwrap_or_default());
    let line_length = match parsed.value('l') {
        None => 70,
        Some(text) => match text.to_string().parse::<usize>() {
            Ok(1) => 0,
            Ok(length) => length,
            Err(_) => program::die(1, &[b"invalid line length"]),
        },
    };
    let mut settings = Settings {
        extended: parsed.has('E') || parsed.has('r'),
        quiet: parsed.has('n') || parsed.has('ŋ'),
        separate: parsed.has('s') || in_place.is_some(),
        in_place,
        end: if parsed.has('z') { 0 } else { b'\n' },
        line_length,
    };
    let mut operands = parsed.operands.clone();
    let mut pieces = Vec::new();
    let mut expressions = 0;
    for (key, text) in &parsed.options {
        match (key, text) {
            ('e', Some(text)) => {
                expressions += 1;
                pieces.push((parse::Origin::Expression(expressions), text.clone()));
            }
            ('f', Some(path)) => match Source::open(path).and_then(|source| source.read_to_end()) {
                Ok(text) => pieces.push((parse::Origin::File(path.clone()), text.into())),
                Err(errno) => {
                    program::die_errno(4, &[b"couldn't open file ", path], errno);
                }
            },
            _ => {}
        }
    }
    if pieces.is_empty() {
        if operands.is_empty() {
            // GNU prints its whole usage text.
            program::refuse("sed without a script");
        }
        pieces.push((parse::Origin::Expression(1), operands.remove(0)));
    }
    let script = parse::parse(&pieces, &mut settings);
    let status = execute::run(&script, settings, operands);
    io::flush_quietly();
    program::exit(status)
}
