//! Build logs, where Nix keeps them: `ROOT/nix/var/log/nix/drvs/ab/cd…-NAME.drv`.
//!
//! Contract: written as they come and uncompressed, which `nix log` and `nix-store --log`
//! read too. Logs that Nix compressed (`.bz2`) are named, not read.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::store_path::StorePath;

use crate::Store;
use crate::error::{Context, Error, Result};
use crate::layout::make_dirs;

/// A log that is being written; each write goes to the file at once.
#[derive(Debug)]
pub struct BuildLogWriter {
    file: File,
    path: PathBuf,
}

impl BuildLogWriter {
    /// The log's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for BuildLogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Store {
    /// Where the log of a derivation lies.
    pub fn build_log_path(&self, drv: &StorePath) -> PathBuf {
        let (dir, rest) = drv
            .basename()
            .split_at_checked(2)
            .unwrap_or(("", drv.basename()));
        self.layout().logs.join(dir).join(rest)
    }

    /// Begins the log of a build; an older one is replaced.
    pub fn create_build_log(&self, drv: &StorePath) -> Result<BuildLogWriter> {
        let path = self.build_log_path(drv);
        if let Some(dir) = path.parent() {
            self.explain(make_dirs(dir))?;
        }
        let file = File::create(&path).context("write the build log", &path)?;
        Ok(BuildLogWriter { file, path })
    }

    /// Opens the log of a derivation, or of the derivation that made a path; none if there
    /// is no log. A log that Nix compressed gives [`Error::CompressedLog`].
    pub fn open_build_log(&self, path: &StorePath) -> Result<Option<File>> {
        let drv = match path.is_derivation() {
            true => path.clone(),
            false => match self.query_deriver(path)? {
                Some(drv) => drv,
                None => return Ok(None),
            },
        };
        let place = self.build_log_path(&drv);
        match File::open(&place) {
            Ok(file) => return Ok(Some(file)),
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(e).context("open the build log", &place);
            }
            Err(_) => {}
        }
        let mut compressed = place.into_os_string();
        compressed.push(".bz2");
        let compressed = PathBuf::from(compressed);
        match compressed.exists() {
            true => Err(Error::CompressedLog { path: compressed }),
            false => Ok(None),
        }
    }
}
