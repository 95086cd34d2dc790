//! Which modules are needed, and in which order.
//!
//! Contract: a module is preceded by those that it depends on, as its own `.modinfo` says
//! (`depends=a,b`, Documentation/kbuild/modules.rst). What is in the kernel's image needs no module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Source;
use super::{decompress, find};
use crate::error::{KernelError, io};
use crate::{Architecture, Share};

/// The largest module, decompressed.
const MAX_MODULE: u64 = 256 << 20;

/// What was picked.
#[derive(Debug)]
pub struct Picked {
    /// The modules' names and bytes, in the order in which they are loaded.
    pub modules: Vec<(String, Vec<u8>)>,
    /// How a store can be shown with them, and the modules that only this needs.
    pub shares: BTreeMap<Share, Vec<String>>,
}

/// Picks modules, and those for every way to show a store that the kernel has.
///
/// # Errors
/// When one of `needed` is neither a module nor in the image, one cannot be read, or no store can be shown.
pub fn pick(
    source: &Source,
    architecture: Architecture,
    needed: &[&str],
    wanted: &[&str],
) -> Result<Picked, KernelError> {
    let mut picking = Picking {
        source,
        architecture,
        files: find::module_files(&source.modules)?,
        built_in: find::built_in(&source.modules)?,
        picked: Vec::new(),
        seen: BTreeSet::new(),
    };
    for name in needed {
        picking.need(name)?;
    }
    for name in wanted {
        picking.add(name)?;
    }
    let common = picking.seen.clone();
    let mut shares = BTreeMap::new();
    let mut picked = std::mem::take(&mut picking.picked);
    for share in Share::ALL {
        // Each as if it were the only one, so that it can be: both may depend on the same module.
        picking.seen.clone_from(&common);
        let names = share.modules();
        let missing = names.iter().try_for_each(|name| picking.need(name));
        let own = std::mem::take(&mut picking.picked);
        match missing {
            Ok(()) => {}
            Err(KernelError::MissingModule { .. }) => continue,
            Err(error) => return Err(error),
        }
        let names = own.iter().map(|(name, _)| name.clone()).collect();
        shares.insert(share, names);
        for (name, bytes) in own {
            if !picked.iter().any(|(there, _)| *there == name) {
                picked.push((name, bytes));
            }
        }
    }
    if shares.is_empty() {
        return Err(KernelError::NoShare {
            release: source.release.clone(),
        });
    }
    Ok(Picked {
        modules: picked,
        shares,
    })
}

struct Picking<'a> {
    source: &'a Source,
    architecture: Architecture,
    files: BTreeMap<String, PathBuf>,
    built_in: BTreeSet<String>,
    picked: Vec<(String, Vec<u8>)>,
    seen: BTreeSet<String>,
}

impl Picking<'_> {
    /// Adds a module without which nothing works.
    fn need(&mut self, name: &str) -> Result<(), KernelError> {
        if !self.files.contains_key(name) && !self.built_in.contains(name) {
            return Err(KernelError::MissingModule {
                release: self.source.release.clone(),
                module: name.to_owned(),
            });
        }
        self.add(name)
    }

    /// Adds a module after what it depends on. Not recursive: modules are a stranger's.
    fn add(&mut self, name: &str) -> Result<(), KernelError> {
        // A module, and once it was opened its bytes and what it still waits for.
        let mut open: Vec<(String, Vec<u8>, Vec<String>)> = Vec::new();
        let mut next = Some(name.to_owned());
        loop {
            if let Some(name) = next.take()
                && self.seen.insert(name.clone())
                && let Some(path) = self.files.get(&name)
            {
                let bytes = decompress::all(find::open(path)?, MAX_MODULE)
                    .map_err(io("decompress", path))?;
                let depends = dependencies(&bytes, self.architecture).map_err(|problem| {
                    KernelError::BadModule {
                        path: path.clone(),
                        problem,
                    }
                })?;
                open.push((name, bytes, depends));
            }
            let Some((_, _, depends)) = open.last_mut() else {
                return Ok(());
            };
            if let Some(dependency) = depends.pop() {
                if !self.files.contains_key(&dependency) && !self.built_in.contains(&dependency) {
                    return Err(KernelError::MissingModule {
                        release: self.source.release.clone(),
                        module: dependency,
                    });
                }
                next = Some(dependency);
            } else if let Some((name, bytes, _)) = open.pop() {
                self.picked.push((name, bytes));
            }
        }
    }
}

/// What a module says that it depends on, last first.
fn dependencies(module: &[u8], architecture: Architecture) -> Result<Vec<String>, &'static str> {
    let info = section(module, architecture, b".modinfo")?;
    let mut names: Vec<String> = info
        .split(|&byte| byte == 0)
        .filter_map(|entry| entry.strip_prefix(b"depends="))
        .flat_map(|list| list.split(|&byte| byte == b','))
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).replace('-', "_"))
        .collect();
    names.reverse();
    Ok(names)
}

/// A section of a 64-bit little-endian ELF file, by its name.
fn section<'m>(
    module: &'m [u8],
    architecture: Architecture,
    name: &[u8],
) -> Result<&'m [u8], &'static str> {
    const CUT: &str = "it is cut off";
    let number = |at: usize, size: usize| -> Result<usize, &'static str> {
        let bytes = module.get(at..at.saturating_add(size)).ok_or(CUT)?;
        let mut wide = [0; 8];
        for (to, from) in wide.iter_mut().zip(bytes) {
            *to = *from;
        }
        usize::try_from(u64::from_le_bytes(wide)).map_err(|_| CUT)
    };
    if module.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err("it is no 64-bit ELF file");
    }
    if number(18, 2)? != usize::from(architecture.elf_machine()) {
        return Err("it is for another processor than the kernel's image");
    }
    let (table, size, count, names) = (
        number(40, 8)?,
        number(58, 2)?,
        number(60, 2)?,
        number(62, 2)?,
    );
    let header = |index: usize| table.saturating_add(index.saturating_mul(size));
    let content = |header: usize| -> Result<&'m [u8], &'static str> {
        let (start, length) = (
            number(header.saturating_add(24), 8)?,
            number(header.saturating_add(32), 8)?,
        );
        module.get(start..start.saturating_add(length)).ok_or(CUT)
    };
    let names = content(header(names))?;
    for index in 0..count {
        let found = names.get(number(header(index), 4)?..).ok_or(CUT)?;
        if found
            .strip_prefix(name)
            .is_some_and(|rest| rest.first() == Some(&0))
        {
            return content(header(index));
        }
    }
    Err("it has no section '.modinfo'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_of_a_stranger_do_no_harm(mut bytes in proptest::collection::vec(any::<u8>(), 64..400)) {
            bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            bytes[18..20].copy_from_slice(&62_u16.to_le_bytes());
            let _ = dependencies(&bytes, Architecture::X86_64);
        }
    }
}
