//! Copying, shared by `cp`, `mv` and `install`.
//!
//! Counterpart: coreutils' `copy.c`. Differences in ownership cannot be seen in a Nix output and
//! are not made: every file belongs to the builder.

use super::backup::Backup;
use crate::shared::errno::Result as SysResult;
use crate::shared::fs::{Kind, Meta};
use crate::shared::io::{Source, write_all};
use crate::shared::{fs, io, program, quote};
use bstr::BString;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};

/// Which symbolic links of the source are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// All (`-L`).
    Always,
    /// Operands (`-H`).
    Operands,
    /// None (`-P`).
    Never,
}

/// How to copy.
#[derive(Clone, Debug)]
pub struct Options {
    pub recursive: bool,
    pub follow: Follow,
    pub force: bool,
    pub remove_destination: bool,
    pub no_clobber: bool,
    pub update: bool,
    pub verbose: bool,
    pub keep_mode: bool,
    /// `--no-preserve=mode`: the mode of the source plays no part.
    pub ignore_mode: bool,
    pub keep_times: bool,
    pub keep_links: bool,
    /// Asked for, though owners are all the same.
    pub keeps_owner: bool,
    /// Link instead of copying.
    pub hard_link: bool,
    pub symbolic_link: bool,
    /// `mv` across devices: what is said is about moving.
    pub moving: bool,
    /// What is replaced is kept under another name.
    pub backup: Option<Backup>,
}

/// A run of copies: what was created and what was linked.
pub struct Copier {
    options: Options,
    umask: u32,
    /// Names that this run made, to be refused as destinations.
    created: BTreeSet<(u64, u64, BString)>,
    /// Where the first of several hard links went.
    linked: BTreeMap<(u64, u64), BString>,
    /// Directories made by this run: not copied into themselves.
    made_directories: BTreeSet<(u64, u64)>,
    /// The operand and its destination.
    operand: (BString, BString),
    /// Where the file that is being replaced went.
    aside: Option<BString>,
}

enum Step {
    Copy {
        from: BString,
        to: BString,
        operand: bool,
    },
    /// Mode and times of a directory, after what is in it.
    Finish { to: BString, meta: Meta, new: bool },
}

impl Copier {
    /// A run.
    pub fn new(options: Options) -> Copier {
        Copier {
            options,
            umask: fs::umask(),
            created: BTreeSet::new(),
            linked: BTreeMap::new(),
            made_directories: BTreeSet::new(),
            operand: (BString::default(), BString::default()),
            aside: None,
        }
    }

    /// Copies one operand. False if something went wrong, which was told.
    pub fn copy(&mut self, from: &[u8], to: &[u8]) -> bool {
        let mut good = true;
        self.operand = (from.into(), to.into());
        let first = Step::Copy {
            from: from.into(),
            to: to.into(),
            operand: true,
        };
        let mut pending = vec![first];
        while let Some(step) = pending.pop() {
            match step {
                Step::Copy { from, to, operand } => {
                    good &= self.step(&from, &to, operand, &mut pending);
                }
                Step::Finish { to, meta, new } => good &= self.finish(&to, &meta, new),
            }
        }
        good
    }

