//! GNU patch.
//!
//! Contract: as patch 2.7.6 for the unified, the context and the normal format and for git's lines:
//! offsets, fuzz, reversed patches, rejects and backups. Refused: scripts for ed, binary patches and
//! copies, links, names in quotes or outside of the directory, and a patch whose file is not found.
//!
//! Counterpart: GNU patch's `patch.c`.

mod files;
mod header;
mod hunks;
mod names;
mod place;
mod reject;

use crate::shared::fs::{self, Kind};
use crate::shared::io::{self, Source};
use crate::shared::options::{Parsed, Spec, flag, parse, value};
use crate::shared::{errno, program, quote};
use bstr::{BString, ByteSlice};
use header::{Absent, FilePatch, Format};
use hunks::Hunk;
use place::Place;
use std::collections::BTreeSet;

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('b', "backup"),
        flag('β', "backup-if-mismatch"),
        flag('ɓ', "binary"),
        flag('c', "context"),
        value('d', "directory"),
        flag('δ', "dry-run"),
        flag('E', "remove-empty-files"),
        flag('f', "force"),
        value('F', "fuzz"),
        value('i', "input"),
        flag('l', "ignore-whitespace"),
        flag('n', "normal"),
        flag('N', "forward"),
        flag('ň', "no-backup-if-mismatch"),
        value('p', "strip"),
        value('r', "reject-file"),
        flag('R', "reverse"),
        flag('s', "quiet"),
        flag('ş', "silent"),
        flag('t', "batch"),
        flag('u', "unified"),
        value('z', "suffix"),
    ],
    permute: true,
    usage: 2,
};

/// Applies all hunks of a patch to one text, with all fuzz: for the fuzzer.
pub(crate) fn apply_all(patch: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let all = header::parse(patch).ok()?;
    let mut place = Place::new(text, false);
    for hunk in all.iter().flat_map(|it| &it.hunks) {
        let found = (0..=3).find_map(|fuzz| match place.locate(hunk, fuzz) {
            0 => None,
            found => Some(found),
        });
        if let Some(found) = found {
            place.apply(hunk, found);
        }
        let swapped = hunk.swapped();
        place.locate(&swapped, 1);
    }
    place.finish();
    Some(place.out)
}

/// What was asked for.
struct Settings {
    strip: Option<usize>,
    reverse: bool,
    forward: bool,
    force: bool,
    batch: bool,
    quiet: bool,
    dry: bool,
    loose: bool,
    fuzz: i64,
    backup: bool,
    backup_if_mismatch: bool,
    suffix: BString,
    remove_empty: bool,
    reject: Option<BString>,
    /// The operand: the file to patch, whatever the patch says.
    file: Option<BString>,
    /// Files that this run made or changed: they need no backup.
    made: BTreeSet<BString>,
}

/// Runs the process as `patch`.
pub fn main() -> ! {
    let mut parsed = parse(&SPEC, program::start());
    if parsed.operands.len() > 2 {
        program::refuse("more than two operands");
    }
    if let Some(input) = parsed.operands.get(1).cloned() {
        parsed.options.push(('i', Some(input)));
    }
    if let Some(directory) = parsed.value('d')
        && let Err(error) = wasibuild_guest::host::chdir(directory)
    {
        program::refuse(&format!("-d {directory}: {error}"));
    }
    let default = BString::from("-");
    let input = parsed.value('i').unwrap_or(&default);
    let text = match Source::open(input).and_then(|it| it.read_to_end()) {
        Ok(text) => text,
        Err(number) => program::refuse(&format!("'{input}': {}", errno::text(number))),
    };
    let all = match header::parse(&text) {
        Ok(all) => all,
        Err(error) => program::refuse(&error),
    };
    for (format, key) in [
        (Format::Context, 'c'),
        (Format::Normal, 'n'),
        (Format::Unified, 'u'),
    ] {
        if parsed.has(key) && all.iter().any(|it| it.format != format) {
            program::refuse("a patch in another format than the one that is asked for");
        }
    }
    if all.is_empty() && !text.is_empty() {
        program::die(2, &[b"**** Only garbage was found in the patch input."]);
    }
    let mut settings = settings(&parsed);
    let mut failed = false;
    for patch in &all {
        failed |= File::new(patch, &settings).run(&mut settings);
    }
    program::exit(u8::from(failed))
}

