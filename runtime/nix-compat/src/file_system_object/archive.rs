//! Trees to NAR and back.
//!
//! Contract: neither direction recurses. Reading takes no more memory than [`Limits`] allow, whatever
//! sizes the NAR announces.

use super::{Contents, FileSystemObject};
use crate::{
    hash::Sha256Writer,
    nar::{Event, NarError, Reader, Writer},
};
use bstr::BString;
use std::{
    collections::{BTreeMap, btree_map},
    fs::File,
    io::{self, Read, Write},
    sync::Arc,
};
use thiserror::Error;

/// What [`FileSystemObject::from_nar`] may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most nodes (files, links and directories).
    pub max_nodes: u64,
    /// The most bytes that all files have together.
    pub max_total_size: u64,
    /// The most bytes that all files in memory have together; what exceeds it is spilled.
    pub max_memory: u64,
    /// Files of more bytes are spilled in any case.
    pub spill_above: u64,
}

impl Default for Limits {
    /// A million nodes, 64 GiB, of which 256 MiB in memory, files of up to 16 MiB.
    fn default() -> Self {
        Self {
            max_nodes: 1_000_000,
            max_total_size: 64 << 30,
            max_memory: 256 << 20,
            spill_above: 16 << 20,
        }
    }
}

/// Why a tree could not be read from a NAR.
#[derive(Debug, Error)]
pub enum FromNarError {
    /// The NAR is wrong.
    #[error(transparent)]
    Nar(#[from] NarError),
    /// Too many nodes.
    #[error("the NAR has more than {0} files, links and directories")]
    TooManyNodes(u64),
    /// Too many bytes.
    #[error("the files in the NAR have more than {0} bytes together")]
    TooLarge(u64),
    /// The spill file failed.
    #[error("cannot write a temporary file for a large file in a NAR")]
    Spill(#[source] io::Error),
    /// Reading contents failed.
    #[error("cannot read the contents of a file in a NAR")]
    Contents(#[source] io::Error),
}

impl FileSystemObject {
    /// Writes the NAR of this tree.
    pub fn write_nar(&self, sink: &mut dyn Write) -> Result<(), NarError> {
        let mut writer = Writer::new(sink);
        let mut open: Vec<btree_map::Iter<'_, BString, FileSystemObject>> = Vec::new();
        write_node(&mut writer, self, &mut open)?;
        while let Some(entries) = open.last_mut() {
            match entries.next() {
                Some((name, object)) => {
                    writer.entry(name)?;
                    write_node(&mut writer, object, &mut open)?;
                }
                None => {
                    writer.end_directory()?;
                    open.pop();
                }
            }
        }
        writer.finish().map(|_| ())
    }

    /// The SHA-256 of this tree's NAR, and the NAR's size.
    pub fn nar_hash(&self) -> Result<([u8; 32], u64), NarError> {
        let mut sink = Sha256Writer::new();
        self.write_nar(&mut sink)?;
        Ok(sink.finish())
    }

    /// Reads a NAR; what follows it in the stream is left there. `source` should be buffered.
    ///
    /// `spill` gives a new, empty file, open for reading and writing, that nobody else will find
    /// (unlinked); it is called for contents that `limits` want out of memory.
    pub fn from_nar(
        source: &mut dyn Read,
        limits: &Limits,
        spill: &mut dyn FnMut() -> io::Result<File>,
    ) -> Result<Self, FromNarError> {
        Builder {
            reader: Reader::new(source),
            limits,
            spill,
            nodes: 0,
            total: 0,
            in_memory: 0,
        }
        .build()
    }
}

fn write_node<'a>(
    writer: &mut Writer<&mut dyn Write>,
    object: &'a FileSystemObject,
    open: &mut Vec<btree_map::Iter<'a, BString, FileSystemObject>>,
) -> Result<(), NarError> {
    match object {
        FileSystemObject::File {
            executable,
            contents: Contents::Memory(bytes),
        } => writer.file_bytes(*executable, bytes),
        FileSystemObject::File {
            executable,
            contents,
        } => writer.file(*executable, contents.len(), &mut contents.reader()),
        FileSystemObject::Symlink { target } => writer.symlink(target),
        FileSystemObject::Directory { entries } => {
            writer.directory()?;
            open.push(entries.iter());
            Ok(())
        }
    }
}

struct Builder<'a> {
    reader: Reader<&'a mut dyn Read>,
    limits: &'a Limits,
    spill: &'a mut dyn FnMut() -> io::Result<File>,
    nodes: u64,
    total: u64,
    in_memory: u64,
}

/// A directory that is still open: its entries so far, and the name of the one being read.
#[derive(Default)]
struct Open {
    entries: BTreeMap<BString, FileSystemObject>,
    name: BString,
}

impl Builder<'_> {
    fn build(mut self) -> Result<FileSystemObject, FromNarError> {
        let mut open: Vec<Open> = Vec::new();
        let mut root = None;
        while let Some(event) = self.reader.next_event()? {
            if !matches!(event, Event::Entry { .. } | Event::EndDirectory) {
                self.count_node()?;
            }
            let object = match event {
                Event::File { executable, size } => FileSystemObject::File {
                    executable,
                    contents: self.contents(size)?,
                },
                Event::Symlink { target } => FileSystemObject::Symlink { target },
                Event::Directory => {
                    open.push(Open::default());
                    continue;
                }
                Event::Entry { name } => {
                    if let Some(directory) = open.last_mut() {
                        directory.name = name;
                    }
                    continue;
                }
                Event::EndDirectory => FileSystemObject::Directory {
                    entries: open.pop().unwrap_or_default().entries,
                },
            };
            match open.last_mut() {
                Some(directory) => {
                    let name = std::mem::take(&mut directory.name);
                    directory.entries.insert(name, object);
                }
                None => root = Some(object),
            }
        }
        root.ok_or(FromNarError::Nar(NarError::Misuse("a NAR without a root")))
    }

    fn count_node(&mut self) -> Result<(), FromNarError> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > self.limits.max_nodes {
            return Err(FromNarError::TooManyNodes(self.limits.max_nodes));
        }
        Ok(())
    }

    fn contents(&mut self, size: u64) -> Result<Contents, FromNarError> {
        self.total = self.total.saturating_add(size);
        if self.total > self.limits.max_total_size {
            return Err(FromNarError::TooLarge(self.limits.max_total_size));
        }
        let in_memory = self.in_memory.saturating_add(size);
        if size <= self.limits.spill_above && in_memory <= self.limits.max_memory {
            self.in_memory = in_memory;
            let mut bytes = Vec::new();
            self.reader
                .read_to_end(&mut bytes)
                .map_err(FromNarError::Contents)?;
            return Ok(Contents::from(bytes));
        }
        let mut file = (self.spill)().map_err(FromNarError::Spill)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = self
                .reader
                .read(&mut buffer)
                .map_err(FromNarError::Contents)?;
            if count == 0 {
                break;
            }
            file.write_all(buffer.get(..count).unwrap_or_default())
                .map_err(FromNarError::Spill)?;
        }
        Ok(Contents::Spilled {
            file: Arc::new(file),
            len: size,
        })
    }
}
