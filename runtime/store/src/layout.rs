//! Where everything lies under the root of the store, and its making on first use.
//!
//! Contract: the same directories as Nix makes for `--store ROOT` (a chroot store:
//! `ROOT/nix/store` is shown to programs as `/nix/store`). Making them is idempotent and
//! safe against a second process that does the same. What exists is left as it is.
//! Ours alone is `ROOT/nix/var/wasibuild`: the signing key and temporary files.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Context, Result};
use crate::platform;

/// The size of `db/reserved` (Nix's `gc-reserved-space`): given back to the disk before
/// a garbage collection, so that the database can be written on a full disk.
const RESERVED_BYTES: u64 = 8 * 1024 * 1024;

/// The places of one store.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The root, absolute and without symbolic links (Nix refuses those).
    pub(crate) root: PathBuf,
    /// `ROOT/nix/store`.
    pub(crate) store: PathBuf,
    /// `ROOT/nix/store/.links`, where Nix keeps one hard link for each file it optimised.
    pub(crate) links: PathBuf,
    /// `ROOT/nix/var/nix`, Nix's state directory.
    pub(crate) state: PathBuf,
    /// `ROOT/nix/var/nix/db`.
    pub(crate) db: PathBuf,
    /// `ROOT/nix/var/nix/temproots`.
    pub(crate) temp_roots: PathBuf,
    /// `ROOT/nix/var/nix/gcroots`.
    pub(crate) gc_roots: PathBuf,
    /// `ROOT/nix/var/nix/profiles`.
    pub(crate) profiles: PathBuf,
    /// `ROOT/nix/var/log/nix/drvs`.
    pub(crate) logs: PathBuf,
    /// `ROOT/nix/var/wasibuild`.
    pub(crate) own: PathBuf,
}

impl Layout {
    /// Makes what is missing under `root` and returns the places.
    pub(crate) fn create(root: &Path) -> Result<Self> {
        make_dirs(root)?;
        let root = fs::canonicalize(root).context("resolve the store's root", root)?;
        let layout = Self::at(root);
        for dir in [
            &layout.store,
            &layout.links,
            &layout.profiles,
            &layout.temp_roots,
            &layout.db,
            &layout.own,
        ] {
            make_dirs(dir)?;
        }
        if !layout.gc_roots.exists() {
            make_dirs(&layout.gc_roots)?;
        }
        // Relative, unlike Nix's, so that the store can be moved. (The collector reads the
        // profiles directly; the link is for people.)
        let profiles_link = layout.gc_roots.join("profiles");
        match std::os::unix::fs::symlink("../profiles", &profiles_link) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                Err(e).context("make the link", &profiles_link)?;
            }
            _ => {}
        }
        layout.reserve();
        Ok(layout)
    }

    fn at(root: PathBuf) -> Self {
        let store = root.join("nix/store");
        let state = root.join("nix/var/nix");
        Layout {
            links: store.join(".links"),
            store,
            db: state.join("db"),
            temp_roots: state.join("temproots"),
            gc_roots: state.join("gcroots"),
            profiles: state.join("profiles"),
            state,
            logs: root.join("nix/var/log/nix/drvs"),
            own: root.join("nix/var/wasibuild"),
            root,
        }
    }

    fn reserved(&self) -> PathBuf {
        self.db.join("reserved")
    }

    /// Makes `db/reserved`. As in Nix a failure does not matter: it is a precaution.
    pub(crate) fn reserve(&self) {
        let path = self.reserved();
        if fs::metadata(&path).is_ok_and(|m| m.len() == RESERVED_BYTES) {
            return;
        }
        let result = (|| {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)?;
            if !platform::reserve_space(&file, RESERVED_BYTES) {
                let block = [b'X'; 65536];
                for _ in 0..RESERVED_BYTES / block.len() as u64 {
                    file.write_all(&block)?;
                }
            }
            file.set_len(RESERVED_BYTES)
        })();
        if let Err(error) = result {
            // Half of it would be made anew at each opening, on a disk that is full.
            tracing::debug!(path = %path.display(), %error, "cannot reserve space");
            let _ = fs::remove_file(&path);
        }
    }

    /// Gives the reserved space back to the disk.
    pub(crate) fn release_reserve(&self) {
        let _ = fs::remove_file(self.reserved());
    }
}

/// `mkdir -p` with mode 755 for what is made, whatever the umask.
pub(crate) fn make_dirs(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut missing = vec![path];
    let mut parent = path.parent();
    while let Some(dir) = parent.filter(|d| !d.as_os_str().is_empty() && !d.is_dir()) {
        missing.push(dir);
        parent = dir.parent();
    }
    for dir in missing.into_iter().rev() {
        match fs::DirBuilder::new().mode(0o755).create(dir) {
            Ok(()) => fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
                .context("set the mode of the directory", dir)?,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
            Err(e) => Err(e).context("make the directory", dir)?,
        }
    }
    Ok(())
}
