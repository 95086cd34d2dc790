//! `chown` and `chgrp`, as the user of a build.
//!
//! Contract: that user may give its files to itself and to its own group, and nothing else: the
//! rest ends as on Linux, "Operation not permitted". Options that follow links in directories are
//! refused. Counterpart: coreutils' `chown-core.c`, gnulib's `userspec.c`.

use super::{Utility, owner, system};
use crate::shared::errno::Result;
use crate::shared::fs::{self, Kind};
use crate::shared::options::{Opt, Parsed, Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};
use rustix::io::Errno;

const OPTIONS: &[Opt] = &[
    flag('c', "changes"),
    flag('ð', "dereference"),
    flag('f', "silent"),
    flag('h', "no-dereference"),
    flag('ñ', "no-preserve-root"),
    flag('π', "preserve-root"),
    flag('q', "quiet"),
    value('ŕ', "reference"),
    flag('R', "recursive"),
    flag('v', "verbose"),
];

pub const CHOWN: Utility = Utility {
    name: "chown",
    spec: Spec {
        options: OPTIONS,
        permute: true,
        usage: 1,
    },
    run: |spec, words| run(spec, words, true),
};
pub const CHGRP: Utility = Utility {
    name: "chgrp",
    spec: Spec {
        options: OPTIONS,
        permute: true,
        usage: 1,
    },
    run: |spec, words| run(spec, words, false),
};

/// Who shall own the files: numbers, and the names as they were given.
#[derive(Debug, Default)]
struct Wanted {
    user: Option<u32>,
    group: Option<u32>,
    user_name: Option<BString>,
    group_name: Option<BString>,
}

fn number(text: &[u8]) -> Option<u32> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let number: u32 = text.to_str().ok()?.parse().ok()?;
    (number != u32::MAX).then_some(number)
}

/// The number of a name, or the number itself.
fn lookup(file: &[u8], name: &[u8]) -> Option<u32> {
    if name.starts_with(b"+") {
        return number(name);
    }
    owner::number(file, name).or_else(|| number(name))
}

/// `USER`, `USER:`, `USER:GROUP`, `:GROUP`. The error is GNU's text.
fn parse_owner(text: &[u8]) -> std::result::Result<Wanted, &'static str> {
    let (user, group) = match text.split_once_str(":") {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let mut wanted = Wanted::default();
    if !user.is_empty() {
        let Some(found) = lookup(b"/etc/passwd", user) else {
            if user.contains(&b'.') {
                program::refuse("an owner with a dot");
            }
            return Err(match group {
                Some(b"") => "invalid spec",
                _ => "invalid user",
            });
        };
        if group == Some(b"") {
            if owner::number(b"/etc/passwd", user).is_none() {
                return Err("invalid spec");
            }
            let login = owner::login_group(user);
            wanted.group = login;
            wanted.group_name =
                login.map(|login| owner::group(login).unwrap_or_else(|| login.to_string().into()));
        }
        wanted.user = Some(found);
        wanted.user_name = Some(user.into());
    }
    if let Some(name) = group.filter(|it| !it.is_empty()) {
        let Some(found) = lookup(b"/etc/group", name) else {
            return Err("invalid group");
        };
        wanted.group = Some(found);
        wanted.group_name = Some(name.into());
    }
    if wanted.user_name.is_none() && wanted.group_name.is_some() {
        wanted.user_name = Some(BString::default());
    }
    Ok(wanted)
}

fn wanted(parsed: &mut Parsed, owners: bool) -> Wanted {
    let reference = parsed.value('ŕ').cloned();
    if parsed.operands.len() < usize::from(reference.is_none()) + 1 {
        match parsed.operands.last() {
            None => program::usage_error(1, &[b"missing operand"]),
            Some(last) => {
                program::usage_error(1, &[b"missing operand after ", &quote::locale(last)])
            }
        }
    }
    if let Some(path) = reference {
        let found = match owner::of(&path, true) {
            Ok(found) => found,
            Err(errno) => program::die_errno(
                1,
                &[b"failed to get attributes of ", &quote::always(&path)],
                errno,
            ),
        };
        return Wanted {
            user: owners.then_some(found.0),
            group: Some(found.1),
            user_name: owners.then(|| shown_user(found.0)),
            group_name: Some(shown_group(found.1)),
        };
    }
    let text = parsed.operands.remove(0);
    if owners {
        return match parse_owner(&text) {
            Ok(wanted) => wanted,
            Err(error) => program::die(1, &[error.as_bytes(), b": ", &quote::locale(&text)]),
        };
    }
    if text.is_empty() {
        return Wanted::default();
    }
    match lookup(b"/etc/group", &text) {
        Some(group) => Wanted {
            group: Some(group),
            group_name: Some(text),
            ..Wanted::default()
        },
        None => program::die(1, &[b"invalid group: ", &quote::locale(&text)]),
    }
}

fn shown_user(number: u32) -> BString {
    owner::user(number).unwrap_or_else(|| number.to_string().into())
}

fn shown_group(number: u32) -> BString {
    owner::group(number).unwrap_or_else(|| number.to_string().into())
}

