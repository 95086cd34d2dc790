//! The shell's descriptors: a table of its own from numbers to open things, so that a redirection
//! or a subshell saves and restores them by copying a pointer. Only what starts a program maps
//! them to real descriptors. Besides real ones there are two that live in memory: what a command
//! substitution collects, and text to read (here-documents).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use crate::sys::{self, Handle};

/// Highest number that a descriptor may have.
pub const MAX_FD: u32 = 255;

#[derive(Debug)]
pub enum Desc {
    Os(Handle),
    /// Collects what is written.
    Sink(RefCell<Vec<u8>>),
    /// Text to read.
    Text(RefCell<Text>),
}

/// Where the text of a here-document is.
#[derive(Debug)]
pub enum Text {
    /// In memory, and how far it was read.
    Memory(Rc<[u8]>, usize),
    /// What is left of it, in a pipe: a program was started that may read it too.
    Pipe(Rc<Desc>),
}

impl Text {
    /// How many bytes are left; those in a pipe are taken out of it.
    pub fn left(&self) -> usize {
        match self {
            Text::Memory(text, at) => text.len().saturating_sub(*at),
            Text::Pipe(pipe) => pipe.read_to_end().map_or(0, |rest| rest.len()),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Fds {
    map: Rc<BTreeMap<u32, Rc<Desc>>>,
}

impl Fds {
    pub fn get(&self, fd: u32) -> Option<&Rc<Desc>> {
        self.map.get(&fd)
    }

    pub fn set(&mut self, fd: u32, desc: Rc<Desc>) {
        Rc::make_mut(&mut self.map).insert(fd, desc);
    }

    pub fn close(&mut self, fd: u32) -> bool {
        Rc::make_mut(&mut self.map).remove(&fd).is_some()
    }

    /// The lowest free number from `min` on.
    pub fn free_from(&self, min: u32) -> Option<u32> {
        (min..=MAX_FD).find(|fd| !self.map.contains_key(fd))
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &Rc<Desc>)> {
        self.map.iter().map(|(fd, desc)| (*fd, desc))
    }

    /// Writes everything.
    pub fn write(&self, fd: u32, data: &[u8]) -> io::Result<()> {
        match self.get(fd).map(|d| &**d) {
            Some(Desc::Os(handle)) => {
                let mut rest = data;
                while !rest.is_empty() {
                    match sys::write(handle, rest) {
                        Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        Err(e) => return Err(e),
                    }
                }
                Ok(())
            }
            Some(Desc::Sink(out)) => {
                out.borrow_mut().extend_from_slice(data);
                Ok(())
            }
            Some(Desc::Text(..)) | None => Err(sys::bad_descriptor()),
        }
    }
}

impl Desc {
    /// Reads some bytes; 0 at the end.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Desc::Os(handle) => sys::read(handle, buffer),
            Desc::Text(text) => match &mut *text.borrow_mut() {
                Text::Memory(text, at) => {
                    let rest = text.get(*at..).unwrap_or_default();
                    let len = rest.len().min(buffer.len());
                    if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
                        to.copy_from_slice(from);
                    }
                    *at += len;
                    Ok(len)
                }
                Text::Pipe(pipe) => pipe.read(buffer),
            },
            Desc::Sink(_) => Err(sys::bad_descriptor()),
        }
    }

    /// Takes back bytes that were read too many; only possible where [`Self::can_unread`].
    pub fn unread(&self, count: usize) {
        match self {
            Desc::Os(handle) => {
                sys::seek_back(handle, count);
            }
            Desc::Text(text) => {
                if let Text::Memory(_, at) = &mut *text.borrow_mut() {
                    *at = at.saturating_sub(count);
                }
            }
            Desc::Sink(_) => {}
        }
    }

    pub fn can_unread(&self) -> bool {
        match self {
            Desc::Os(handle) => sys::can_seek(handle),
            Desc::Text(text) => matches!(&*text.borrow(), Text::Memory(..)),
            Desc::Sink(_) => false,
        }
    }

    /// Everything up to the end.
    pub fn read_to_end(&self) -> io::Result<Vec<u8>> {
        // Grows as it fills: most files are short, and a long one is not copied often.
        const FIRST: usize = 1 << 13;
        let mut out = Vec::new();
        let mut len = 0;
        loop {
            if len == out.len() {
                out.resize((len * 2).max(FIRST), 0);
            }
            match self.read(out.get_mut(len..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(n) => len += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        out.truncate(len);
        Ok(out)
    }
}
