//! GNU grep.
//!
//! Contract: as grep 3.8 in the C locale. `-P` is Perl's language as `fancy-regex` has it; what
//! differs from PCRE is refused by that crate's parser. Refused besides: `--color=always`, files
//! whose first NUL comes after 32 KiB, and reading directories without `-r`.

mod matcher;
mod output;
mod search;

use crate::shared::io::Source;
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, program};
use bstr::{BString, ByteSlice};
use matcher::{Language, Matcher};

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        value('A', "after-context"),
        flag('a', "text"),
        value('B', "before-context"),
        flag('b', "byte-offset"),
        value('ƀ', "binary-files"),
        value('C', "context"),
        flag('c', "count"),
        maybe('ç', "color"),
        maybe('ć', "colour"),
        flag('E', "extended-regexp"),
        value('e', "regexp"),
        value('ė', "exclude"),
        value('ę', "exclude-dir"),
        flag('F', "fixed-strings"),
        value('f', "file"),
        flag('G', "basic-regexp"),
        flag('H', "with-filename"),
        flag('h', "no-filename"),
        flag('I', ""),
        flag('i', "ignore-case"),
        value('ï', "include"),
        flag('L', "files-without-match"),
        flag('l', "files-with-matches"),
        flag('ł', "line-buffered"),
        value('m', "max-count"),
        flag('n', "line-number"),
        flag('o', "only-matching"),
        flag('P', "perl-regexp"),
        flag('q', "quiet"),
        flag('ŋ', "silent"),
        flag('R', "dereference-recursive"),
        flag('r', "recursive"),
        flag('s', "no-messages"),
        flag('T', "initial-tab"),
        flag('U', "binary"),
        flag('v', "invert-match"),
        flag('w', "word-regexp"),
        flag('x', "line-regexp"),
        flag('y', ""),
        flag('Z', "null"),
        flag('z', "null-data"),
    ],
    permute: true,
    usage: 2,
};

/// What is shown, and how.
#[derive(Debug)]
pub(crate) struct Settings {
    pub invert: bool,
    pub count: bool,
    /// `l` or `L`.
    pub list: Option<char>,
    pub quiet: bool,
    pub only: bool,
    pub names: bool,
    pub numbers: bool,
    pub offsets: bool,
    pub null_name: bool,
    pub initial_tab: bool,
    pub before: u64,
    pub after: u64,
    /// Context was asked for: groups are separated.
    pub separate: bool,
    pub most: Option<u64>,
    pub end: u8,
    pub no_messages: bool,
    /// `t` text, `b` binary, `n` without match.
    pub binary: u8,
}

/// Runs the process as `grep`, `egrep` or `fgrep`.
pub fn main() -> ! {
    let words = program::start();
    // `-3` is a context of three lines.
    let mut plain = Vec::new();
    let mut digits = BString::default();
    let mut rest = words.into_iter();
    for word in rest.by_ref() {
        if word == "--" {
            plain.push(word);
            break;
        }
        match word.strip_prefix(b"-") {
            Some(number) if !number.is_empty() && number.iter().all(u8::is_ascii_digit) => {
                digits = number.into();
            }
            _ => plain.push(word),
        }
    }
    plain.extend(rest);
    let mut parsed = parse(&SPEC, plain);
    let status = run(&mut parsed, &digits);
    program::exit(status)
}

fn number(text: &[u8], what: &str) -> u64 {
    let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    match text.to_str().ok().filter(|_| plain) {
        Some(digits) => digits.parse().unwrap_or(u64::MAX),
        None if what == "max" => program::die(2, &[b"invalid max count"]),
        None => program::die(2, &[text, b": invalid context length argument"]),
    }
}

fn run(parsed: &mut Parsed, digits: &[u8]) -> u8 {
    let mut patterns = Vec::new();
    let mut given = false;
    for (key, text) in &parsed.options {
        match (key, text) {
            ('e', Some(text)) => {
                given = true;
                patterns.extend(text.split(|byte| *byte == b'\n').map(BString::from));
            }
            ('f', Some(path)) => {
                given = true;
                match Source::open(path).and_then(|source| source.read_to_end()) {
                    Ok(mut text) => {
                        if text.last() == Some(&b'\n') {
                            text.pop();
                            patterns.extend(text.split(|byte| *byte == b'\n').map(BString::from));
                        } else if !text.is_empty() {
                            patterns.extend(text.split(|byte| *byte == b'\n').map(BString::from));
                        }
                    }
                    Err(errno) => program::die_errno(2, &[path], errno),
                }
            }
            ('ç' | 'ć', text) if text.as_ref().is_none_or(|it| *it == "always") => {
                program::refuse("colours");
            }
            _ => {}
        }
    }
    if !given {
        if parsed.operands.is_empty() {
            crate::shared::io::write_error(b"Usage: grep [OPTION]... PATTERNS [FILE]...\n");
            let mut line = b"Try '".to_vec();
            line.extend_from_slice(program::name());
            line.extend_from_slice(b" --help' for more information.\n");
            crate::shared::io::write_error(&line);
            return 2;
        }
        let first = parsed.operands.remove(0);
        patterns.extend(first.split(|byte| *byte == b'\n').map(BString::from));
    }
    let language = match (parsed.last_of(&['E', 'F', 'G', 'P']), program::base_name()) {
        (Some('E'), _) | (None, b"egrep") => Language::Extended,
        (Some('F'), _) | (None, b"fgrep") => Language::Fixed,
        (Some('P'), _) => Language::Perl,
        _ => Language::Basic,
    };
    let matcher = Matcher::new(&patterns, language, parsed);
    let recursive = parsed.last_of(&['r', 'R']);
    let context = |key: char| parsed.value(key).map(|text| number(text, "context"));
    let around = match (digits.is_empty(), context('C')) {
        (false, _) => Some(number(digits, "context")),
        (true, around) => around,
    };
    let default_names = parsed.operands.len() > 1 || recursive.is_some();
    let binary = match parsed.value('ƀ').map(|it| it.as_slice()) {
        Some(b"text") => b't',
        Some(b"without-match") => b'n',
        Some(b"binary") | None => b'b',
        Some(_) => program::refuse("an unknown type of --binary-files"),
    };
    let list = parsed.last_of(&['l', 'L']);
    let quiet = parsed.has('q') || parsed.has('ŋ');
    let only = parsed.has('o');
    let settings = Settings {
        invert: parsed.has('v'),
        count: parsed.has('c'),
        list,
        quiet,
        only,
        names: match parsed.last_of(&['H', 'h']) {
            Some(key) => key == 'H',
            None => default_names,
        },
        numbers: parsed.has('n'),
        offsets: parsed.has('b'),
        null_name: parsed.has('Z'),
        initial_tab: parsed.has('T'),
        before: context('B').or(around).unwrap_or(0),
        after: context('A').or(around).unwrap_or(0),
        // A context of no lines separates too, and one that -o leaves out.
        separate: context('A').or(context('B')).or(around).is_some(),
        most: parsed.value('m').map(|text| number(text, "max")),
        end: if parsed.has('z') { 0 } else { b'\n' },
        no_messages: parsed.has('s'),
        binary: if parsed.has('a') {
            b't'
        } else if parsed.has('I') {
            b'n'
        } else {
            binary
        },
    };
    let mut search = search::Search::new(settings, matcher, parsed);
    if parsed.operands.is_empty() {
        let start: &[u8] = if recursive.is_some() { b"." } else { b"-" };
        search.operand(start, recursive, true);
    }
    for operand in &parsed.operands {
        search.operand(operand, recursive, false);
    }
    let _ = fs::Kind::File;
    search.status()
}