    fn step(
        &mut self,
        from: &BString,
        to: &BString,
        operand: bool,
        pending: &mut Vec<Step>,
    ) -> bool {
        self.aside = None;
        let options = &self.options;
        let follow = match options.follow {
            Follow::Always => true,
            Follow::Operands => operand,
            Follow::Never => false,
        };
        let meta = if follow {
            fs::stat(from)
        } else {
            fs::lstat(from)
        };
        let meta = match meta {
            Ok(meta) => meta,
            Err(errno) => {
                program::complain_errno(&[b"cannot stat ", &quote::always(from)], errno);
                return false;
            }
        };
        if meta.is_dir() && !options.recursive {
            program::complain(&[
                b"-r not specified; omitting directory ",
                &quote::always(from),
            ]);
            return false;
        }
        let there = if meta.is_link()
            || options.remove_destination
            || options.hard_link
            || options.symbolic_link
        {
            fs::lstat(to)
        } else {
            fs::stat(to)
        };
        let dangling = there.is_err() && fs::lstat(to).is_ok_and(|it| it.is_link());
        match there {
            Ok(there) => {
                if let Some(done) = self.replace(from, &meta, to, &there) {
                    return done;
                }
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) if dangling => {
                if self.options.moving || self.options.remove_destination || meta.is_link() {
                    _ = fs::unlink(to);
                } else if meta.is_dir() {
                    let (to, from) = (quote::always(to), quote::always(from));
                    program::complain(&[
                        b"cannot overwrite non-directory ",
                        &to,
                        b" with directory ",
                        &from,
                    ]);
                    return false;
                } else {
                    program::complain(&[
                        b"not writing through dangling symlink ",
                        &quote::always(to),
                    ]);
                    return false;
                }
            }
            Err(Errno::NOENT) => {}
            Err(errno) => {
                program::complain_errno(&[b"failed to access ", &quote::always(to)], errno);
                return false;
            }
        }
        let exists = fs::lstat(to).is_ok();
        if meta.is_dir() {
            return self.directory(from, to, &meta, exists, pending);
        }
        if self.options.verbose {
            self.tell(from, to);
        }
        if self.options.keep_links && meta.links > 1 {
            if let Some(first) = self.linked.get(&(meta.device, meta.inode)) {
                if exists {
                    _ = fs::unlink(to);
                }
                if let Err(errno) = fs::link(first, to, false) {
                    let (to, first) = (quote::always(to), quote::always(first));
                    program::complain_errno(
                        &[b"cannot create hard link ", &to, b" to ", &first],
                        errno,
                    );
                    return false;
                }
                return true;
            }
            self.linked.insert((meta.device, meta.inode), to.clone());
        }
        let good = self.file(from, to, &meta);
        if good && let Ok(made) = fs::stat(fs::dir_name(to)) {
            self.created
                .insert((made.device, made.inode, fs::base_name(to).into()));
        }
        good
    }

    fn tell(&self, from: &[u8], to: &[u8]) {
        for part in [quote::always(from).as_slice(), b" -> ", &quote::always(to)] {
            io::put(part);
        }
        if let Some(aside) = &self.aside {
            io::put(format!(" (backup: {})", quote::always(aside)).as_bytes());
        }
        io::put(b"\n");
    }

    /// The destination exists: may it go? `Some` if the step ends here.
    fn replace(&mut self, from: &BString, meta: &Meta, to: &BString, there: &Meta) -> Option<bool> {
        let options = &self.options;
        let (shown_from, shown_to) = (quote::always(from), quote::always(to));
        let to_itself = fs::lstat(to).unwrap_or(*there);
        let same = there.same_file(meta) || (!meta.is_link() && to_itself.same_file(meta));
        if same && options.backup.is_some() {
            program::refuse("a backup of a file that is copied to itself");
        }
        if same && !meta.is_dir() {
            if options.hard_link || (options.symbolic_link && options.force) {
                return Some(true);
            }
            let by_links = options.remove_destination && meta.links > 1 && from != to;
            let replaces_link =
                (options.remove_destination || options.moving) && to_itself.is_link();
            if !by_links && !replaces_link {
                program::complain(&[&shown_from, b" and ", &shown_to, b" are the same file"]);
                return Some(false);
            }
        } else if same {
            program::complain(&[&shown_from, b" and ", &shown_to, b" are the same file"]);
            return Some(false);
        }
        if options.no_clobber && !(meta.is_dir() && there.is_dir()) {
            return Some(true);
        }
        if options.update && !meta.is_dir() && times_of(there) >= times_of(meta) {
            return Some(true);
        }
        if !meta.is_dir() {
            if there.is_dir() {
                program::complain(&[
                    b"cannot overwrite directory ",
                    &shown_to,
                    b" with non-directory",
                ]);
                return Some(false);
            }
            if let Ok(directory) = fs::stat(fs::dir_name(to)) {
                let entry = (
                    directory.device,
                    directory.inode,
                    BString::from(fs::base_name(to)),
                );
                let numbered = options.backup.as_ref().is_some_and(|it| it.is_numbered());
                if self.created.contains(&entry) && !numbered {
                    program::complain(&[
                        b"will not overwrite just-created ",
                        &shown_to,
                        b" with ",
                        &shown_from,
                    ]);
                    return Some(false);
                }
            }
            if let Some(backup) = &options.backup {
                let name = backup.name(to);
                if fs::stat(&name).is_ok_and(|it| it.same_file(meta)) {
                    program::complain(&[
                        b"backing up ",
                        &shown_to,
                        b" might destroy source;  ",
                        &shown_from,
                        b" not copied",
                    ]);
                    return Some(false);
                }
                match backup.put_aside(to) {
                    Ok(name) => self.aside = name,
                    Err(errno) => {
                        program::complain_errno(&[b"cannot backup ", &shown_to], errno);
                        return Some(false);
                    }
                }
                return None;
            }
            let goes =
                options.remove_destination || (meta.is_link() && options.follow != Follow::Always);
            let linking = (options.hard_link || options.symbolic_link) && options.force;
            if (goes || linking)
                && let Err(errno) = fs::unlink(to)
            {
                program::complain_errno(&[b"cannot remove ", &shown_to], errno);
                return Some(false);
            }
            if goes && options.verbose && options.remove_destination {
                for part in [b"removed ".as_slice(), &shown_to, b"\n"] {
                    io::put(part);
                }
            }
        } else if !there.is_dir() {
            program::complain(&[
                b"cannot overwrite non-directory ",
                &shown_to,
                b" with directory ",
                &shown_from,
            ]);
            return Some(false);
        }
        None
    }

