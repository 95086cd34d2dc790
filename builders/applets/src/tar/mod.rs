//! GNU tar: `-x`, `-t`, and `-c` where the result does not depend on the machine.
//!
//! Contract: as tar 1.34 for a user who is not root. Refused: packing, the order of directories
//! without `--sort=name`, members that lead out of the directory, sparse and special files, broken
//! archives.

mod chosen;
mod create;
mod exclude;
mod extract;
mod header;
mod names;
mod pax;
mod quoting;
mod transform;
mod verbose;
mod write;

use crate::shared::errno;
use crate::shared::io::Source;
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::program;
use crate::unpack::{Format, format_of, unpack};
use bstr::BString;
use header::{Kind, Members};
use transform::Transform;
use verbose::Lister;

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('a', "auto-compress"),
        value('b', "blocking-factor"),
        flag('c', "create"),
        value('C', "directory"),
        flag('χ', "clamp-mtime"),
        flag('h', "dereference"),
        value('ε', "exclude"),
        value('X', "exclude-from"),
        flag('ν', "exclude-vcs"),
        value('f', "file"),
        value('T', "files-from"),
        value('ƒ', "format"),
        flag('φ', "full-time"),
        value('ğ', "group"),
        flag('đ', "hard-dereference"),
        flag('j', "bzip2"),
        flag('J', "xz"),
        flag('k', "keep-old-files"),
        flag('m', "touch"),
        value('ɱ', "mode"),
        value('μ', "mtime"),
        flag('ř', "no-recursion"),
        flag('ö', "no-same-owner"),
        flag('ƿ', "no-same-permissions"),
        flag('ñ', "no-wildcards"),
        flag('Ň', "null"),
        flag('ņ', "numeric-owner"),
        flag('o', ""),
        flag('ō', "overwrite"),
        value('ø', "owner"),
        flag('p', "preserve-permissions"),
        flag('ᵽ', "same-permissions"),
        value('π', "pax-option"),
        flag('P', "absolute-names"),
        flag('Ř', "recursion"),
        flag('ŧ', "show-transformed-names"),
        flag('κ', "skip-old-files"),
        value('ş', "sort"),
        value('ŝ', "strip-components"),
        flag('t', "list"),
        flag('O', "to-stdout"),
        value('τ', "transform"),
        value('ξ', "xform"),
        flag('v', "verbose"),
        flag('ƛ', "verbatim-files-from"),
        flag('ω', "wildcards"),
        flag('x', "extract"),
        flag('ẋ', "get"),
        flag('z', "gzip"),
        flag('ż', "gunzip"),
        flag('ź', "zstd"),
    ],
    permute: true,
    usage: 64,
};

/// The names in an archive as far as it is whole: for the fuzzer.
pub(crate) fn names_of(archive: &[u8]) -> Vec<BString> {
    let mut members = Members::new(archive);
    let mut names = Vec::new();
    while let Ok(Some(member)) = members.next() {
        names.push(quoting::escaped(&member.name).into());
    }
    names
}

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
            if matches!(letter, b'f' | b'C' | b'T' | b'X' | b'b') {
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
    // What tar is built with as its archive.
    let default = BString::from("-");
    let file = parsed.value('f').unwrap_or(&default);
    if parsed.has('c') {
        if parsed.has('o') {
            program::refuse("-o, which is the format v7");
        }
        return create::run(parsed, file);
    }
    if parsed.has('P') {
        program::refuse("-P but for making an archive");
    }
    let archive = read(parsed, file);
    if extract {
        let lister = lister(parsed, parsed.has('O'));
        return extract::run(parsed, &archive, lister);
    }
    let mut lister = lister(parsed, false);
    lister.level += 1;
    let mut members = Members::new(&archive);
    let mut chosen = chosen::Chosen::new(parsed);
    let excluded = exclude::Excluded::new(parsed);
    let mut transform = transforms(parsed);
    let mut safer = names::Safer::default();
    while let Some(mut member) = next(&mut members) {
        transform_target(&mut member, &mut transform);
        safer.suffix(&member.name, false);
        let plain = crate::shared::fs::trim_slashes(&member.name);
        if !chosen.has(plain) || excluded.has(plain) {
            continue;
        }
        if !parsed.has('ŧ') {
            lister.tell(&member.name, &member);
            continue;
        }
        let mut name = transform.apply(plain, transform::Role::Member);
        if member.kind == Kind::Directory {
            name.push(b'/');
        }
        lister.tell(&name, &member);
    }
    ending(chosen.finish())
}

