//! Which file a patch means.
//!
//! Counterpart: GNU patch's `pch.c`, `best_name` and `intuit_diff_type`.

use super::header::{Absent, FilePatch};
use crate::shared::fs;
use crate::shared::program;
use bstr::{BString, ByteSlice};

/// The name without so many components; without a number only the last one is left. `None` if
/// there are too few.
pub fn stripped(name: &[u8], strip: Option<usize>) -> Option<BString> {
    let mut rest = name;
    match strip {
        None => rest = name.rsplit_str("/").next().unwrap_or_default(),
        Some(strip) => {
            for _ in 0..strip {
                let at = rest.find_byte(b'/')?;
                rest = rest.get(at..).unwrap_or_default();
                rest = rest.trim_start_with(|it| it == '/');
            }
        }
    }
    if rest.is_empty() {
        return None;
    }
    if rest.starts_with(b"/") || rest.split_str("/").any(|it| it == b"..") {
        program::refuse(&format!(
            "the name '{}' outside of the directory",
            name.as_bstr()
        ));
    }
    Some(rest.into())
}

/// How many directories are above a name.
fn depth(name: &[u8]) -> usize {
    name.split_str("/").filter(|it| !it.is_empty()).count()
}

/// How many directories above a name are there.
fn there(name: &[u8]) -> usize {
    let slashes = memchr::memchr_iter(b'/', name);
    let heads = slashes.map(|at| name.get(..at).unwrap_or_default());
    heads
        .filter(|it| !it.is_empty())
        .take_while(|it| fs::stat(it).is_ok_and(|meta| meta.is_dir()))
        .count()
}

/// The best of names: the shallowest, then that with the shortest last part, then the shortest.
fn best<'a>(names: impl Iterator<Item = &'a BString>) -> Option<BString> {
    names
        .min_by_key(|name| (depth(name), fs::base_name(name).len(), name.len()))
        .cloned()
}

/// The file's name, and whether it is there.
pub fn target(patch: &FilePatch, strip: Option<usize>, reverse: bool) -> Option<(BString, bool)> {
    let mut names: Vec<BString> = patch
        .names
        .iter()
        .flatten()
        .filter_map(|it| stripped(it, strip))
        .collect();
    if patch.names.iter().all(Option::is_none)
        && let Some(index) = &patch.index
    {
        names.extend(stripped(index, strip));
    }
    let exists = |name: &BString| fs::stat(name).is_ok();
    if let Some(name) = best(names.iter().filter(|it| exists(it))) {
        return Some((name, true));
    }
    let absent = patch.absent[usize::from(reverse)];
    if absent == Absent::No {
        return None;
    }
    // Of new names those that need the fewest directories.
    let needed = |name: &BString| depth(name) - 1 - there(name).min(depth(name) - 1);
    let least = names.iter().map(needed).min()?;
    let name = best(names.iter().filter(|it| needed(it) == least))?;
    Some((name, false))
}
