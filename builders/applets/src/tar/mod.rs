//! GNU tar: `-x`, `-t`, and `-c` where the result does not depend on the machine.
//!
//! Contract: as tar 1.34 for a user who is not root. An archive is made only in GNU's format, with
//! `--sort=name`, `--mtime`, `--owner`, `--group` and `--numeric-owner`. Refused besides: packing,
//! verbose lists, members outside of the directory, sparse and special files, broken archives.

mod create;
mod extract;
mod header;

use crate::shared::io::{self, Source};
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::program;
use crate::unpack::{Format, format_of, unpack};
use bstr::{BString, ByteSlice};
use header::{Kind, Members};

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('a', "auto-compress"),
        flag('c', "create"),
        value('C', "directory"),
        flag('đ', "hard-dereference"),
        value('f', "file"),
        value('ƒ', "format"),
        value('ğ', "group"),
        flag('j', "bzip2"),
        flag('J', "xz"),
        flag('m', "touch"),
        value('μ', "mtime"),
        flag('ņ', "numeric-owner"),
        flag('o', "no-same-owner"),
        value('ø', "owner"),
        flag('p', "preserve-permissions"),
        flag('ƿ', "no-same-permissions"),
        value('ş', "sort"),
        value('ŝ', "strip-components"),
        flag('t', "list"),
        flag('v', "verbose"),
        flag('x', "extract"),
        flag('ẋ', "get"),
        flag('z', "gzip"),
        flag('ż', "gunzip"),
        flag('ź', "zstd"),
    ],
    permute: true,
    usage: 2,
};

/// Runs the process as `tar`.
pub fn main() -> ! {
    let words = old_style(program::start());
    let parsed = parse(&SPEC, words);
    program::exit(run(&parsed))
}

/// `tar xzf FILE` as `tar -x -z -f FILE`: the letters take their values in order.
fn old_style(words: Vec<BString>) -> Vec<BString> {
    let mut words = words.into_iter();
    let Some(first) = words.next() else {
        program::refuse("no operation");
    };
    let mut all = Vec::new();
    if first.starts_with(b"-") || first.is_empty() {
        all.push(first);
    } else {
        for letter in first.iter() {
            all.push(BString::from([b'-', *letter]));
            if matches!(letter, b'f' | b'C') {
                match words.next() {
                    Some(value) => all.push(value),
                    None => program::refuse("an option without its value"),
                }
            }
        }
    }
    all.extend(words);
    all
}

fn run(parsed: &Parsed) -> u8 {
    let extract = parsed.has('x') || parsed.has('ẋ');
    let modes = [parsed.has('c'), parsed.has('t'), extract];
    if modes.iter().filter(|it| **it).count() != 1 {
        program::refuse("not exactly one operation");
    }
    let Some(file) = parsed.value('f') else {
        program::refuse("no archive's name");
    };
    let once = parsed
        .options
        .iter()
        .filter(|(key, _)| matches!(key, 'C'))
        .count();
    if once > 1 {
        program::refuse("several directories");
    }
    if parsed.has('c') {
        return create::run(parsed, file);
    }
    let archive = read(parsed, file);
    if let Some(directory) = parsed.value('C')
        && let Err(error) = wasibuild_guest::host::chdir(directory)
    {
        program::refuse(&format!("-C {directory}: {error}"));
    }
    if extract {
        return extract::run(parsed, &archive);
    }
    if parsed.has('v') {
        program::refuse("a verbose list");
    }
    let mut members = Members::new(&archive);
    let mut chosen = extract::Chosen::new(&parsed.operands);
    while let Some(member) = next(&mut members) {
        if !chosen.has(&member.name) {
            continue;
        }
        put_name(&member.name);
    }
    chosen.finish();
    0
}

/// The next member; what is broken is refused.
fn next(members: &mut Members<'_>) -> Option<header::Member> {
    match members.next() {
        Ok(member) => member,
        Err(error) => program::refuse(&error),
    }
}

/// A name in a list.
fn put_name(name: &BString) {
    let plain = |byte: &u8| (0x20..0x7f).contains(byte) && *byte != b'\\';
    if !name.iter().all(plain) {
        program::refuse("a list of names that need quoting");
    }
    io::put(name);
    io::put(b"\n");
}

/// The archive, unpacked.
fn read(parsed: &Parsed, file: &BString) -> Vec<u8> {
    let bytes = match Source::open(file).and_then(|it| it.read_to_end()) {
        Ok(bytes) => bytes,
        Err(number) => {
            let text = crate::shared::errno::text(number);
            program::refuse(&format!("'{file}': {text}"));
        }
    };
    let wanted = match parsed.last_of(&['z', 'ż', 'j', 'J', 'ź']) {
        Some('z' | 'ż') => Some(Format::Gzip),
        Some('j') => Some(Format::Bzip2),
        Some('J') => Some(Format::Xz),
        Some('ź') => Some(Format::Zstd),
        _ => None,
    };
    let found = format_of(&bytes);
    match (wanted, found) {
        (Some(wanted), found) if found != Some(wanted) => {
            program::refuse(&format!("'{file}' is in another format"))
        }
        // Standard input cannot be read twice, so tar does not look.
        (None, Some(_)) if file == "-" => program::refuse("a packed archive that is not announced"),
        (_, None) => bytes,
        (_, Some(format)) => match unpack(format, &bytes) {
            Ok(archive) => archive,
            Err(error) => program::refuse(&format!("'{file}': {error}")),
        },
    }
}

/// Is a member's content its own?
fn has_content(kind: Kind) -> bool {
    kind == Kind::File
}

/// The name in components without those that tar takes out.
fn is_inside(name: &[u8]) -> bool {
    !name.starts_with(b"/") && !name.split_str("/").any(|part| part == b"..")
}
