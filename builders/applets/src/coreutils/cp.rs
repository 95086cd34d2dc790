//! `cp`.

use super::Utility;
use super::backup::Backup;
use super::copy::{Copier, Follow, Options};
use super::parents;
use super::target::{Target, decide};
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{fs, program, quote};
use bstr::{BString, ByteSlice};

pub const CP: Utility = Utility {
    name: "cp",
    spec: Spec {
        options: &[
            flag('b', ""),
            maybe('ß', "backup"),
            flag('a', "archive"),
            flag('d', ""),
            flag('f', "force"),
            flag('H', ""),
            flag('l', "link"),
            flag('L', "dereference"),
            flag('n', "no-clobber"),
            flag('p', ""),
            maybe('π', "preserve"),
            value('ñ', "no-preserve"),
            flag('ρ', "parents"),
            flag('P', "no-dereference"),
            flag('r', "recursive"),
            flag('R', ""),
            maybe('ŕ', "reflink"),
            flag('đ', "remove-destination"),
            flag('s', "symbolic-link"),
            value('ş', "sparse"),
            flag('š', "strip-trailing-slashes"),
            value('S', "suffix"),
            value('t', "target-directory"),
            flag('T', "no-target-directory"),
            flag('u', "update"),
            flag('v', "verbose"),
            flag('x', "one-file-system"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let options = options(&parsed);
    no_clobber(&parsed, options.backup.is_some());
    let target = decide(&parsed, false);
    let mut copier = Copier::new(options.clone());
    let mut good = true;
    match target {
        Target::Name(..) if parsed.has('ρ') => {
            program::usage_error(1, &[b"with --parents, the destination must be a directory"])
        }
        Target::Name(from, to) => good = copier.copy(&from, &to),
        Target::Directory(directory, sources) => {
            for source in &sources {
                let source: &[u8] = if parsed.has('š') {
                    fs::trim_slashes(source)
                } else {
                    source
                };
                if parsed.has('ρ') {
                    let made = parents::make(&directory, source, &options, fs::umask());
                    good &= made.is_some_and(|made| {
                        let copied = copier.copy(source, &parents::target(&directory, source));
                        made.finish(&options) && copied
                    });
                    continue;
                }
                let base = fs::base_name(source);
                // `cp -r a/.. d` copies into `d` itself.
                let base: &[u8] = if base == b".." { b"." } else { base };
                good &= copier.copy(source, &fs::join(&directory, base));
            }
        }
    }
    u8::from(!good)
}

/// What is not replaced needs no backup.
pub fn no_clobber(parsed: &Parsed, backup: bool) {
    if backup && parsed.has('n') {
        program::usage_error(
            1,
            &[b"options --backup and --no-clobber are mutually exclusive"],
        );
    }
}

fn options(parsed: &Parsed) -> Options {
    let mut options = Options {
        recursive: false,
        follow: Follow::Always,
        force: parsed.has('f'),
        remove_destination: parsed.has('đ'),
        no_clobber: parsed.has('n'),
        update: parsed.has('u'),
        verbose: parsed.has('v'),
        keep_mode: false,
        ignore_mode: false,
        keep_times: false,
        keep_links: false,
        keeps_owner: false,
        hard_link: parsed.has('l'),
        symbolic_link: parsed.has('s'),
        moving: false,
        backup: Backup::new(parsed),
    };
    let mut follow = None;
    for (key, text) in &parsed.options {
        match key {
            'a' => {
                options.recursive = true;
                follow = Some(Follow::Never);
                attributes(&mut options, b"all", true);
            }
            'd' => {
                follow = Some(Follow::Never);
                options.keep_links = true;
            }
            'H' => follow = Some(Follow::Operands),
            'L' => follow = Some(Follow::Always),
            'P' => follow = Some(Follow::Never),
            'r' | 'R' => options.recursive = true,
            'p' => attributes(&mut options, b"mode,ownership,timestamps", true),
            'π' => {
                let default = BString::from("mode,ownership,timestamps");
                attributes(&mut options, text.as_ref().unwrap_or(&default), true);
            }
            'ñ' => attributes(
                &mut options,
                text.as_ref().map_or(b"", |it| it.as_slice()),
                false,
            ),
            'ş' => match text.as_ref().map(|it| it.as_slice()) {
                // How many blocks a file takes, nobody sees.
                Some(b"auto" | b"never" | b"always") => {}
                _ => program::refuse("--sparse of another name"),
            },
            'ŕ' => match text.as_ref().map(|it| it.as_slice()) {
                Some(b"auto" | b"never") => {}
                _ => program::refuse("only a file system of the kernel can --reflink"),
            },
            _ => {}
        }
    }
    options.follow = follow.unwrap_or(if options.recursive || options.hard_link {
        Follow::Never
    } else {
        Follow::Always
    });
    options
}

/// `--preserve` and `--no-preserve`.
fn attributes(options: &mut Options, list: &[u8], keep: bool) {
    for word in list.split_str(",") {
        let all = word == b"all";
        let known = [
            b"mode".as_slice(),
            b"timestamps",
            b"links",
            b"ownership",
            b"context",
            b"xattr",
            b"all",
        ];
        if !known.contains(&word) {
            let option: &[u8] = if keep {
                b"--preserve"
            } else {
                b"--no-preserve"
            };
            program::refuse(&format!(
                "{}={} is beyond this applet",
                option.as_bstr(),
                quote::always(word)
            ));
        }
        if word == b"context" && keep {
            program::refuse("--preserve=context needs SELinux");
        }
        if all || word == b"mode" {
            options.keep_mode = keep;
            options.ignore_mode = !keep;
        }
        if all || word == b"timestamps" {
            options.keep_times = keep;
        }
        if all || word == b"ownership" {
            options.keeps_owner = keep;
        }
        if all || word == b"links" {
            options.keep_links = keep;
        }
    }
}
