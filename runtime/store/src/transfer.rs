//! Export and import in the format of `nix-store --export`.
//!
//! Contract: the closure rules are the caller's: exactly the given paths are exported,
//! those that are referred to first; an imported path is added only if what it refers to
//! is valid by then. The format carries no signatures. Counterpart: `export-import.cc`.

use std::collections::BTreeSet;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use wasibuild_nix_compat::export::{ExportError, Reader, Writer};
use wasibuild_nix_compat::nar::{self, NarError};
use wasibuild_nix_compat::store_path::StorePath;

use crate::Store;
use crate::error::{Context, Error, Result};
use crate::walk_tree::{archive_error, causes};

/// Archives up to this size are kept in memory while their path is not known.
const SPOOL_IN_MEMORY: usize = 1 << 20;

impl Store {
    /// Writes the paths as `nix-store --export` does. A path whose content is not what was
    /// registered is refused, so that damage does not spread.
    pub fn export(&self, paths: &BTreeSet<StorePath>, writer: &mut dyn Write) -> Result<()> {
        let mut infos = Vec::with_capacity(paths.len());
        for path in self.referrers_first(paths)?.iter().rev() {
            infos.push(
                self.query_path_info(path)?
                    .ok_or_else(|| self.not_valid(path))?,
            );
        }
        let mut export = Writer::new(BufWriter::with_capacity(64 * 1024, writer));
        for info in infos {
            let mut failed = None;
            let result = export.object(&info, |sink| {
                self.dump(info.path.basename(), sink).map_err(|error| {
                    failed = Some(error);
                    NarError::Misuse("the path cannot be read")
                })
            });
            match (failed, result) {
                (Some(error), _) => return self.explain(Err(error)),
                (
                    None,
                    Err(ExportError::Changed {
                        expected, found, ..
                    }),
                ) => {
                    return Err(Error::Modified {
                        path: info.path,
                        expected,
                        found,
                    });
                }
                (None, result) => result.map_err(|e| stream_error("write", e))?,
            }
        }
        let mut sink = export.finish().map_err(|e| stream_error("write", e))?;
        sink.flush().context("write", "the export stream")
    }

    /// Adds the paths of an export stream and returns them in its order. What came before
    /// an error stays added.
    pub fn import(&self, reader: &mut dyn Read) -> Result<Vec<StorePath>> {
        let mut import = Reader::new(BufReader::with_capacity(64 * 1024, reader));
        let mut added = Vec::new();
        while import.begin_object().map_err(|e| stream_error("read", e))? {
            // The path stands behind the archive, so that has to wait.
            let own = &self.layout().own;
            let spool = tempfile::spooled_tempfile_in(SPOOL_IN_MEMORY, own);
            let mut tee = Tee {
                source: import.nar(),
                spool: BufWriter::new(spool),
                error: None,
            };
            let read = read_archive(&mut tee);
            if let Some(error) = tee.error {
                return Err(error).context("write a temporary file in", own);
            }
            let spool = tee
                .spool
                .into_inner()
                .map_err(io::IntoInnerError::into_error);
            read?;
            let info = import.end_object().map_err(|e| stream_error("read", e))?;
            let mut spool = spool.context("write a temporary file in", own)?;
            spool.rewind().context("read a temporary file in", own)?;
            let path = info.path.clone();
            self.add_nar(info, &mut spool)?;
            added.push(path);
        }
        Ok(added)
    }
}

fn read_archive(source: &mut dyn Read) -> Result<()> {
    let mut archive = nar::Reader::new(source);
    while archive.next_event().map_err(archive_error)?.is_some() {}
    Ok(())
}

fn stream_error(action: &'static str, error: ExportError) -> Error {
    match error {
        ExportError::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            Error::io(action, "the export stream", source)
        }
        ExportError::Io(_) => Error::Archive {
            what: "an export stream".to_owned(),
            problem: "it ends too early; was it cut off?".to_owned(),
        },
        error => Error::Archive {
            what: "an export stream".to_owned(),
            problem: causes(&error),
        },
    }
}

/// Keeps what is read through it.
struct Tee<'a, W: Write> {
    source: &'a mut dyn Read,
    spool: BufWriter<W>,
    error: Option<io::Error>,
}

impl<W: Write> Read for Tee<'_, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        if let Err(error) = self
            .spool
            .write_all(buffer.get(..count).unwrap_or_default())
        {
            self.error = Some(error);
            return Err(io::Error::other("cannot keep the archive"));
        }
        Ok(count)
    }
}
