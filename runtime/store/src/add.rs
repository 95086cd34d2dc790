//! Adding what was not built here: text, files of the host, archives.
//!
//! Contract: a path that is valid is left alone; else it is locked, written, checked and
//! registered, and on an error nothing of it stays. Counterpart: `addTextToStore`,
//! `addToStoreFromDump`, `addToStore` in `local-store.cc`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::hash::{NixHash, Sha256Writer, hash_reader, sha256};
use wasibuild_nix_compat::nar;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::{StorePath, build_ca_path, build_text_path};

use crate::Store;
use crate::error::{Context, Error, Result};
use crate::outputs::{OutputLocks, Written};
use crate::walk_tree::{NarSink, TreeSink, archive_error, causes, walk_tree};
use crate::write_tree::TreeWriter;

impl Store {
    /// Adds a text that may refer to other paths, such as a `.drv` (`builtins.toFile`).
    pub fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &BTreeSet<StorePath>,
    ) -> Result<StorePath> {
        let path = build_text_path(name, contents, references).map_err(|e| bad_name(name, &e))?;
        let object = FileSystemObject::file(contents.to_vec());
        let (hash, size) = object.nar_hash().map_err(archive_error)?;
        let mut info = PathInfo::new(path.clone(), hash, size);
        info.references = references.clone();
        info.ca = Some(ContentAddress {
            method: CaMethod::Text,
            hash: NixHash::sha256(sha256(contents)),
        });
        self.add(info, None, |writer| writer.object(&object))?;
        Ok(path)
    }

    /// Adds a tree that is in memory or spilled. Its content address, if it has one, must lead to
    /// the path, and the references must be valid. Its hash and size are computed here, so what is spilled must not
    /// change meanwhile (files of the host may: those go through [`add_nar`](Self::add_nar)).
    pub fn add_object(
        &self,
        path: &StorePath,
        object: &FileSystemObject,
        references: &BTreeSet<StorePath>,
        ca: Option<ContentAddress>,
    ) -> Result<()> {
        let (hash, size) = object.nar_hash().map_err(archive_error)?;
        let mut info = PathInfo::new(path.clone(), hash, size);
        info.references = references.clone();
        info.ca = ca;
        let expected = info.clone();
        self.add(info, None, |writer| {
            writer.object(object)?;
            self.check_content_address(&expected, writer.temporary())
        })
    }

    /// Adds a file or tree of the host as `nix-store --add` does: under its own name,
    /// recursive SHA-256, without references. Links are copied as links.
    pub fn add_path(&self, source: &Path) -> Result<StorePath> {
        let name = source.file_name().unwrap_or_default();
        let name = std::str::from_utf8(name.as_bytes())
            .map_err(|e| bad_name(&name.as_bytes().escape_ascii().to_string(), &e))?;
        self.add_path_as(source, name)
    }

    /// The same under another name.
    pub fn add_path_as(&self, source: &Path, name: &str) -> Result<StorePath> {
        // The path follows from the hash, and only a known path can be protected from a
        // collector: so the source is read twice, and must be the same both times.
        let (parent, file) = match (source.parent(), source.file_name()) {
            (Some(parent), Some(file)) if !parent.as_os_str().is_empty() => (parent, file),
            (_, Some(file)) => (Path::new("."), file),
            _ => (source, std::ffi::OsStr::new(".")),
        };
        // The source's directory may be a link; the source itself is copied as what it is.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(CWD, parent, flags, Mode::empty())
            .context("open the directory", parent)?;
        let walk = |sink: &mut dyn TreeSink| {
            walk_tree(
                std::os::fd::AsFd::as_fd(&dir),
                parent,
                file.as_bytes(),
                false,
                sink,
            )
        };
        let mut sink = NarSink::new(Sha256Writer::new());
        walk(&mut sink)?;
        let (hash, size) = sink.finish()?.finish();
        let ca = ContentAddress {
            method: CaMethod::Recursive,
            hash: NixHash::sha256(hash),
        };
        let path = build_ca_path(name, ca.method, &ca.hash, &BTreeSet::new(), false)
            .map_err(|e| bad_name(name, &e))?;
        let mut info = PathInfo::new(path.clone(), hash, size);
        info.ca = Some(ca);
        self.add(info, None, |writer| {
            let mut both = Both {
                nar: NarSink::new(Sha256Writer::new()),
                tree: writer,
            };
            walk(&mut both)?;
            match both.nar.finish()?.finish() {
                found if found == (hash, size) => Ok(()),
                _ => Err(Error::Changed {
                    path: source.to_owned(),
                }),
            }
        })?;
        Ok(path)
    }

    /// Adds a path from its NAR, which is streamed to the disk. Its hash and size, and its
    /// content address if it has one, must be those of `info`; the references must be
    /// valid. Reads exactly `info.nar_size` bytes at most. Whether `info` is to be
    /// believed (signatures) is the caller's question.
    pub fn add_nar(&self, info: PathInfo, reader: &mut dyn Read) -> Result<()> {
        self.add_archive(info, None, reader)
    }

    /// The same for a path whose lock the caller holds already, and which
    /// [`add_nar`](Self::add_nar) would therefore wait for without end.
    pub fn add_nar_locked(
        &self,
        locks: &OutputLocks,
        info: PathInfo,
        reader: &mut dyn Read,
    ) -> Result<()> {
        if !locks.covers(&info.path) {
            return Err(Error::NotLocked { path: info.path });
        }
        self.add_archive(info, Some(locks), reader)
    }

    fn add_archive(
        &self,
        info: PathInfo,
        locks: Option<&OutputLocks>,
        reader: &mut dyn Read,
    ) -> Result<()> {
        let expected = info.clone();
        self.add(info, locks, move |writer| {
            let mut hashing = Hashing {
                inner: reader.take(expected.nar_size),
                hash: Sha256Writer::new(),
                error: None,
            };
            let result = {
                let buffered = BufReader::with_capacity(64 * 1024, &mut hashing);
                let mut archive = nar::Reader::new(buffered);
                writer
                    .archive(&mut archive)
                    .and_then(|()| archive.finish().map(|_| ()).map_err(archive_error))
            };
            if let Some(error) = hashing.error {
                return Err(self.bad_archive(&expected.path, &error));
            }
            if let Err(Error::DiskFull { .. } | Error::ReadOnly { .. } | Error::Io { .. }) = result
            {
                return result;
            }
            // If bytes are missing or wrong, size and hash say it better than the place
            // at which the archive stopped to make sense.
            io::copy(&mut hashing, &mut io::sink())
                .map_err(|e| self.bad_archive(&expected.path, &e.to_string()))?;
            let (hash, size) = hashing.hash.finish();
            check("size", &expected.path, expected.nar_size, size)?;
            check(
                "hash",
                &expected.path,
                NixHash::sha256(expected.nar_hash).to_nix32(),
                NixHash::sha256(hash).to_nix32(),
            )?;
            result.map_err(|error| match error {
                Error::Archive { problem, .. } => self.bad_archive(&expected.path, &problem),
                other => other,
            })?;
            self.check_content_address(&expected, writer.temporary())
        })
    }

    fn bad_archive(&self, path: &StorePath, problem: &str) -> Error {
        Error::Archive {
            what: path.to_absolute_path(),
            problem: problem.to_owned(),
        }
    }

    /// Writes with `fill` and registers, unless the path is valid.
    fn add(
        &self,
        info: PathInfo,
        held: Option<&OutputLocks>,
        fill: impl FnOnce(&mut TreeWriter<'_>) -> Result<()>,
    ) -> Result<()> {
        let path = info.path.clone();
        self.add_temp_root(&path)?;
        if self.is_valid(&path)? {
            return Ok(());
        }
        let _locks = match held {
            Some(_) => None,
            None => Some(self.lock_outputs(std::slice::from_ref(&path), |_| {
                tracing::info!("waiting for the lock on '{path}'");
            })?),
        };
        if self.is_valid(&path)? {
            return Ok(());
        }
        for reference in &info.references {
            if *reference != path && !self.is_valid(reference)? {
                return Err(Error::InvalidReference {
                    path,
                    reference: reference.clone(),
                });
            }
        }
        self.add_temp_roots(&info.references)?;
        let mut writer = TreeWriter::new(self.target(), &path);
        self.explain(fill(&mut writer))?;
        let mut written = Written {
            store: self.clone(),
            names: vec![path.clone()],
        };
        self.explain(writer.finish(&path))?;
        let registration = self.registration(info)?;
        self.hooks()
            .pass("register a path", self.database().path())?;
        self.database().register(&[&registration])?;
        written.names.clear();
        self.hooks()
            .pass("after registration", self.database().path())
    }

    /// Checks that a path's content address follows from the tree `name`.
    fn check_content_address(&self, info: &PathInfo, name: &str) -> Result<()> {
        let Some(ca) = &info.ca else { return Ok(()) };
        let wrong = |problem: String| Error::ContentAddress {
            path: info.path.clone(),
            ca: ca.to_string(),
            problem,
        };
        let mut references = info.references.clone();
        if references.remove(&info.path) {
            return Err(wrong(
                "the path refers to itself; such content addresses are not supported".to_owned(),
            ));
        }
        let path = build_ca_path(info.path.name(), ca.method, &ca.hash, &references, false)
            .map_err(|e| wrong(causes(&e)))?;
        if path != info.path {
            return Err(wrong(format!(
                "a path with it would be '{}'",
                path.to_absolute_path()
            )));
        }
        let found = match ca.method {
            CaMethod::Recursive if ca.hash.as_sha256().is_some() => NixHash::sha256(info.nar_hash),
            CaMethod::Recursive => {
                let mut hash = wasibuild_nix_compat::hash::Hasher::new(ca.hash.algo());
                self.dump(name, &mut hash)?;
                hash.finish().0
            }
            CaMethod::Flat | CaMethod::Text => {
                let place = self.layout().store.join(name);
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let fd = rustix::fs::openat(self.dir(), name, flags, Mode::empty())
                    .context("open", &place)?;
                let mut file = File::from(fd);
                if !file
                    .metadata()
                    .context("read the state of", &place)?
                    .is_file()
                {
                    return Err(wrong("the path is not a single file".to_owned()));
                }
                hash_reader(ca.hash.algo(), &mut file)
                    .context("read", &place)?
                    .0
            }
        };
        check(
            "content address",
            &info.path,
            ca.hash.to_nix32(),
            found.to_nix32(),
        )
    }
}