    fn directory(
        &mut self,
        from: &BString,
        to: &BString,
        meta: &Meta,
        exists: bool,
        pending: &mut Vec<Step>,
    ) -> bool {
        if self.made_directories.contains(&(meta.device, meta.inode)) {
            // GNU names the operand, and leaves the rest of it alone.
            let (from, to) = self.operand.clone();
            let (from, to) = (quote::always(&from), quote::always(&to));
            program::complain(&[b"cannot copy a directory, ", &from, b", into itself, ", &to]);
            pending.retain(|step| matches!(step, Step::Finish { .. }));
            return false;
        }
        if !exists {
            if let Err(errno) = fs::mkdir(to) {
                program::complain_errno(&[b"cannot create directory ", &quote::always(to)], errno);
                return false;
            }
            if self.options.verbose {
                self.tell(from, to);
            }
            // Its owner may write into it until it is complete.
            _ = fs::chmod(to, 0o700);
            if let Ok(made) = fs::stat(to) {
                self.made_directories.insert((made.device, made.inode));
            }
        }
        let names = match fs::list(from) {
            Ok(names) => names,
            Err(errno) => {
                program::complain_errno(&[b"cannot access ", &quote::always(from)], errno);
                return false;
            }
        };
        pending.push(Step::Finish {
            to: to.clone(),
            meta: *meta,
            new: !exists,
        });
        for name in names.iter().rev() {
            pending.push(Step::Copy {
                from: fs::join(from, name),
                to: fs::join(to, name),
                operand: false,
            });
        }
        true
    }

    fn finish(&mut self, to: &BString, meta: &Meta, new: bool) -> bool {
        let mut good = true;
        if self.options.keep_times
            && let Err(errno) = keep_times(to, meta)
        {
            program::complain_errno(&[b"preserving times for ", &quote::always(to)], errno);
            good = false;
        }
        let mode = if self.options.keep_mode {
            Some(meta.mode)
        } else if !new {
            None
        } else if self.options.ignore_mode {
            Some(0o777 & !self.umask)
        } else {
            Some(meta.mode & 0o777 & !self.umask)
        };
        if let Some(mode) = mode
            && let Err(errno) = fs::chmod(to, mode)
        {
            program::complain_errno(&[b"preserving permissions for ", &quote::always(to)], errno);
            good = false;
        }
        good
    }

