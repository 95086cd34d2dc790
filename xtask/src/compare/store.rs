//! A directory of store objects without a database: what is in it, and what that refers to.
//!
//! Contract: references are found by scanning for the hash parts of everything that is in the store, as
//! Nix finds them after a build.

use anyhow::{Context, Result};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use wasibuild_nix_compat::export::Writer;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::refscan::{CandidateSet, scan};
use wasibuild_nix_compat::store_path::StorePath;

use super::tree;

/// The objects in `ROOT/nix/store`.
pub struct Store {
    root: PathBuf,
    /// What some of them are to the other side of the comparison, where that differs from the disk.
    pub seen: BTreeMap<StorePath, FileSystemObject>,
    infos: RefCell<BTreeMap<StorePath, PathInfo>>,
}

impl Store {
    /// An empty store.
    pub fn new(root: &Path) -> Result<Self> {
        tree::fresh(root)?;
        fs::create_dir_all(root.join("nix/store"))?;
        Ok(Self {
            root: root.to_owned(),
            seen: BTreeMap::new(),
            infos: RefCell::default(),
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where an object lies.
    pub fn place(&self, path: &StorePath) -> PathBuf {
        self.root.join("nix/store").join(path.basename())
    }

    pub fn add(&self, path: &StorePath, object: &FileSystemObject) -> Result<()> {
        tree::remove(&self.place(path))?;
        tree::write(object, &self.place(path))
    }

    /// An object as the other side sees it.
    pub fn object(&self, path: &StorePath) -> Result<FileSystemObject> {
        match self.seen.get(path) {
            Some(object) => Ok(object.clone()),
            None => tree::read(&self.place(path)),
        }
    }

    /// Hash, size and references of an object.
    pub fn info(&self, path: &StorePath) -> Result<PathInfo> {
        if let Some(info) = self.infos.borrow().get(path) {
            return Ok(info.clone());
        }
        let mut candidates = BTreeSet::new();
        for entry in fs::read_dir(self.root.join("nix/store"))? {
            use std::os::unix::ffi::OsStrExt;
            candidates.extend(StorePath::from_basename(entry?.file_name().as_bytes()));
        }
        let scanned = scan(&self.object(path)?, &CandidateSet::new(&candidates))
            .with_context(|| format!("hashing {}", path.basename()))?;
        let mut info = PathInfo::new(path.clone(), scanned.nar_hash, scanned.nar_size);
        info.references = scanned.references;
        self.infos.borrow_mut().insert(path.clone(), info.clone());
        Ok(info)
    }

    /// Everything that these refer to, and they themselves.
    pub fn closure(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>> {
        let mut closure = BTreeSet::new();
        let mut left: Vec<_> = paths.iter().cloned().collect();
        while let Some(path) = left.pop() {
            if closure.insert(path.clone()) {
                left.extend(self.info(&path)?.references);
            }
        }
        Ok(closure)
    }

    /// Writes the closure of some objects in the format of `nix-store --export`.
    pub fn export(&self, paths: &BTreeSet<StorePath>, file: &Path) -> Result<()> {
        let out = fs::File::create(file).with_context(|| format!("writing {}", file.display()))?;
        let mut writer = Writer::new(std::io::BufWriter::new(out));
        let mut written = BTreeSet::new();
        let mut open: Vec<(StorePath, Vec<StorePath>)> = Vec::new();
        // References first, as an import wants them.
        for path in paths {
            open.push((path.clone(), self.others(path)?));
            let mut waiting = BTreeSet::from([path.clone()]);
            while let Some((path, references)) = open.last_mut() {
                match references.pop() {
                    Some(next) if !written.contains(&next) && waiting.insert(next.clone()) => {
                        let references = self.others(&next)?;
                        open.push((next, references));
                    }
                    Some(_) => {}
                    None => {
                        if written.insert(path.clone()) {
                            let object = self.object(path)?;
                            writer.object(&self.info(path)?, |sink| object.write_nar(sink))?;
                        }
                        open.pop();
                    }
                }
            }
        }
        use std::io::Write;
        writer.finish()?.flush()?;
        Ok(())
    }

    fn others(&self, path: &StorePath) -> Result<Vec<StorePath>> {
        let mut references = self.info(path)?.references;
        references.remove(path);
        Ok(references.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_exported_first() -> Result<()> {
        let place = tempfile::tempdir()?;
        let store = Store::new(&place.path().join("root"))?;
        let path = |digit: u8, name: &str| StorePath::from_digest(&[digit; 20], name);
        let (user, used) = (path(1, "user")?, path(2, "used")?);
        let text = format!("see {}\n", used.to_absolute_path());
        store.add(&user, &FileSystemObject::file(text.into_bytes()))?;
        store.add(&used, &FileSystemObject::file("nothing\n"))?;
        assert_eq!(
            store.info(&user)?.references,
            BTreeSet::from([used.clone()])
        );
        assert_eq!(store.closure(&BTreeSet::from([user.clone()]))?.len(), 2);

        let file = place.path().join("export");
        store.export(&BTreeSet::from([user.clone()]), &file)?;
        let text = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
        let at = |what: &str| text.find(what).unwrap_or(usize::MAX);
        assert!(at("nothing") < at("see "), "{text}");
        Ok(())
    }
}
