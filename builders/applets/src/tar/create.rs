//! Making an archive.
//!
//! Contract: what a header holds is what the build knows: names, modes, owners, and times by the
//! sandbox's clock. The order of a directory's entries is asked for (`--sort=name`), or there is
//! at most one. Counterpart: GNU tar's `create.c`.

use super::exclude::Excluded;
use super::header::{BLOCK, Kind as MemberKind, Member};
use super::names::Safer;
use super::pax::Settings;
use super::transform::{Role, Transform};
use super::verbose::Lister;
use super::write::{Format, Written, write};
use super::{change_directory, lister, names_in, transforms};
use crate::coreutils::{Mode, date as dates, owner};
use crate::shared::fs::{self, Kind};
use crate::shared::io::{self, Source};
use crate::shared::options::Parsed;
use crate::shared::time::date;
use crate::shared::{errno, program};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;
use std::collections::BTreeMap;

/// What `--owner` and `--group` say.
#[derive(Debug, Default)]
struct Owner {
    number: Option<u32>,
    name: Option<BString>,
}

struct Archive {
    out: Vec<u8>,
    format: Format,
    pax: Settings,
    sorted: bool,
    recursive: bool,
    dereference: bool,
    /// Files with more links than this may come again.
    links_of_one: u64,
    /// `--mtime`, and whether it is only the latest.
    time: Option<(i64, u32)>,
    clamp: bool,
    mode: Option<Mode>,
    owners: [Owner; 2],
    numeric: bool,
    excluded: Excluded,
    transform: Transform,
    shows_transformed: bool,
    safer: Safer,
    lister: Lister,
    /// Names of files with several links, by device and inode.
    links: BTreeMap<(u64, u64), BString>,
    own: Option<fs::Meta>,
    failed: bool,
}

/// `NAME`, `NAME:NUMBER`, `:NUMBER` or `NUMBER`.
fn parse_owner(text: Option<&BString>, file: &[u8]) -> Owner {
    let Some(text) = text else {
        return Owner::default();
    };
    let number = |digits: &[u8]| match digits.to_str().ok().and_then(|it| it.parse().ok()) {
        Some(number) if number < 0o777_7777 => Some(number),
        _ => program::refuse("--owner or --group with a strange number"),
    };
    match text.split_once_str(":") {
        Some((name, digits)) => Owner {
            number: number(digits),
            name: (!name.is_empty()).then(|| name.into()),
        },
        None if text.first().is_some_and(u8::is_ascii_digit) => Owner {
            number: number(text),
            name: None,
        },
        None => Owner {
            number: owner::number(file, text),
            name: Some(text.clone()),
        },
    }
}

/// The time of `--mtime`: a date, or that of a file.
fn given_time(text: &BString, level: usize) -> (i64, u32) {
    if matches!(text.first(), Some(b'/' | b'.')) {
        return match fs::stat(text) {
            Ok(meta) => meta.times[1],
            Err(_) => program::refuse("--mtime of a file that is not there"),
        };
    }
    dates::demand_utc();
    let Ok(time) = dates::parse_date(text, dates::now()) else {
        program::refuse(&format!("the date '{text}' of --mtime"));
    };
    if level > 0 {
        let [year, month, day, hour, minute, second] = date(time.0);
        let mut shown = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
        if time.1 != 0 {
            let part = format!("{:09}", time.1);
            shown.push_str(&format!(".{}", part.trim_end_matches('0')));
        }
        if *text != shown {
            let shown = shown.as_bytes();
            program::complain(&[b"Option --mtime: Treating date '", text, b"' as ", shown]);
        }
    }
    time
}

fn format_of(parsed: &Parsed) -> Format {
    match parsed.value('ƒ').map(|it| it.as_slice()) {
        None if parsed.has('π') => Format::Posix,
        None | Some(b"gnu") => Format::Gnu,
        Some(b"ustar") => Format::Ustar,
        Some(b"posix" | b"pax") => Format::Posix,
        Some(_) => program::refuse("another format than gnu, ustar and posix"),
    }
}