    fn file(&mut self, from: &BString, to: &BString, meta: &Meta) -> bool {
        let (shown_from, shown_to) = (quote::always(from), quote::always(to));
        if self.options.symbolic_link {
            if from.first() != Some(&b'/') && fs::dir_name(to) != b"." {
                program::complain(&[
                    &quote::maybe(to),
                    b": can make relative symbolic links only in current directory",
                ]);
                return false;
            }
            return told(
                fs::symlink(from, to),
                &[
                    b"cannot create symbolic link ",
                    &shown_to,
                    b" to ",
                    &shown_from,
                ],
            );
        }
        if self.options.hard_link {
            let follow = self.options.follow == Follow::Always;
            return told(
                fs::link(from, to, follow),
                &[b"cannot create hard link ", &shown_to, b" to ", &shown_from],
            );
        }
        match meta.kind {
            Kind::Link => {
                let target = match fs::readlink(from) {
                    Ok(target) => target,
                    Err(errno) => {
                        return told(Err(errno), &[b"cannot read symbolic link ", &shown_from]);
                    }
                };
                if !told(
                    fs::symlink(&target, to),
                    &[b"cannot create symbolic link ", &shown_to],
                ) {
                    return false;
                }
                if self.options.keep_times {
                    _ = fs::set_times(to, [Some(at(meta, 0)), Some(at(meta, 1))], false);
                }
                true
            }
            Kind::File | Kind::Character => self.contents(from, to, meta),
            _ if !self.options.recursive => self.contents(from, to, meta),
            _ => program::refuse("copying a special file"),
        }
    }

    fn contents(&mut self, from: &BString, to: &BString, meta: &Meta) -> bool {
        let (shown_from, shown_to) = (quote::always(from), quote::always(to));
        let source = match fs::open_read(from) {
            Ok(source) => Source::File(source),
            Err(errno) => {
                return told(Err(errno), &[b"cannot open ", &shown_from, b" for reading"]);
            }
        };
        let mut new = false;
        let mut opened = fs::open_write(to, OFlags::TRUNC);
        if opened.as_ref().err() == Some(&Errno::NOENT) {
            new = true;
        } else if opened.is_err() && self.options.force {
            if let Err(errno) = fs::unlink(to) {
                return told(Err(errno), &[b"cannot remove ", &shown_to]);
            }
            if self.options.verbose {
                for part in [b"removed ".as_slice(), &shown_to, b"\n"] {
                    io::put(part);
                }
            }
            new = true;
        }
        if new {
            opened = fs::open_write(to, OFlags::CREATE | OFlags::EXCL);
        }
        let target = match opened {
            Ok(target) => target,
            Err(mut errno) => {
                if errno == Errno::ISDIR && to.last() == Some(&b'/') {
                    errno = Errno::NOTDIR;
                }
                return told(Err(errno), &[b"cannot create regular file ", &shown_to]);
            }
        };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    if let Err(errno) = write_all(&target, bytes) {
                        return told(Err(errno), &[b"error writing ", &shown_to]);
                    }
                }
                Err(errno) => return told(Err(errno), &[b"error reading ", &shown_from]),
            }
        }
        drop(target);
        let mut good = true;
        if self.options.keep_times {
            good &= told(keep_times(to, meta), &[b"preserving times for ", &shown_to]);
        }
        let mode = if self.options.keep_mode {
            Some(meta.mode)
        } else if !new {
            None
        } else if self.options.ignore_mode {
            Some(0o666 & !self.umask)
        } else {
            Some(meta.mode & 0o777 & !self.umask)
        };
        if let Some(mode) = mode {
            good &= told(
                fs::chmod(to, mode),
                &[b"preserving permissions for ", &shown_to],
            );
        }
        good
    }
}

fn told(result: SysResult<()>, parts: &[&[u8]]) -> bool {
    match result {
        Ok(()) => true,
        Err(errno) => {
            program::complain_errno(parts, errno);
            false
        }
    }
}

fn at(meta: &Meta, index: usize) -> (i64, u32) {
    meta.times.get(index).copied().unwrap_or_default()
}

fn times_of(meta: &Meta) -> (i64, u32) {
    at(meta, 1)
}

fn keep_times(to: &[u8], meta: &Meta) -> SysResult<()> {
    fs::set_times(to, [Some(at(meta, 0)), Some(at(meta, 1))], true)
}