fn bad_name(name: &str, error: &dyn std::error::Error) -> Error {
    Error::BadName {
        name: name.to_owned(),
        what: "the name of a store path",
        problem: causes(error),
    }
}

fn check<T: PartialEq + ToString>(
    what: &'static str,
    path: &StorePath,
    expected: T,
    found: T,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Mismatch {
        what,
        path: path.clone(),
        expected: expected.to_string(),
        found: found.to_string(),
    })
}

/// Hashes what is read through it, and remembers why the source failed.
struct Hashing<R> {
    inner: R,
    hash: Sha256Writer,
    error: Option<String>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        let count = read.inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.error = Some(error.to_string());
            }
        })?;
        self.hash
            .write_all(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

/// Writes a tree and its NAR at once, reading each file once.
struct Both<'a, 'w> {
    nar: NarSink<Sha256Writer>,
    tree: &'a mut TreeWriter<'w>,
}

impl TreeSink for Both<'_, '_> {
    fn directory(&mut self) -> Result<()> {
        self.nar.directory()?;
        self.tree.directory()
    }
    fn entry(&mut self, name: &[u8]) -> Result<()> {
        self.nar.entry(name)?;
        self.tree.entry(name)
    }
    fn end_directory(&mut self) -> Result<()> {
        self.nar.end_directory()?;
        self.tree.end_directory()
    }
    fn file(&mut self, executable: bool, size: u64, contents: &mut dyn Read) -> Result<()> {
        let file = self.tree.create_file(executable)?;
        let mut tee = Tee {
            contents,
            file: &file,
            error: None,
        };
        let result = self.nar.file(executable, size, &mut tee);
        if let Some(error) = tee.error {
            return Err(error).context_with("write", || self.tree.place());
        }
        result?;
        self.tree.end_file(&file, executable)
    }
    fn symlink(&mut self, target: &[u8]) -> Result<()> {
        self.nar.symlink(target)?;
        self.tree.symlink(target)
    }
}

/// Writes to the file what is read; keeps the error of writing apart from reading's.
struct Tee<'a> {
    contents: &'a mut dyn Read,
    file: &'a File,
    error: Option<io::Error>,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.contents.read(buffer)?;
        let chunk = buffer.get(..count).unwrap_or_default();
        if let Err(error) = self.file.write_all(chunk) {
            self.error = Some(error);
            return Err(io::Error::other("cannot write the copy"));
        }
        Ok(count)
    }
}