/// What tar says at the end when something went wrong, and its status.
fn ending(failed: bool) -> u8 {
    if failed {
        program::complain(&[b"Exiting with failure status due to previous errors"]);
        return 2;
    }
    0
}

fn lister(parsed: &Parsed, on_error: bool) -> Lister {
    let level = parsed.options.iter().filter(|(key, _)| *key == 'v').count();
    Lister::new(level, parsed.has('ņ'), parsed.has('φ'), on_error)
}

fn transforms(parsed: &Parsed) -> Transform {
    let mut transform = Transform::default();
    for (key, text) in &parsed.options {
        if let ('τ' | 'ξ', Some(text)) = (key, text) {
            transform.add(text);
        }
    }
    transform
}

/// What a link leads to, as `--transform` has it.
fn transform_target(member: &mut header::Member, transform: &mut Transform) {
    let role = match member.kind {
        Kind::HardLink => transform::Role::HardLink,
        Kind::Link => transform::Role::LinkTarget,
        _ => return,
    };
    member.target = transform.apply(&member.target, role);
}

fn change_directory(directory: &BString) {
    if let Err(error) = wasibuild_guest::host::chdir(directory) {
        let number = errno::from_io(&error);
        program::complain_errno(&[directory, b": Cannot open"], number);
        program::complain(&[b"Error is not recoverable: exiting now"]);
        program::exit(2);
    }
}

/// One word of the command line or of a list: a directory to go to, or a name.
#[derive(Debug, Default)]
struct Step {
    directory: Option<BString>,
    name: Option<BString>,
    recursive: bool,
}

/// Directories and names in the order in which they were given; lists are read.
fn names_in(parsed: &Parsed) -> Vec<Step> {
    let (mut steps, mut recursive, mut null) = (Vec::new(), true, false);
    let mut options = parsed.options.iter().zip(&parsed.places).peekable();
    for index in 0..=parsed.operands.len() {
        while let Some(((key, text), _)) = options.next_if(|(_, place)| **place <= index) {
            match (key, text) {
                ('ř', _) => recursive = false,
                ('Ř', _) => recursive = true,
                ('Ň', _) => null = true,
                ('C', Some(text)) => steps.push(Step {
                    directory: Some(text.clone()),
                    ..Step::default()
                }),
                ('T', Some(file)) => {
                    let end = if null { 0 } else { b'\n' };
                    for name in list_of(file, end) {
                        let strange = name.first() == Some(&b'-') || name.contains(&b'\\');
                        if strange && !null && !parsed.has('ƛ') {
                            program::refuse("a list of files with options or escapes");
                        }
                        if !name.is_empty() {
                            steps.push(Step {
                                name: Some(name),
                                recursive,
                                ..Step::default()
                            });
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(name) = parsed.operands.get(index) {
            steps.push(Step {
                name: Some(name.clone()),
                recursive,
                ..Step::default()
            });
        }
    }
    steps
}

/// The lines of a file.
fn list_of(file: &BString, end: u8) -> Vec<BString> {
    let text = match Source::open(file).and_then(|it| it.read_to_end()) {
        Ok(text) => text,
        Err(number) => program::refuse(&format!("'{file}': {}", errno::text(number))),
    };
    let mut lines: Vec<BString> = text.split(|it| *it == end).map(BString::from).collect();
    if lines.last().is_some_and(|it| it.is_empty()) {
        lines.pop();
    }
    lines
}

/// The byte at a place; a NUL behind the end.
fn value_at(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The next member; what is broken is refused.
fn next(members: &mut Members<'_>) -> Option<header::Member> {
    match members.next() {
        Ok(member) => member,
        Err(error) => program::refuse(&error),
    }
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
