//! The file that a machine has for a disk with images.
//!
//! Contract: it has no name, so that whoever is killed when, none stays behind; it is sparse, and what is not
//! needed any more is given back to the host's file system.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::platform;

/// How large it seems. No file system on which a store lies has smaller bounds for a file, and no machine is so
/// long in use that it were not enough: parts are used again.
pub const SIZE: u64 = 1 << 40;

/// See the module.
#[derive(Debug)]
pub struct Disk {
    file: File,
    /// The same file, opened for reading only: QEMU takes no other for a disk that it may not write to.
    reading: File,
}

impl Disk {
    /// A new one in `directory`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let named = tempfile::NamedTempFile::new_in(directory)?;
        let reading = File::open(named.path())?;
        let file = named.into_file();
        file.set_len(SIZE)?;
        Ok(Disk { file, reading })
    }

    /// One that is another file: for tests.
    #[cfg(test)]
    pub fn of(file: File) -> io::Result<Self> {
        let reading = file.try_clone()?;
        Ok(Disk { file, reading })
    }

    /// For what writes an image.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// For QEMU.
    ///
    /// # Errors
    /// When there are too many descriptors.
    pub fn for_reading(&self) -> io::Result<File> {
        self.reading.try_clone()
    }

    /// How much more the host's disk takes.
    ///
    /// # Errors
    /// When it does not say.
    pub fn free(&self) -> io::Result<u64> {
        platform::free(&self.file)
    }

    /// Gives a part back. Where that cannot be done it stays taken until the machine's end, which is no harm but
    /// for the room.
    pub fn punch(&self, offset: u64, length: u64) {
        if length > 0
            && let Err(error) = platform::punch(&self.file, offset, length)
        {
            crate::say!("wasibuild: the room of an image is not given back: {error}");
        }
    }

    /// Ends the disk there.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn cut(&self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }
}
