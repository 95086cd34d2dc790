//! Build logs, where Nix keeps them: `ROOT/nix/var/log/nix/drvs/ab/cd…-NAME.drv`.
//!
//! Contract: written as they come and uncompressed, which `nix log` and `nix-store --log`
//! read too. A build that prints nothing gets no file: most print nothing, and a file and
//! its directory take longer than they do. Logs that Nix compressed (`.bz2`) are named, not
//! read.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::store_path::StorePath;

use crate::Store;
use crate::error::{Context, Error, Result};
use crate::layout::make_dirs;

/// A log that is being written; each write goes to the file at once, the first makes it.
#[derive(Debug)]
pub struct BuildLogWriter {
    store: Store,
    file: Option<File>,
    path: PathBuf,
}

impl BuildLogWriter {
    /// The log's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, made now if nothing was written yet.
    fn file(&mut self) -> Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => {
                if let Some(dir) = self.path.parent() {
                    self.store.explain(make_dirs(dir))?;
                }
                let file = File::create(&self.path).context("write the build log", &self.path)?;
                Ok(none.insert(file))
            }
        }
    }
}

impl Write for BuildLogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().map_err(io::Error::other)?.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.flush(),
            None => Ok(()),
        }
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

    /// Begins the log of a build; an older one goes.
    pub fn create_build_log(&self, drv: &StorePath) -> Result<BuildLogWriter> {
        let path = self.build_log_path(drv);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(e).context("remove the older build log", &path)?;
            }
            _ => {}
        }
        Ok(BuildLogWriter {
            store: self.clone(),
            file: None,
            path,
        })
    }

    /// Makes the log of a build that failed without printing anything.
    pub fn create_empty_build_log(&self, drv: &StorePath) -> Result<()> {
        let path = self.build_log_path(drv);
        let mut log = BuildLogWriter {
            store: self.clone(),
            file: None,
            path,
        };
        match log.path.exists() {
            true => Ok(()),
            false => log.file().map(|_| ()),
        }
    }

    /// True if a derivation was built here (or gave a path that was), so that it has a log,
    /// which is empty if there is no file.
    pub fn was_built_here(&self, path: &StorePath) -> Result<bool> {
        let outputs: Vec<StorePath> = match path.is_derivation() {
            true => self.query_derivation_outputs(path)?.into_values().collect(),
            false => vec![path.clone()],
        };
        for output in outputs {
            if self.query_path_info(&output)?.is_some_and(|i| i.ultimate) {
                return Ok(true);
            }
        }
        Ok(false)
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