/// Makes an archive.
pub fn run(parsed: &Parsed, file: &BString) -> u8 {
    if parsed.last_of(&['a', 'z', 'ż', 'j', 'J', 'ź']).is_some() {
        program::refuse("packing");
    }
    let sorted = match parsed.value('ş').map(|it| it.as_slice()) {
        None | Some(b"none") => false,
        Some(b"name") => true,
        Some(_) => program::refuse("an order by inodes"),
    };
    let level = parsed.options.iter().filter(|(key, _)| *key == 'v').count();
    let mut pax = Settings::default();
    for (_, text) in parsed.options.iter().filter(|(key, _)| *key == 'π') {
        pax.add(text.as_ref().map_or(b"", |it| it.as_slice()));
    }
    let many = parsed.operands.len() > 1 || parsed.has('T');
    let mode = parsed.value('ɱ').map(|text| match Mode::parse(text) {
        Some(mode) => mode,
        None => program::refuse("a mode that is none"),
    });
    let mut archive = Archive {
        out: Vec::new(),
        format: format_of(parsed),
        pax,
        sorted,
        recursive: true,
        dereference: parsed.has('h'),
        links_of_one: u64::from(!many && !parsed.has('h')),
        time: parsed.value('μ').map(|text| given_time(text, level)),
        clamp: parsed.has('χ'),
        mode,
        owners: [
            parse_owner(parsed.value('ø'), b"/etc/passwd"),
            parse_owner(parsed.value('ğ'), b"/etc/group"),
        ],
        numeric: parsed.has('ņ'),
        excluded: Excluded::new(parsed),
        transform: transforms(parsed),
        shows_transformed: parsed.has('ŧ'),
        safer: Safer::new(parsed.has('P')),
        lister: lister(parsed, file == "-"),
        links: BTreeMap::new(),
        own: None,
        failed: false,
    };
    if archive.clamp && archive.time.is_none() {
        program::refuse("--clamp-mtime without --mtime");
    }
    if parsed.has('đ') {
        archive.links_of_one = u64::MAX;
    }
    let names = names_in(parsed);
    if names.is_empty() && !parsed.has('T') {
        program::complain(&[b"Cowardly refusing to create an empty archive"]);
        program::usage(2);
    }
    let output =
        (file != "-").then(
            || match fs::open_write(file, OFlags::CREATE | OFlags::TRUNC) {
                Ok(output) => output,
                Err(number) => program::refuse(&format!("'{file}': {}", errno::text(number))),
            },
        );
    archive.own = output.as_ref().and_then(|it| fs::fstat(it).ok());
    for step in &names {
        if let Some(directory) = &step.directory {
            change_directory(directory);
        }
        archive.recursive = step.recursive;
        if let Some(name) = &step.name {
            archive.add(name);
        }
    }
    let mut out = archive.out;
    out.resize(out.len() + 2 * BLOCK, 0);
    out.resize(out.len().next_multiple_of(record(parsed)), 0);
    match output {
        None => io::put(&out),
        Some(output) => {
            if let Err(number) = io::write_all(&output, &out) {
                program::refuse(&format!("'{file}': {}", errno::text(number)));
            }
        }
    }
    super::ending(archive.failed)
}

/// Bytes that are written at once: an archive's size is a multiple.
fn record(parsed: &Parsed) -> usize {
    let blocks = parsed.value('b').map_or(Some(20), |text| {
        text.to_str().ok().and_then(|it| it.parse().ok())
    });
    match blocks {
        Some(blocks @ 1..=4096) => blocks * BLOCK,
        _ => program::refuse("a strange blocking factor"),
    }
}

/// The name without slashes at its end.
fn trimmed(name: &[u8]) -> &[u8] {
    fs::trim_slashes(name)
}

impl Archive {
    /// Adds a name and what is below it. The names that wait are on a stack of their own.
    fn add(&mut self, operand: &BString) {
        let mut pending = vec![BString::from(trimmed(operand))];
        while let Some(path) = pending.pop() {
            if self.excluded.has(trimmed(&path)) {
                continue;
            }
            let failed =
                |number| -> ! { program::refuse(&format!("'{path}': {}", errno::text(number))) };
            let found = match fs::lstat(&path) {
                Ok(meta) if meta.is_link() && self.dereference => fs::stat(&path),
                other => other,
            };
            let meta = match found {
                Ok(meta) => meta,
                Err(number) => {
                    program::complain_errno(
                        &[&super::quoting::escaped(&path), b": Cannot stat"],
                        number,
                    );
                    self.failed = true;
                    continue;
                }
            };
            if self.own.as_ref().is_some_and(|own| own.same_file(&meta)) {
                program::refuse("an archive within itself");
            }
            if meta.is_dir() && self.dereference && fs::lstat(&path).is_ok_and(|it| it.is_link()) {
                program::refuse("-h with a link to a directory");
            }
            match meta.kind {
                Kind::Directory => {
                    self.header(&path, b'5', b"", &meta);
                    if !self.recursive {
                        continue;
                    }
                    let names = fs::list(&path).unwrap_or_else(|number| failed(number));
                    let inner: Vec<BString> = names
                        .iter()
                        .map(|it| fs::join(&path, it))
                        .filter(|it| !self.excluded.has(it))
                        .collect();
                    if inner.len() > 1 && !self.sorted {
                        program::refuse(&format!(
                            "the order of what is in '{path}', without --sort=name"
                        ));
                    }
                    pending.extend(inner.into_iter().rev());
                }
                Kind::Link => {
                    let target = fs::readlink(&path).unwrap_or_else(|number| failed(number));
                    let target = self.transform.apply(&target, Role::LinkTarget);
                    self.header(&path, b'2', &target, &meta);
                }
                Kind::File => self.file(&path, &meta),
                _ => program::refuse("a special file"),
            }
        }
    }

