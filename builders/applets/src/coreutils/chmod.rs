//! `chmod`.

use super::Utility;
use super::mode::Mode;
use crate::shared::fs::Meta;
use crate::shared::options::{Opt, Parsed, Spec, flag, parse, value};
use crate::shared::{fs, io, program, quote};
use bstr::BString;

const OPTIONS: &[Opt] = &[
    flag('c', "changes"),
    flag('f', "silent"),
    flag('ƒ', "quiet"),
    value('ŕ', "reference"),
    flag('R', "recursive"),
    flag('v', "verbose"),
];

pub const CHMOD: Utility = Utility {
    name: "chmod",
    spec: Spec {
        options: OPTIONS,
        permute: true,
        usage: 1,
    },
    run,
};

struct Task<'a> {
    mode: Mode,
    umask: u32,
    /// The mode was given like an option (`-w`): the mask may leave bits that were asked away.
    surprises: bool,
    parsed: &'a Parsed,
    good: bool,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    // A word such as `-x` or `-rw,+t` is a mode, not options; several are joined.
    let is_mode = |word: &BString| {
        word.len() > 1
            && word.first() == Some(&b'-')
            && word
                .get(1)
                .is_some_and(|it| b"rwxXstugoa,+=01234567".contains(it))
    };
    let mut modes = Vec::new();
    let mut others = Vec::new();
    let mut words = words.into_iter();
    for word in words.by_ref() {
        if word == "--" {
            others.push(word);
            break;
        }
        if is_mode(&word) {
            modes.push(word)
        } else {
            others.push(word)
        }
    }
    others.extend(words);
    let parsed = parse(spec, others);
    let mut operands = parsed.operands.clone();
    let text = if !modes.is_empty() {
        Some(BString::from(bstr::join(",", &modes)))
    } else if parsed.has('ŕ') {
        None
    } else if operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    } else {
        Some(operands.remove(0))
    };
    if operands.is_empty() {
        match text {
            Some(text) if modes.is_empty() => {
                program::usage_error(1, &[b"missing operand after ", &quote::locale(&text)])
            }
            _ => program::usage_error(1, &[b"missing operand"]),
        }
    }
    let mode = match (&text, parsed.value('ŕ')) {
        (Some(text), None) => match Mode::parse(text) {
            Some(mode) => mode,
            None => program::usage_error(1, &[b"invalid mode: ", &quote::locale(text)]),
        },
        (None, Some(file)) => match fs::stat(file) {
            Ok(meta) => match Mode::parse(format!("{:05o}", meta.mode).as_bytes()) {
                Some(mode) => mode,
                None => program::refuse("--reference of a file with an unknown mode"),
            },
            Err(errno) => {
                let name = quote::always(file);
                program::die_errno(1, &[b"failed to get attributes of ", &name], errno)
            }
        },
        _ => program::usage_error(1, &[b"cannot combine mode and --reference options"]),
    };
    let mut task = Task {
        mode,
        umask: fs::umask(),
        surprises: !modes.is_empty(),
        parsed: &parsed,
        good: true,
    };
    for path in &operands {
        task.operand(path);
    }
    u8::from(!task.good)
}

impl Task<'_> {
    fn complain(&mut self, parts: &[&[u8]], errno: Option<rustix::io::Errno>) {
        self.good = false;
        if !(self.parsed.has('f') || self.parsed.has('ƒ')) {
            match errno {
                Some(errno) => program::complain_errno(parts, errno),
                None => program::complain(parts),
            }
        }
    }

    fn operand(&mut self, path: &BString) {
        let meta = match fs::stat(path) {
            Ok(meta) => meta,
            Err(errno) => {
                let name = quote::always(path);
                if fs::lstat(path).is_ok_and(|meta| meta.is_link()) {
                    self.complain(&[b"cannot operate on dangling symlink ", &name], None);
                } else {
                    self.complain(&[b"cannot access ", &name], Some(errno));
                }
                return;
            }
        };
        self.change(path, &meta);
        if !self.parsed.has('R') || !meta.is_dir() || fs::lstat(path).is_ok_and(|it| it.is_link()) {
            return;
        }
        let mut pending = vec![path.clone()];
        while let Some(directory) = pending.pop() {
            let names = match fs::list(&directory) {
                Ok(names) => names,
                Err(errno) => {
                    let name = quote::always(&directory);
                    self.complain(&[b"cannot read directory ", &name], Some(errno));
                    continue;
                }
            };
            let mut directories = Vec::new();
            for name in names {
                let inner = fs::join(&directory, &name);
                match fs::lstat(&inner) {
                    Ok(meta) if meta.is_link() => {
                        if self.parsed.has('v') {
                            let name = quote::always(&inner);
                            for part in [
                                b"neither symbolic link ".as_slice(),
                                &name,
                                b" nor referent has been changed\n",
                            ] {
                                io::put(part);
                            }
                        }
                    }
                    Ok(meta) => {
                        self.change(&inner, &meta);
                        if meta.is_dir() {
                            directories.push(inner);
                        }
                    }
                    Err(errno) => {
                        self.complain(&[b"cannot access ", &quote::always(&inner)], Some(errno));
                    }
                }
            }
            pending.extend(directories.into_iter().rev());
        }
    }

    fn change(&mut self, path: &BString, meta: &Meta) {
        let new = self.mode.apply_to(meta, self.umask);
        let shown = |mode: u32| format!("{mode:04o} ({})", letters(mode));
        if let Err(errno) = fs::chmod(path, new) {
            let name = quote::always(path);
            self.complain(&[b"changing permissions of ", &name], Some(errno));
            return;
        }
        let changed = new != meta.mode;
        if self.parsed.has('v') || (self.parsed.has('c') && changed) {
            let name = quote::always(path);
            let text = if changed {
                format!(" changed from {} to {}\n", shown(meta.mode), shown(new))
            } else {
                format!(" retained as {}\n", shown(new))
            };
            for part in [b"mode of ".as_slice(), &name, text.as_bytes()] {
                io::put(part);
            }
        }
        if self.surprises {
            let naive = self.mode.apply_to(meta, 0);
            if new & !naive != 0 {
                let text = format!(
                    ": new permissions are {}, not {}",
                    letters(new),
                    letters(naive)
                );
                program::complain(&[&quote::maybe(path), text.as_bytes()]);
                self.good = false;
            }
        }
    }
}

/// The nine letters of a mode.
pub fn letters(mode: u32) -> String {
    let mut text = String::new();
    for (index, letter) in "rwxrwxrwx".chars().enumerate() {
        let set = mode & (0o400 >> index) != 0;
        text.push(match (index, set) {
            (2, _) if mode & 0o4000 != 0 => {
                if set {
                    's'
                } else {
                    'S'
                }
            }
            (5, _) if mode & 0o2000 != 0 => {
                if set {
                    's'
                } else {
                    'S'
                }
            }
            (8, _) if mode & 0o1000 != 0 => {
                if set {
                    't'
                } else {
                    'T'
                }
            }
            (_, true) => letter,
            _ => '-',
        });
    }
    text
}
