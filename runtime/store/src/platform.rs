//! Everything in which operating systems differ, and the clock: nothing else in this
//! package may use either.
//!
//! Contract: compiles on Linux and macOS; each difference has a portable fallback.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, for `registrationTime` (never part of a build's result).
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

/// Fills `buffer` with random bytes from the kernel, for the signing key alone.
pub(crate) fn random_bytes(buffer: &mut [u8]) -> io::Result<()> {
    use std::io::Read;
    File::open("/dev/urandom")?.read_exact(buffer)
}

/// Takes disk space for `len` bytes of `file` without writing them, if the system can.
/// Returns false if the caller has to write.
#[cfg(target_os = "linux")]
pub(crate) fn reserve_space(file: &File, len: u64) -> bool {
    rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, len).is_ok()
}

/// See above: macOS may reserve without growing the file, so the caller writes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn reserve_space(_file: &File, _len: u64) -> bool {
    false
}

/// True if names of the directory `entry` lies in may differ by case only and still
/// mean the same file. `entry` must exist and `swapped` be its name in the other case.
pub(crate) fn same_file(dir: BorrowedFd<'_>, entry: &str, swapped: &str) -> bool {
    use rustix::fs::{AtFlags, statat};
    match (
        statat(dir, entry, AtFlags::SYMLINK_NOFOLLOW),
        statat(dir, swapped, AtFlags::SYMLINK_NOFOLLOW),
    ) {
        (Ok(a), Ok(b)) => a.st_dev == b.st_dev && a.st_ino == b.st_ino,
        _ => false,
    }
}

/// True where Nix always reads and writes `~nix~case~hack~N` names (`use-case-hack`).
pub(crate) const NIX_USES_CASE_HACK: bool = cfg!(target_os = "macos");

/// Paths that running processes have open, mapped, in their environment, or stand in.
/// Those of other users may be hidden by the system; they are left out, as Nix does.
#[cfg(target_os = "linux")]
pub(crate) fn paths_in_use(prefixes: &[&[u8]]) -> BTreeSet<Vec<u8>> {
    linux::paths_in_use(prefixes)
}

/// See above. macOS has no `/proc`; like Nix, ask `lsof`, and do without if it fails.
#[cfg(not(target_os = "linux"))]
pub(crate) fn paths_in_use(prefixes: &[&[u8]]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    let output = std::process::Command::new("/usr/sbin/lsof")
        .args(["-n", "-w", "-F", "n"])
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output();
    if let Ok(output) = output {
        for line in output.stdout.split(|&b| b == b'\n') {
            if let Some(path) = line.strip_prefix(b"n")
                && prefixes.iter().any(|p| path.starts_with(p))
            {
                found.insert(path.to_vec());
            }
        }
    }
    found
}

#[cfg(target_os = "linux")]
mod linux {
    //! `/proc` as a list of what is in use.
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::ffi::OsStringExt;
    use std::path::Path;

    pub(super) fn paths_in_use(prefixes: &[&[u8]]) -> BTreeSet<Vec<u8>> {
        let mut found = BTreeSet::new();
        // Processes come and go while we read: whatever fails is left out.
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = process.file_name();
            if !name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
                continue;
            }
            let dir = process.path();
            link(&dir.join("exe"), prefixes, &mut found);
            link(&dir.join("cwd"), prefixes, &mut found);
            for fd in fs::read_dir(dir.join("fd")).into_iter().flatten().flatten() {
                link(&fd.path(), prefixes, &mut found);
            }
            for file in ["maps", "environ"] {
                if let Ok(text) = fs::read(dir.join(file)) {
                    scan(&text, prefixes, &mut found);
                }
            }
        }
        for setting in ["modprobe", "fbsplash", "poweroff_cmd"] {
            if let Ok(text) = fs::read(Path::new("/proc/sys/kernel").join(setting)) {
                scan(&text, prefixes, &mut found);
            }
        }
        found
    }

    fn link(path: &Path, prefixes: &[&[u8]], found: &mut BTreeSet<Vec<u8>>) {
        if let Ok(target) = fs::read_link(path) {
            let target = target.into_os_string().into_vec();
            if prefixes.iter().any(|p| target.starts_with(p)) {
                found.insert(target);
            }
        }
    }

    /// Every occurrence of a prefix, up to the first byte that no store path has.
    fn scan(text: &[u8], prefixes: &[&[u8]], found: &mut BTreeSet<Vec<u8>>) {
        for prefix in prefixes {
            for start in bstr::ByteSlice::find_iter(text, *prefix) {
                let tail = text.get(start + prefix.len()..).unwrap_or_default();
                let len = tail
                    .iter()
                    .position(|b| !b.is_ascii_alphanumeric() && !b"+-._?=".contains(b))
                    .unwrap_or(tail.len());
                if let Some(path) = text.get(start..start + prefix.len() + len) {
                    found.insert(path.to_vec());
                }
            }
        }
    }
}
