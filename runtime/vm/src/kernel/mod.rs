//! A kernel for the guest, from where the user has one.
//!
//! Contract: [`install`] reads a Debian package, the `/boot` and `/lib/modules` of a system, or a
//! kernel of Nix, and keeps what a machine needs in a directory of its own: the kernel, its release,
//! the modules, decompressed, in the order in which they are loaded, and how a store can be shown with
//! them. [`Kernel::open`] gives it back. Which modules those are follows from what the modules say of themselves (`depends=` in
//! `.modinfo`), not from `modules.dep`, which a package does not have before it is installed.

mod deb;
mod decompress;
mod direct;
mod find;
mod module;
mod tar;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{KernelError, io};
use crate::{Architecture, Share};

pub use find::Source;

/// What a machine needs, by the names of modules, beside one of the ways to show a store ([`Share`]).
const NEEDED: [&str; 2] = ["virtio_mmio", "virtio_console"];
/// What it can do without.
const WANTED: [&str; 4] = ["virtio_blk", "virtio_net", "virtio_balloon", "virtio_rng"];

/// A kernel, ready to boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Its image.
    pub image: PathBuf,
    /// Its release, as `uname -r` prints it.
    pub release: String,
    /// What it is for.
    pub architecture: Architecture,
    /// Names and files of its modules, in order.
    pub modules: Vec<(String, PathBuf)>,
    /// How a store can be shown with it, and the modules that only this needs.
    pub shares: BTreeMap<Share, Vec<String>>,
}

const IMAGE: &str = "kernel";
const RELEASE: &str = "release";
const MODULES: &str = "modules";
const SHARES: &str = "shares";

impl Kernel {
    /// The kernel that [`install`] kept in `directory`.
    ///
    /// # Errors
    /// When none was, or it is damaged.
    pub fn open(directory: &Path, architecture: Architecture) -> Result<Self, KernelError> {
        let release = match fs::read_to_string(directory.join(RELEASE)) {
            Ok(text) => text.trim_end().to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(KernelError::None { architecture });
            }
            Err(error) => return Err(io("read", &directory.join(RELEASE))(error).into()),
        };
        let mut modules = Vec::new();
        let folder = directory.join(MODULES);
        for entry in fs::read_dir(&folder).map_err(io("list", &folder))? {
            let path = entry.map_err(io("list", &folder))?.path();
            let stem = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            modules.push((stem, path));
        }
        modules.sort();
        let modules = modules
            .into_iter()
            .map(|(stem, path)| {
                let name = stem.split_once('-').map_or(stem.as_str(), |(_, name)| name);
                (name.to_owned(), path)
            })
            .collect();
        Ok(Kernel {
            image: directory.join(IMAGE),
            release,
            architecture,
            modules,
            shares: shares(directory)?,
        })
    }

    /// How a store is shown: as demanded, or the best way that there is.
    ///
    /// # Errors
    /// When the kernel does not have what is demanded.
    pub fn share(&self, demanded: Option<Share>) -> Result<Share, KernelError> {
        let release = || self.release.clone();
        match demanded {
            Some(share) if self.shares.contains_key(&share) => Ok(share),
            Some(share) => Err(KernelError::OtherShare {
                release: release(),
                share,
            }),
            None => {
                let best = self.shares.keys().next().copied();
                best.ok_or_else(|| KernelError::NoShare { release: release() })
            }
        }
    }

    /// The modules' bytes, for an initramfs, without those for another way to show a store.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read_modules(&self, share: Share) -> Result<Vec<(String, Vec<u8>)>, KernelError> {
        let is_of = |of: &Share, name: &String| {
            let names = self.shares.get(of);
            names.is_some_and(|names| names.contains(name))
        };
        let idle =
            |name: &String| !is_of(&share, name) && Share::ALL.iter().any(|of| is_of(of, name));
        self.modules
            .iter()
            .filter(|(name, _)| !idle(name))
            .map(|(name, path)| {
                let bytes = fs::read(path).map_err(io("read", path))?;
                Ok((name.clone(), bytes))
            })
            .collect()
    }
}

/// What [`install`] noted of the ways to show a store: a line for each, with its modules.
fn shares(directory: &Path) -> Result<BTreeMap<Share, Vec<String>>, KernelError> {
    let path = directory.join(SHARES);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        // Taken by a version that knew 9p alone.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Share::NineP.name().to_owned()
        }
        Err(error) => return Err(io("read", &path)(error).into()),
    };
    let ways = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let share = Share::of_name(words.next()?)?;
        Some((share, words.map(ToOwned::to_owned).collect()))
    });
    Ok(ways.collect())
}

/// Takes a kernel from `from` and keeps it in the directory that `place` gives for its architecture,
/// instead of one that was there.
///
/// # Errors
/// When there is no kernel, or it cannot do what a machine needs.
pub fn install(
    from: &Path,
    place: impl FnOnce(Architecture) -> PathBuf,
) -> Result<Kernel, KernelError> {
    install_with(from, &[], place)
}

/// The same, with modules beside those of a build machine, as far as the kernel has them.
///
/// # Errors
/// As [`install`].
pub fn install_with(
    from: &Path,
    more: &[&str],
    place: impl FnOnce(Architecture) -> PathBuf,
) -> Result<Kernel, KernelError> {
    let temporary = std::env::temp_dir();
    let work = tempfile::tempdir().map_err(io("make a directory in", &temporary))?;
    let source = find::find(from, work.path())?;
    let image = fs::read(&source.image).map_err(io("read", &source.image))?;
    let architecture = find::architecture_of(&image, &source)?;
    let picked = module::pick(&source, architecture, &NEEDED, &[&WANTED, more].concat())?;

    let directory = place(architecture);
    let directory = directory.as_path();
    let parent = directory.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io("make", parent))?;
    let new = tempfile::tempdir_in(parent).map_err(io("make a directory in", parent))?;
    let write = |name: &str, bytes: &[u8]| -> Result<(), KernelError> {
        let path = new.path().join(name);
        let mut file = fs::File::create(&path).map_err(io("write", &path))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(io("write", &path))?;
        Ok(())
    };
    fs::create_dir(new.path().join(MODULES)).map_err(io("make a directory in", new.path()))?;
    write(IMAGE, direct::kernel(&image).as_ref().unwrap_or(&image))?;
    for (place, (name, bytes)) in picked.modules.iter().enumerate() {
        write(&format!("{MODULES}/{place:03}-{name}.ko"), bytes)?;
    }
    let lines = picked.shares.iter().map(|(share, names)| {
        let words = names.iter().map(String::as_str);
        let words: Vec<&str> = std::iter::once(share.name()).chain(words).collect();
        format!("{}\n", words.join(" "))
    });
    write(SHARES, lines.collect::<String>().as_bytes())?;
    // Last: what it is there by.
    write(RELEASE, source.release.as_bytes())?;
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(io("remove", directory))?;
    }
    let new = new.keep();
    fs::rename(&new, directory).map_err(io("make", directory))?;
    Kernel::open(directory, architecture)
}