fn number<T: std::str::FromStr>(parsed: &Parsed, key: char) -> Option<T> {
    let text = parsed.value(key)?;
    match text.to_str().ok().and_then(|it| it.parse().ok()) {
        Some(number) => Some(number),
        None => program::refuse(&format!("the number '{text}'")),
    }
}

fn settings(parsed: &Parsed) -> Settings {
    let environment = crate::shared::process::environment();
    for name in [
        "SIMPLE_BACKUP_SUFFIX",
        "VERSION_CONTROL",
        "PATCH_VERSION_CONTROL",
        "QUOTING_STYLE",
    ] {
        if crate::shared::process::variable(&environment, name).is_some() {
            program::refuse(&format!("the variable {name}"));
        }
    }
    Settings {
        strip: number(parsed, 'p'),
        reverse: parsed.has('R'),
        forward: parsed.has('N'),
        force: parsed.has('f'),
        batch: parsed.has('t'),
        quiet: parsed.has('s') || parsed.has('ş'),
        dry: parsed.has('δ'),
        loose: parsed.has('l'),
        fuzz: number(parsed, 'F').unwrap_or(2),
        backup: parsed.has('b'),
        backup_if_mismatch: !parsed.has('ň'),
        suffix: parsed.value('z').cloned().unwrap_or_else(|| ".orig".into()),
        remove_empty: parsed.has('E'),
        reject: parsed.value('r').cloned(),
        file: parsed.operands.first().cloned(),
        made: BTreeSet::new(),
    }
}

/// A name as it is shown.
fn shown(name: &[u8]) -> BString {
    if name.iter().any(|it| !(0x20..0x7f).contains(it)) {
        program::refuse("a name that cannot be printed");
    }
    quote::shell_if_needed(name)
}

fn say(text: &str) {
    io::put(text.as_bytes());
}

/// The changes of one file while they are made.
struct File<'a> {
    patch: &'a FilePatch,
    path: BString,
    /// Where it goes: another name only in a rename.
    to: BString,
    meta: Option<fs::Meta>,
    text: Vec<u8>,
    reverse: bool,
    skip: bool,
    quiet: bool,
}

