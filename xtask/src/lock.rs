//! `builders/builders.lock`: the sha256 of every builder, in the format of `sha256sum`.
//!
//! A derivation's output paths depend on its builder's bytes, so a builder that compiles to
//! other bytes elsewhere would make other store paths there. The lock makes that visible.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// File name of a builder (`text.wasm`) to its sha256 in base 16.
pub type Lock = BTreeMap<String, String>;

/// Hashes every `*.wasm` in a folder.
pub fn of_folder(folder: &Path) -> Result<Lock> {
    let mut lock = Lock::new();
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?
    {
        let path = entry?.path();
        let Some(name) = path
            .file_name()
            .and_then(|n| n.to_str())
            .filter(|n| n.ends_with(".wasm"))
        else {
            continue;
        };
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let digest: String = Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        lock.insert(name.to_owned(), digest);
    }
    Ok(lock)
}

/// Reads a lock file: lines of `HEX  NAME`; `#` begins a comment.
pub fn read(file: &Path) -> Result<Lock> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let mut lock = Lock::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once("  ") {
            Some((digest, name)) if digest.len() == 64 => {
                lock.insert(name.to_owned(), digest.to_owned())
            }
            _ => bail!(
                "{}:{}: expected `SHA256  NAME`, found `{line}`",
                file.display(),
                number + 1
            ),
        };
    }
    Ok(lock)
}

/// Writes a lock file.
pub fn write(file: &Path, lock: &Lock) -> Result<()> {
    let mut text = String::from(
        "# sha256 of every builder as the pinned compiler makes it; written by `cargo xtask builders --update`.\n",
    );
    for (name, digest) in lock {
        text.push_str(&format!("{digest}  {name}\n"));
    }
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

/// One line for each builder that differs, empty when both are equal.
pub fn differences(expected: &Lock, found: &Lock) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    let text = |lock: &Lock, name: &str| lock.get(name).cloned().unwrap_or_else(|| "absent".into());
    names
        .into_iter()
        .filter(|name| expected.get(*name) != found.get(*name))
        .map(|name| {
            format!(
                "{name}: expected {}, found {}",
                text(expected, name),
                text(found, name)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_what_changed_appeared_and_vanished() {
        let lock = |items: &[(&str, &str)]| {
            items
                .iter()
                .map(|(n, d)| (n.to_string(), d.to_string()))
                .collect()
        };
        let old: Lock = lock(&[("a", "1"), ("b", "2")]);
        let new: Lock = lock(&[("a", "1"), ("b", "3"), ("c", "4")]);
        assert_eq!(differences(&old, &old), Vec::<String>::new());
        assert_eq!(
            differences(&old, &new),
            ["b: expected 2, found 3", "c: expected absent, found 4"]
        );
    }
}