fn run(spec: &Spec, words: Vec<BString>, owners: bool) -> u8 {
    let mut parsed = parse(spec, words);
    let recursive = parsed.has('R');
    let last = parsed.last_of(&['h', 'ð']);
    if recursive && last == Some('ð') {
        program::die(1, &[b"-R --dereference requires either -H or -L"]);
    }
    let wanted = wanted(&mut parsed, owners);
    let mut run = Run {
        wanted,
        follow: !recursive && last != Some('h'),
        silent: parsed.last_of(&['f', 'q']).is_some(),
        verbosity: parsed.last_of(&['c', 'v']),
    };
    let mut good = true;
    for path in &parsed.operands {
        if recursive && parsed.has('π') && path == "/" {
            program::refuse("the root");
        }
        good &= run.tree(path, recursive);
    }
    u8::from(!good)
}

struct Run {
    wanted: Wanted,
    follow: bool,
    silent: bool,
    verbosity: Option<char>,
}

impl Run {
    /// A directory comes after what is in it.
    fn tree(&mut self, path: &BString, recursive: bool) -> bool {
        let mut good = true;
        let mut pending = vec![(path.clone(), false)];
        while let Some((path, entered)) = pending.pop() {
            let is_dir = recursive && fs::lstat(&path).is_ok_and(|it| it.is_dir());
            if is_dir && !entered {
                pending.push((path.clone(), true));
                match fs::list(&path) {
                    Ok(names) => {
                        let inner = names.iter().rev().map(|it| (fs::join(&path, it), false));
                        pending.extend(inner);
                    }
                    Err(errno) => {
                        self.complain(&[b"cannot read directory ", &quote::always(&path)], errno);
                        good = false;
                    }
                }
                continue;
            }
            good &= self.one(&path);
        }
        good
    }

    fn complain(&self, parts: &[&[u8]], errno: Errno) {
        if !self.silent {
            program::complain_errno(parts, errno);
        }
    }

    fn one(&self, path: &BString) -> bool {
        let shown = quote::always(path);
        if let Err(errno) = fs::lstat(path) {
            self.complain(&[b"cannot access ", &shown], errno);
            self.tell(path, None, false);
            return false;
        }
        let found = match owner::of(path, self.follow) {
            Ok(found) => found,
            Err(errno) => {
                self.complain(&[b"cannot dereference ", &shown], errno);
                if self.verbosity.is_some() {
                    program::refuse("telling of a link that leads nowhere");
                }
                return false;
            }
        };
        let result = self.give(path, found);
        if let Err(errno) = result {
            let what: &[u8] = match self.wanted.user {
                Some(_) => b"changing ownership of ",
                None => b"changing group of ",
            };
            self.complain(&[what, &shown], errno);
        }
        self.tell(path, Some(found), result.is_ok());
        result.is_ok()
    }

    /// `chown(2)` of a user without privileges.
    fn give(&self, path: &BString, (user, _): (u32, u32)) -> Result<()> {
        let me = system::user();
        let mine = user == me.0;
        let may = |wanted: Option<u32>, own: u32| wanted.is_none_or(|it| mine && it == own);
        if !may(self.wanted.user, me.0) || !may(self.wanted.group, me.1) {
            return Err(Errno::PERM);
        }
        let meta = if self.follow {
            fs::stat(path)?
        } else {
            fs::lstat(path)?
        };
        // The kernel takes the bits that lend rights.
        let lends = meta.mode & 0o4000 != 0 || meta.mode & 0o2010 == 0o2010;
        if mine && meta.kind == Kind::File && lends {
            let group = if meta.mode & 0o10 != 0 { 0o2000 } else { 0 };
            fs::chmod(path, meta.mode & !(0o4000 | group))?;
        }
        Ok(())
    }

    fn tell(&self, path: &BString, found: Option<(u32, u32)>, good: bool) {
        let Some(verbosity) = self.verbosity else {
            return;
        };
        let Wanted { user, group, .. } = self.wanted;
        let changed = good
            && found.is_some_and(|it| {
                user.is_some_and(|user| user != it.0) || group.is_some_and(|group| group != it.1)
            });
        if !changed && verbosity == 'c' {
            return;
        }
        let number = |it: u32| BString::from(it.to_string());
        let user = self.wanted.user_name.clone().or(user.map(number));
        let group = self.wanted.group_name.clone().or(group.map(number));
        let old_user = found.map(|it| shown_user(it.0)).filter(|_| user.is_some());
        let old_group = found
            .map(|it| shown_group(it.1))
            .filter(|_| group.is_some());
        let what = match (&user, &group) {
            (Some(_), _) => "ownership",
            (None, Some(_)) => "group",
            _ => "ownership",
        };
        let new = spec(user, group);
        let old = spec(old_user, old_group);
        let path = quote::always(path);
        let line = match (changed, good, new, old) {
            (true, _, Some(new), Some(old)) => {
                format!("changed {what} of {path} from {old} to {new}")
            }
            (false, true, Some(_), Some(old)) => format!("{what} of {path} retained as {old}"),
            (false, true, ..) => format!("ownership of {path} retained"),
            (_, _, Some(new), Some(old)) => {
                format!("failed to change {what} of {path} from {old} to {new}")
            }
            (_, _, Some(new), None) => format!("failed to change {what} of {path} to {new}"),
            _ => format!("failed to change ownership of {path}"),
        };
        io::put(line.as_bytes());
        io::put(b"\n");
    }
}

/// `USER:GROUP`, or the one that there is.
fn spec(user: Option<BString>, group: Option<BString>) -> Option<BString> {
    match (user, group) {
        (Some(user), Some(group)) => Some(format!("{user}:{group}").into()),
        (user, group) => user.or(group),
    }
}