impl<'a> File<'a> {
    /// Finds the file.
    fn new(patch: &'a FilePatch, settings: &Settings) -> File<'a> {
        let reverse = settings.reverse;
        let found = match &settings.file {
            Some(file) => Some((file.clone(), fs::stat(file).is_ok())),
            None => names::target(patch, settings.strip, reverse),
        };
        let Some((mut path, mut exists)) = found else {
            program::refuse("a patch whose file is not there");
        };
        let mut to = path.clone();
        if patch.rename && settings.file.is_none() {
            if reverse || settings.strip.is_none_or(|strip| strip == 0) {
                program::refuse("a rename without -p1 or with -R");
            }
            let name = |side: usize| {
                let name = patch.names.get(side).cloned().flatten();
                name.and_then(|it| names::stripped(&it, settings.strip))
            };
            let (Some(old), Some(new)) = (name(0), name(1)) else {
                program::refuse("a rename without two names");
            };
            if fs::lstat(&old).is_err() || fs::lstat(&new).is_ok() || settings.made.contains(&old) {
                program::refuse("a rename of what is not there, or to what is");
            }
            (path, to, exists) = (old, new, true);
        }
        let failed =
            |number| -> ! { program::refuse(&format!("'{path}': {}", errno::text(number))) };
        let (mut meta, mut text) = (None, Vec::new());
        if exists {
            let found = fs::lstat(&path).unwrap_or_else(|number| failed(number));
            if found.kind != Kind::File {
                program::refuse(&format!("'{path}' is no plain file"));
            }
            meta = Some(found);
            let read = Source::open(&path).and_then(|it| it.read_to_end());
            text = read.unwrap_or_else(|number| failed(number));
        }
        File {
            patch,
            path,
            to,
            meta,
            text,
            reverse,
            skip: false,
            quiet: settings.quiet,
        }
    }

    fn absent(&self, new: bool) -> Absent {
        self.patch.absent[usize::from(new != self.reverse)]
    }

    /// Asks nobody, since nobody is there: may the patch be reversed?
    fn ok_to_reverse(&mut self, settings: &Settings, what: &str) -> bool {
        if settings.forward || !(settings.force && self.quiet) {
            say(what);
        }
        if settings.forward {
            say("  Skipping patch.\n");
            self.skip = true;
        } else if settings.force {
            if !self.quiet {
                say("  Applying it anyway.\n");
            }
        } else if settings.batch {
            let way = if self.reverse {
                "Ignoring -R"
            } else {
                "Assuming -R"
            };
            say(&format!("  {way}.\n"));
            return true;
        } else {
            let way = if self.reverse {
                "Ignore -R"
            } else {
                "Assume -R"
            };
            say(&format!("  {way}? [n] \nApply anyway? [n] \n"));
            if !self.quiet {
                say("Skipping patch.\n");
            }
            self.skip = true;
        }
        false
    }

    /// Does the file's being there contradict the patch?
    fn maybe_reverse(&mut self, settings: &Settings) {
        let exists = self.meta.is_some();
        let empty = self.text.is_empty();
        let side = |empty: bool| self.patch.absent[usize::from(self.reverse != empty)];
        let says = side(empty);
        let looks_reversed = usize::from(!empty) < says as usize;
        if empty
            && self.patch.absent[usize::from(self.reverse == exists)] == Absent::Empty
            && self.patch.absent[usize::from(self.reverse != exists)] == Absent::Missing
        {
            return;
        }
        if !looks_reversed {
            return;
        }
        let (verb, state) = match (exists, empty) {
            (false, _) => ("delete", "does not exist"),
            (true, true) => ("empty out", "is already empty"),
            (true, false) => ("create", "already exists"),
        };
        let reversed = if self.reverse { ", when reversed," } else { "" };
        let what = format!(
            "The next patch{reversed} would {verb} the file {},\nwhich {state}!",
            shown(&self.path)
        );
        if self.ok_to_reverse(settings, &what) {
            self.reverse = !self.reverse;
        }
    }

    /// Patches the file. True if something failed.
    fn run(mut self, settings: &mut Settings) -> bool {
        self.maybe_reverse(settings);
        // What was given up so early has no name yet, and its changes go nowhere.
        let nameless = self.skip;
        if !self.quiet && !self.skip {
            if self.meta.is_some() && fs::access(&self.path, 2).is_err() {
                let name = shown(&self.path);
                say(&format!(
                    "File {name} is read-only; trying to patch anyway\n"
                ));
            }
            let verb = if settings.dry { "checking" } else { "patching" };
            let mut line = format!("{verb} file {}", shown(&self.to));
            if self.path != self.to {
                line.push_str(&format!(" (renamed from {})", shown(&self.path)));
            }
            line.push('\n');
            say(&line);
        }
        let text = std::mem::take(&mut self.text);
        let mut place = Place::new(&text, settings.loose);
        let mut rejected = Vec::new();
        let (mut failed, mut mismatch, mut anyway) = (0, false, false);
        let count = self.patch.hunks.len();
        for (at, original) in self.patch.hunks.iter().enumerate() {
            let mut hunk = self.turned(original);
            let (prefix, suffix) = hunk.context();
            let most = settings.fuzz.min(prefix.max(suffix));
            let (mut found, mut fuzz) = (0, 0);
            // What shall be new cannot go into what is there.
            let never = self.absent(false) == Absent::Missing && !text.is_empty();
            while !self.skip {
                found = if never { 0 } else { place.locate(&hunk, fuzz) };
                mismatch |= found == 0 || fuzz > 0 || place.offset != 0;
                let first = at == 0 && !settings.force && !anyway;
                if found == 0 && first && self.reverse == settings.reverse {
                    let swapped = hunk.swapped();
                    let reversed = place.locate(&swapped, fuzz);
                    let what = format!(
                        "{} patch detected!",
                        if self.reverse {
                            "Unreversed"
                        } else {
                            "Reversed (or previously applied)"
                        }
                    );
                    if reversed != 0 && self.ok_to_reverse(settings, &what) {
                        self.reverse = !self.reverse;
                        hunk = swapped;
                        found = reversed;
                    } else if reversed != 0 {
                        anyway = true;
                        fuzz -= 1;
                    }
                }
                fuzz += 1;
                if found != 0 || fuzz > most {
                    break;
                }
            }
            let fuzz = fuzz - 1;
            let (offset, growth) = (place.offset, place.growth);
            let where_to = if found != 0 { found } else { hunk.start } + growth;
            let garbled = !self.skip && found != 0 && !place.apply(&hunk, found);
            if garbled {
                say("misordered hunks! output would be garbled\n");
            }
            if self.skip || found == 0 || garbled {
                failed += 1;
                reject::add(
                    self.patch,
                    &hunk,
                    settings.strip,
                    self.reverse,
                    growth,
                    &mut rejected,
                );
                if !self.skip && !self.quiet {
                    say(&format!("Hunk #{} FAILED at {where_to}.\n", at + 1));
                }
            } else if !self.quiet && (fuzz > 0 || offset != 0) {
                let mut line = format!("Hunk #{} succeeded at {where_to}", at + 1);
                if fuzz > 0 {
                    line.push_str(&format!(" with fuzz {fuzz}"));
                }
                if offset != 0 {
                    let s = if offset == 1 { "" } else { "s" };
                    line.push_str(&format!(" (offset {offset} line{s})"));
                }
                line.push_str(".\n");
                say(&line);
            }
        }
        place.finish();
        let new = std::mem::take(&mut place.out);
        let mut some_failed = failed > 0;
        if !self.skip {
            let changed = failed < count;
            some_failed |= self.leave(settings, &new, changed, mismatch || failed > 0);
        }
        if failed > 0 {
            let s = if count == 1 { "" } else { "s" };
            let how = if self.skip { "ignored" } else { "FAILED" };
            let mut line = format!("{failed} out of {count} hunk{s} {how}");
            if nameless {
                say(&line);
                say("\n");
                return true;
            }
            let name = match &settings.reject {
                Some(name) => name.clone(),
                None => [self.to.as_slice(), b".rej"].concat().into(),
            };
            if settings.reject.as_ref().is_some_and(|it| it == "-") {
                program::refuse("rejected changes on standard output");
            }
            if !settings.dry {
                line.push_str(&format!(" -- saving rejects to file {}", shown(&name)));
                if let Err(number) = files::write(&name, &rejected, None) {
                    program::refuse(&format!("'{name}': {}", errno::text(number)));
                }
            }
            line.push('\n');
            say(&line);
        }
        some_failed
    }

    fn turned(&self, hunk: &Hunk) -> Hunk {
        if self.reverse {
            hunk.swapped()
        } else {
            hunk.clone()
        }
    }

    /// Puts the new file where it belongs. True if that is not all that the patch wants.
    fn leave(&self, settings: &mut Settings, new: &[u8], changed: bool, mismatch: bool) -> bool {
        let failed = |number| -> ! {
            program::refuse(&format!("'{}': {}", self.to, errno::text(number)));
        };
        let mut incomplete = false;
        let removes =
            new.is_empty() && (settings.remove_empty || self.absent(true) == Absent::Missing);
        if !removes && !new.is_empty() && self.absent(true) == Absent::Missing {
            incomplete = true;
            if !self.quiet {
                let name = shown(&self.to);
                say(&format!(
                    "Not deleting file {name} as content differs from patch\n"
                ));
            }
        }
        if settings.dry {
            return incomplete;
        }
        let modes = &self.patch.modes;
        let (old_mode, new_mode) = if self.reverse {
            (modes[1], modes[0])
        } else {
            (modes[0], modes[1])
        };
        let set_mode = new_mode.filter(|_| new_mode != old_mode);
        let backup = settings.backup || (settings.backup_if_mismatch && mismatch);
        let writes = !removes && (changed || set_mode.is_some() || self.patch.rename);
        if backup && !settings.made.contains(&self.to) {
            if self.path != self.to {
                program::refuse("a backup of what is renamed");
            }
            files::back_up(&self.to, &settings.suffix).unwrap_or_else(|number| failed(number));
            if !removes && !writes {
                // What stays as it was is there under both names.
                let mode = self.meta.map(|it| it.mode);
                files::write(&self.to, new, mode).unwrap_or_else(|number| failed(number));
            }
        }
        if removes {
            match files::remove(&self.to) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(number) => failed(number),
            }
        } else if writes {
            let mode = set_mode.or(self.meta.map(|it| it.mode));
            files::write(&self.to, new, mode).unwrap_or_else(|number| failed(number));
            if self.path != self.to {
                files::remove(&self.path).unwrap_or_else(|number| failed(number));
                settings.made.insert(self.path.clone());
            }
        }
        settings.made.insert(self.to.clone());
        incomplete
    }
}
