//! GNU patch, for patches that fit exactly.
//!
//! Contract: as patch 2.7.6 for unified differences whose hunks all lie where they say. Refused:
//! offsets and fuzz, what is applied already, other formats, renames and changes of modes, names
//! that cannot be told (no `-p`), and every option that is not listed.
//!
//! Counterpart: GNU patch's `patch.c`, `pch.c` and `inp.c`.

mod hunks;

use crate::shared::fs::{self, Kind};
use crate::shared::io::{self, Source};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{errno, program};
use bstr::{BString, ByteSlice};
use hunks::{FilePatch, Hunk};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        value('d', "directory"),
        flag('f', "force"),
        value('i', "input"),
        flag('N', "forward"),
        flag('ň', "no-backup-if-mismatch"),
        value('p', "strip"),
        flag('R', "reverse"),
        flag('s', "quiet"),
        flag('ş', "silent"),
        flag('t', "batch"),
        flag('u', "unified"),
    ],
    permute: true,
    usage: 2,
};

/// Runs the process as `patch`.
pub fn main() -> ! {
    let parsed = parse(&SPEC, program::start());
    if !parsed.operands.is_empty() {
        program::refuse("the file to patch as an operand");
    }
    let strip = match parsed
        .value('p')
        .and_then(|it| it.to_str().ok()?.parse::<usize>().ok())
    {
        Some(strip) => strip,
        None => program::refuse("a patch without -p and a number"),
    };
    if let Some(directory) = parsed.value('d')
        && let Err(error) = wasibuild_guest::host::chdir(directory)
    {
        program::refuse(&format!("-d {directory}: {error}"));
    }
    let input = parsed
        .value('i')
        .cloned()
        .unwrap_or_else(|| BString::from("-"));
    let text = match Source::open(&input).and_then(|it| it.read_to_end()) {
        Ok(text) => text,
        Err(number) => program::refuse(&format!("'{input}': {}", errno::text(number))),
    };
    let mut all = match hunks::parse(&text) {
        Ok(all) => all,
        Err(error) => program::refuse(&error),
    };
    if parsed.has('R') {
        all.iter_mut().for_each(reverse);
    }
    let quiet = parsed.has('s') || parsed.has('ş');
    for patch in &all {
        apply(patch, strip, quiet);
    }
    program::exit(0)
}

fn reverse(patch: &mut FilePatch) {
    if patch.mode.is_some() {
        program::refuse("-R of a patch with modes");
    }
    patch.names.reverse();
    for hunk in &mut patch.hunks {
        std::mem::swap(&mut hunk.start, &mut hunk.new_start);
        for line in &mut hunk.lines {
            line.mark = match line.mark {
                b'-' => b'+',
                b'+' => b'-',
                other => other,
            };
        }
        // What goes comes before what comes.
        let mut from = 0;
        while from < hunk.lines.len() {
            let rest = hunk.lines.get_mut(from..).unwrap_or_default();
            let run = rest.iter().take_while(|it| it.mark != b' ').count();
            if let Some(run) = rest.get_mut(..run) {
                run.sort_by_key(|it| it.mark == b'+');
            }
            from += run + 1;
        }
    }
}

/// The name without its first components.
fn stripped(name: &BString, strip: usize) -> BString {
    let mut rest: &[u8] = name;
    for _ in 0..strip {
        match rest.find_byte(b'/') {
            Some(at) => {
                rest = rest
                    .get(at..)
                    .unwrap_or_default()
                    .trim_start_with(|it| it == '/')
            }
            None => program::refuse(&format!("the name '{name}' has too few components")),
        }
    }
    if rest.is_empty() || rest.starts_with(b"/") || rest.split_str("/").any(|it| it == b"..") {
        program::refuse(&format!("the name '{name}' outside of the directory"));
    }
    rest.into()
}

/// Which file is meant: both names must lead to the same.
fn target(patch: &FilePatch, strip: usize) -> BString {
    let names: Vec<BString> = patch
        .names
        .iter()
        .flatten()
        .map(|it| stripped(it, strip))
        .collect();
    match names.as_slice() {
        [one] => one.clone(),
        [one, two] if one == two => one.clone(),
        // Of two names the one that exists, when only one does.
        [one, two] => match (fs::lstat(one).is_ok(), fs::lstat(two).is_ok()) {
            (true, false) => one.clone(),
            (false, true) => two.clone(),
            _ => program::refuse(&format!("either '{one}' or '{two}'")),
        },
        _ => program::refuse("changes of no file"),
    }
}

