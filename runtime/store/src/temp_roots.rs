//! Temporary roots: what this process uses and no garbage collector may take.
//!
//! Contract, from Nix's `gc.cc`: the file `temproots/PID`, locked exclusively for the
//! life of the process, holds absolute store paths, each ended by a zero byte. A root is
//! written under a shared `gc.lock`; when a collector holds that lock, the root is sent
//! to the collector's socket and acknowledged before it is written. So all handles on
//! one store in a process share one file; it goes when the last of them does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasibuild_nix_compat::store_path::StorePath;

use crate::error::{Context, Result};
use crate::gc_socket;
use crate::layout::Layout;
use crate::lock_file::{self, Kind};

/// The files of this process by their path.
static FILES: Mutex<BTreeMap<PathBuf, Shared>> = Mutex::new(BTreeMap::new());

/// A file of this process and the number of its handles.
type Shared = (usize, Arc<Mutex<State>>);

/// A handle on the temporary roots of this process in one store.
#[derive(Debug)]
pub(crate) struct TempRoots {
    path: PathBuf,
    gc_lock: PathBuf,
    socket: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    held: BTreeSet<StorePath>,
    collector: Option<UnixStream>,
}

impl TempRoots {
    pub(crate) fn new(layout: &Layout) -> Self {
        let path = layout.temp_roots.join(std::process::id().to_string());
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, state) = files.entry(path.clone()).or_default();
        *count += 1;
        TempRoots {
            path,
            gc_lock: gc_lock_path(layout),
            socket: gc_socket::path(layout),
            state: Arc::clone(state),
        }
    }

    /// Protects the paths, valid or not yet, as long as a handle exists.
    pub(crate) fn add<'a>(&self, paths: impl IntoIterator<Item = &'a StorePath>) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let new: BTreeSet<&StorePath> = paths
            .into_iter()
            .filter(|path| !state.held.contains(*path))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        if state.file.is_none() {
            state.file = Some(self.create()?);
        }
        let gc_lock = lock_file::open(&self.gc_lock)?;
        if !lock_file::try_lock(&gc_lock, Kind::Shared, &self.gc_lock)? {
            self.tell_collector(&mut state.collector, &gc_lock, &new)?;
        }
        let mut text = Vec::new();
        for path in &new {
            text.extend_from_slice(path.to_absolute_path().as_bytes());
            text.push(0);
        }
        if let Some(file) = &mut state.file {
            file.write_all(&text)
                .context("write the temporary roots", &self.path)?;
        }
        state.held.extend(new.into_iter().cloned());
        Ok(())
    }

    /// Protects nothing any more, for all handles of this process.
    pub(crate) fn release(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        state.held.clear();
        state.collector = None;
        // Removed while it is locked, so that a collector finds it locked or not at all.
        if state.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
        state.file = None;
    }

    /// Makes this process' file. One of that name is a dead process': nobody else has
    /// our number. A collector may remove ours before we lock it: then once more.
    fn create(&self) -> Result<File> {
        loop {
            match fs::remove_file(&self.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(e).context("remove the stale temporary roots", &self.path);
                }
                _ => {}
            }
            let file = lock_file::open(&self.path)?;
            lock_file::lock(&file, Kind::Exclusive, &self.path)?;
            if !lock_file::is_stale(&file, &self.path)? {
                return Ok(file);
            }
        }
    }

    /// Sends the roots to the collector that runs, until it knows them or has ended (in
    /// that case the shared lock is held at the return).
    fn tell_collector(
        &self,
        connection: &mut Option<UnixStream>,
        gc_lock: &File,
        paths: &BTreeSet<&StorePath>,
    ) -> Result<()> {
        loop {
            match self.send(connection, paths) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::debug!(%error, "the collector does not answer, or not yet");
                    *connection = None;
                }
            }
            if lock_file::try_lock(gc_lock, Kind::Shared, &self.gc_lock)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn send(
        &self,
        connection: &mut Option<UnixStream>,
        paths: &BTreeSet<&StorePath>,
    ) -> io::Result<()> {
        let stream = match connection {
            Some(stream) => stream,
            None => connection.insert(gc_socket::connect(&self.socket)?),
        };
        for path in paths {
            stream.write_all(format!("{}\n", path.to_absolute_path()).as_bytes())?;
            let mut answer = [0];
            stream.read_exact(&mut answer)?;
            if answer != *b"1" {
                return Err(io::Error::other("the collector's answer is not '1'"));
            }
        }
        Ok(())
    }
}

impl Drop for TempRoots {
    fn drop(&mut self) {
        // Under the table's mutex, so that no other thread makes the file anew meanwhile.
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = files.get_mut(&self.path) {
            *count -= 1;
            if *count == 0 {
                files.remove(&self.path);
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                if state.file.take().is_some() {
                    let _ = fs::remove_file(&self.path);
                }
            }
        }
    }
}

/// Nix's global lock: shared by who adds a root, exclusive for a collector.
pub(crate) fn gc_lock_path(layout: &Layout) -> PathBuf {
    layout.state.join("gc.lock")
}

/// The temporary roots of all living processes, with the name of each one's file. The
/// files of dead ones are removed.
pub(crate) fn read_all(dir: &Path) -> Result<Vec<(StorePath, String)>> {
    let mut roots = Vec::new();
    for entry in fs::read_dir(dir).context("list", dir)? {
        let entry = entry.context("list", dir)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let mut file = match fs::OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e).context("open the temporary roots", &path),
        };
        if lock_file::try_lock(&file, Kind::Exclusive, &path)? {
            lock_file::remove(&file, &path);
            continue;
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)
            .context("read the temporary roots", &path)?;
        // A last root without its zero byte is being written: its owner waits for us.
        let complete = text.iter().rposition(|&b| b == 0).map_or(0, |end| end + 1);
        for root in text.get(..complete).unwrap_or_default().split(|&b| b == 0) {
            if let Ok(path) = StorePath::from_absolute_path(root) {
                roots.push((path, name.clone()));
            }
        }
    }
    Ok(roots)
}