    fn file(&mut self, path: &BString, meta: &fs::Meta) {
        let key = (meta.device, meta.inode);
        if meta.links > self.links_of_one {
            if let Some(first) = self.links.get(&key).cloned() {
                self.header(path, b'1', &first, meta);
                return;
            }
            // What is told of the name comes before what is told of links.
            self.safer.suffix(path, false);
            let name = self.safer.suffix(path, true);
            let name = self.transform.apply(name, Role::HardLink);
            self.links.insert(key, name);
        }
        let content = Source::open(path).and_then(|it| it.read_to_end());
        let content = match content {
            Ok(content) => content,
            Err(number) => program::refuse(&format!("'{path}': {}", errno::text(number))),
        };
        let meta = fs::Meta {
            size: content.len() as u64,
            ..*meta
        };
        self.header(path, b'0', b"", &meta);
        self.out.extend_from_slice(&content);
        self.out.resize(self.out.len().next_multiple_of(BLOCK), 0);
    }

    fn header(&mut self, path: &BString, kind: u8, target: &[u8], meta: &fs::Meta) {
        let size = if kind == b'0' { meta.size } else { 0 };
        if size >= 1 << 33 {
            program::refuse("a file of more than 8 GiB");
        }
        let name = self.safer.suffix(path, false);
        let mut name = self.transform.apply(name, Role::Member);
        let mut original = path.clone();
        if kind == b'5' {
            for name in [&mut name, &mut original] {
                if !name.ends_with(b"/") {
                    name.push(b'/');
                }
            }
        }
        if name.is_empty() {
            program::refuse("a member without a name");
        }
        let time = match self.time {
            Some(time) if !self.clamp || meta.times[1] > time => time,
            _ => meta.times[1],
        };
        let mode = match &self.mode {
            Some(mode) => mode.apply(meta.mode, meta.is_dir(), fs::umask()),
            None => meta.mode,
        };
        let owner = self.owner(path);
        let names = if self.numeric {
            [BString::default(), BString::default()]
        } else {
            let [user, group] = &self.owners;
            let known = |of: &Owner, found: Option<BString>| of.name.clone().or(found);
            [
                known(user, owner::user(owner.0)).unwrap_or_default(),
                known(group, owner::group(owner.1)).unwrap_or_default(),
            ]
        };
        let [user, group] = names;
        let written = Written {
            name: &name,
            original: &original,
            kind,
            target,
            mode,
            owner,
            user: &user,
            group: &group,
            size,
            time,
        };
        write(&written, self.format, &self.pax, &mut self.out);
        let member = Member {
            kind: match kind {
                b'0' => MemberKind::File,
                b'1' => MemberKind::HardLink,
                b'2' => MemberKind::Link,
                _ => MemberKind::Directory,
            },
            target: target.into(),
            mode,
            time: if self.format == Format::Posix {
                time
            } else {
                (time.0, 0)
            },
            content: 0..0,
            size,
            owner,
            user,
            group,
            name,
        };
        let shown = if self.shows_transformed {
            &member.name
        } else {
            &original
        };
        self.lister.tell(shown, &member);
    }

    fn owner(&self, path: &BString) -> (u32, u32) {
        let [user, group] = &self.owners;
        let found = match (user.number, group.number) {
            (Some(_), Some(_)) => (0, 0),
            _ => match owner::of(path, self.dereference) {
                Ok(found) => found,
                Err(number) => program::refuse(&format!("'{path}': {}", errno::text(number))),
            },
        };
        (
            user.number.unwrap_or(found.0),
            group.number.unwrap_or(found.1),
        )
    }
}