fn apply(patch: &FilePatch, strip: usize, quiet: bool) {
    let path = target(patch, strip);
    let failed = |number| -> ! { program::refuse(&format!("'{path}': {}", errno::text(number))) };
    let [old_name, new_name] = &patch.names;
    let (old, mode) = match (fs::lstat(&path), old_name) {
        (Ok(meta), Some(_)) if meta.kind == Kind::File => {
            let text = Source::open(&path).and_then(|it| it.read_to_end());
            (
                text.unwrap_or_else(|number| failed(number)),
                Some(meta.mode),
            )
        }
        (Err(Errno::NOENT), None) => (Vec::new(), patch.mode),
        (Ok(_), _) => program::refuse(&format!("'{path}' is there already, or is no plain file")),
        (Err(number), _) => failed(number),
    };
    let new = changed(&old, &patch.hunks, &path);
    if !quiet {
        let plain =
            |byte: &u8| (0x21..0x7f).contains(byte) && !b"'\"\\$&|;<>()*?[`!~#".contains(byte);
        if !path.iter().all(plain) {
            program::refuse("a name that needs quotes");
        }
        io::put(format!("patching file {path}\n").as_bytes());
    }
    if new_name.is_none() {
        if !new.is_empty() {
            program::refuse(&format!("'{path}' is not empty after it was to be removed"));
        }
        remove(&path).unwrap_or_else(|number| failed(number));
        return;
    }
    if new.is_empty() {
        program::refuse(&format!("'{path}' is empty after the patch"));
    }
    write(&path, &new, mode).unwrap_or_else(|number| failed(number));
}

/// Applies hunks that lie exactly where they say.
fn changed(old: &[u8], hunks: &[Hunk], path: &BString) -> Vec<u8> {
    let lines: Vec<&[u8]> = old.split_inclusive(|byte| *byte == b'\n').collect();
    let mut new = Vec::with_capacity(old.len());
    let mut at = 0;
    for (number, hunk) in hunks.iter().enumerate() {
        let gone = hunk.lines.iter().filter(|it| it.mark != b'+').count();
        let start = if gone == 0 {
            hunk.start
        } else {
            hunk.start.saturating_sub(1)
        };
        if start < at || start > lines.len() {
            program::refuse(&format!("hunk {} of '{path}' does not fit", number + 1));
        }
        new.extend(lines.get(at..start).unwrap_or_default().concat());
        at = start;
        for line in &hunk.lines {
            if line.mark != b'+' {
                if lines.get(at).copied() != Some(line.text.as_slice()) {
                    program::refuse(&format!(
                        "hunk {} of '{path}' does not fit exactly",
                        number + 1
                    ));
                }
                at += 1;
            }
            if line.mark != b'-' {
                new.extend_from_slice(&line.text);
            }
        }
    }
    new.extend(lines.get(at..).unwrap_or_default().concat());
    new
}

/// Removes a file, and directories that are empty then.
fn remove(path: &BString) -> errno::Result<()> {
    fs::unlink(path)?;
    let mut parent = fs::dir_name(path);
    while parent != b"." && parent != b"/" && fs::rmdir(parent).is_ok() {
        parent = fs::dir_name(parent);
    }
    Ok(())
}

/// Writes a file anew, with the directories above it.
fn write(path: &BString, text: &[u8], mode: Option<u32>) -> errno::Result<()> {
    for at in memchr::memchr_iter(b'/', path) {
        match fs::mkdir(path.get(..at).unwrap_or_default()) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(number) => return Err(number),
        }
    }
    match fs::unlink(path) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(number) => return Err(number),
    }
    let file = fs::open_write(path, OFlags::CREATE | OFlags::EXCL)?;
    io::write_all(&file, text)?;
    drop(file);
    match mode {
        Some(mode) => fs::chmod(path, mode),
        None => Ok(()),
    }
}
