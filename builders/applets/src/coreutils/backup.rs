//! Backups of what `cp`, `mv`, `ln` and `install` replace.
//!
//! Contract: `-b`, `--backup` and `-S`, the variables `VERSION_CONTROL` and
//! `SIMPLE_BACKUP_SUFFIX`. Counterpart: gnulib's `backupfile.c`.

use crate::shared::errno::Result;
use crate::shared::options::Parsed;
use crate::shared::{fs, process, program};
use bstr::{BString, ByteSlice};
use rustix::io::Errno;

/// How a backup is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Simple,
    /// Numbered where there are numbered ones already.
    Existing,
    Numbered,
}

/// What to do with what is replaced.
#[derive(Clone, Debug)]
pub struct Backup {
    style: Style,
    suffix: BString,
}

impl Backup {
    /// As the options say; none if there are to be none.
    pub fn new(parsed: &Parsed) -> Option<Backup> {
        let asked = ['b', 'ß', 'S'];
        parsed.last_of(&asked)?;
        let environment = process::environment();
        let variable = |name: &str| process::variable(&environment, name).map(BString::from);
        let given = parsed.value('ß').cloned();
        let text = given.clone().or_else(|| variable("VERSION_CONTROL"));
        let style = match text.as_ref().map(|it| it.as_slice()) {
            Some(b"none" | b"off") => return None,
            Some(b"simple" | b"never") => Style::Simple,
            Some(b"numbered" | b"t") => Style::Numbered,
            None | Some(b"existing" | b"nil") => Style::Existing,
            Some(other) => {
                program::refuse(&format!("the kind of backup '{}'", other.as_bstr()));
            }
        };
        let suffix = parsed
            .value('S')
            .cloned()
            .or_else(|| variable("SIMPLE_BACKUP_SUFFIX"))
            .filter(|it| !it.is_empty() && !it.contains(&b'/'));
        Some(Backup {
            style,
            suffix: suffix.unwrap_or_else(|| "~".into()),
        })
    }

    /// Does each backup have a name of its own?
    pub fn is_numbered(&self) -> bool {
        self.style == Style::Numbered
    }

    /// The name of a file's next backup.
    pub fn name(&self, path: &[u8]) -> BString {
        let path = fs::trim_slashes(path);
        let newest = match self.style {
            Style::Simple => None,
            _ => newest(path),
        };
        let mut name = BString::from(path);
        match (self.style, newest) {
            (Style::Simple, _) | (Style::Existing, None) => name.extend_from_slice(&self.suffix),
            (_, newest) => {
                let next = newest.unwrap_or(0) + 1;
                name.extend_from_slice(format!(".~{next}~").as_bytes());
            }
        }
        name
    }

    /// Moves a file to its backup, and tells where that is.
    pub fn put_aside(&self, path: &[u8]) -> Result<Option<BString>> {
        let name = self.name(path);
        match fs::rename(path, &name) {
            Ok(()) => Ok(Some(name)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

/// The highest number of a file's backups.
fn newest(path: &[u8]) -> Option<u64> {
    let base = fs::base_name(path);
    let names = fs::list(fs::dir_name(path)).unwrap_or_default();
    let number = |name: &BString| -> Option<u64> {
        let digits = name.strip_prefix(base)?.strip_prefix(b".~")?;
        let digits = digits.strip_suffix(b"~")?;
        if matches!(digits.first(), None | Some(b'0')) {
            return None;
        }
        digits.to_str().ok()?.parse().ok()
    };
    names.iter().filter_map(number).max()
}
