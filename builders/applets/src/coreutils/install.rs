//! `install`.

use super::Utility;
use super::backup::Backup;
use super::copy::{Copier, Follow, Options};
use super::mkdir::make_parents;
use super::mode::Mode;
use super::target::{Target, decide};
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, program, quote};
use bstr::BString;

pub const INSTALL: Utility = Utility {
    name: "install",
    spec: Spec {
        options: &[
            flag('b', ""),
            maybe('ß', "backup"),
            flag('c', ""),
            flag('d', "directory"),
            flag('D', ""),
            value('m', "mode"),
            flag('p', "preserve-timestamps"),
            value('S', "suffix"),
            value('t', "target-directory"),
            flag('T', "no-target-directory"),
            flag('v', "verbose"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let text = parsed.value('m');
    let mode = match text.map(|text| (Mode::parse(text), text)) {
        None => 0o755,
        Some((Some(mode), _)) => mode.apply(0, parsed.has('d'), 0),
        Some((None, text)) => program::die(1, &[b"invalid mode ", &quote::locale(text)]),
    };
    if parsed.has('d') {
        return directories(&parsed, mode);
    }
    if parsed.has('D')
        && let Some(directory) = parsed.value('t')
    {
        let _ = made(make_parents(directory, parsed.has('v')), directory);
    }
    if parsed.has('D')
        && !parsed.has('t')
        && let [_, to] = parsed.operands.as_slice()
    {
        let parent = fs::dir_name(to);
        if !made(make_parents(parent, parsed.has('v')), parent) {
            return 1;
        }
    }
    let mut copier = Copier::new(Options {
        recursive: false,
        follow: Follow::Always,
        force: false,
        remove_destination: true,
        no_clobber: false,
        update: false,
        verbose: parsed.has('v'),
        keep_mode: false,
        ignore_mode: true,
        keep_times: parsed.has('p'),
        keep_links: false,
        keeps_owner: false,
        hard_link: false,
        symbolic_link: false,
        moving: false,
        backup: Backup::new(&parsed),
    });
    let mut good = true;
    let mut one = |from: &BString, to: &BString| {
        if fs::stat(from).is_ok_and(|meta| meta.is_dir()) {
            program::complain(&[b"omitting directory ", &quote::always(from)]);
            good = false;
            return;
        }
        if !copier.copy(from, to) {
            good = false;
        } else if let Err(errno) = fs::chmod(to, mode) {
            program::complain_errno(
                &[b"cannot change permissions of ", &quote::always(to)],
                errno,
            );
            good = false;
        }
    };
    match decide(&parsed, false) {
        Target::Name(from, to) => one(&from, &to),
        Target::Directory(directory, sources) => {
            for from in &sources {
                one(from, &fs::join(&directory, fs::base_name(from)));
            }
        }
    }
    u8::from(!good)
}

fn made(result: Result<bool, (BString, rustix::io::Errno)>, _: &[u8]) -> bool {
    match result {
        Ok(_) => true,
        Err((path, errno)) => {
            program::complain_errno(&[b"cannot create directory ", &quote::always(&path)], errno);
            false
        }
    }
}

fn directories(parsed: &Parsed, mode: u32) -> u8 {
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing file operand"]);
    }
    let mut status = 0;
    for path in &parsed.operands {
        match make_parents(path, parsed.has('v')) {
            Ok(_) => {
                if let Err(errno) = fs::chmod(path, mode) {
                    program::complain_errno(
                        &[b"cannot change permissions of ", &quote::always(path)],
                        errno,
                    );
                    status = 1;
                }
            }
            Err((path, errno)) => {
                program::complain_errno(
                    &[b"cannot create directory ", &quote::always(&path)],
                    errno,
                );
                status = 1;
            }
        }
    }
    status
}
