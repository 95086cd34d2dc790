//! The store of a guest whose kernel knows no 9p: read-only images of what builds need, on a disk.
//!
//! Contract: the disk is a sparse file without a name, of a size that is never reached; QEMU has it for reading
//! only. For a build, the store paths that no image has yet are written as one more image ([`tree`], squashfs), in the
//! build's own thread; those that have all they need do not wait for that. What a path is recognised by is its
//! place and what the file system says of it, so that one that was deleted and made again is written again. Images
//! that no build uses make room for others, the longest unused first: there are bounds for their number and for
//! their bytes, and this computer's disk is not filled to the last.

mod disk;
mod room;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bstr::{BString, ByteSlice};
use thiserror::Error;
use wasibuild_vm_protocol::{Image, Input, MAX_IMAGES, ProtocolError, STORE_PLACE, ToGuest};

use disk::Disk;
use room::{BLOCK, Room};
use tree::Tree;

/// With less than this on the host nothing more is written.
const RESERVE: u64 = 64 << 20;

/// Why inputs cannot be shown.
#[derive(Debug, Error)]
pub enum ImageError {
    /// One of them cannot be read, or not any more.
    #[error("the input '{path}' cannot be put into an image: {problem}")]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The disk takes no more.
    #[error(
        "an image of its inputs cannot be written: {0}; make room on the disk of this computer"
    )]
    Full(std::io::Error),
    /// The image cannot be written.
    #[error("an image of its inputs cannot be written: {0}")]
    Write(String),
    /// They are more than is allowed.
    #[error(
        "its inputs take {} MiB beside the {} MiB that running builds use, and images may take {} MiB (vm.images)",
        needed >> 20, used >> 20, allowed >> 20
    )]
    TooLarge {
        /// What the inputs take, in bytes.
        needed: u64,
        /// What cannot be dropped.
        used: u64,
        /// What is allowed.
        allowed: u64,
    },
    /// They are more than there is room for.
    #[error(
        "its inputs take {} MiB, and the disk of this computer has {} MiB left; make room, or keep the state \
         directory elsewhere",
        needed >> 20, free >> 20
    )]
    NoRoom {
        /// What the inputs take, in bytes.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// All numbers of images are in use.
    #[error("its machine shows {MAX_IMAGES} images to builds that run, and can show no more")]
    TooMany,
    /// Not an image, but a directory is shown, and it lies elsewhere.
    #[error(
        "the input '{path}' does not lie in '{store}', the only directory that its machine shows \
         (where the kernel can, vm.share = \"image\" shows all)"
    )]
    Elsewhere {
        /// The input.
        path: PathBuf,
        /// What is shown.
        store: PathBuf,
    },
    /// The build was given up.
    #[error("it was cancelled")]
    Stopped,
    /// The guest cannot be told.
    #[error(transparent)]
    Guest(#[from] ProtocolError),
}

impl ImageError {
    /// Whether it would be another matter with fewer images.
    fn is_for_want_of_room(&self) -> bool {
        use ImageError::{NoRoom, TooLarge, TooMany};
        matches!(self, NoRoom { .. } | TooLarge { .. } | TooMany)
    }
}

/// What the file system says of a path: another one has something else of it.
type Stamp = (u64, u64, i64, i64);

fn stamp(metadata: &Metadata) -> Stamp {
    let m = metadata;
    (m.dev(), m.ino(), m.ctime(), m.ctime_nsec())
}

/// The images of a machine.
#[derive(Debug)]
pub struct Images {
    disk: Disk,
    /// The most that they may take, in bytes.
    allowed: u64,
    /// Held while an image is written.
    writing: Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    images: BTreeMap<u64, Shown>,
    /// Where each path is, by its place on the host.
    paths: BTreeMap<PathBuf, (Stamp, u64)>,
    room: Room,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Shown {
    image: Image,
    users: BTreeSet<u32>,
    used: u64,
}

/// A wanted path: its place, what it is recognised by, and its name.
type Wanted = (PathBuf, Stamp, BString);

impl Images {
    /// Makes the disk, in `directory`; images on it may take so many bytes.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(directory: &Path, allowed: u64) -> std::io::Result<Self> {
        Ok(Images {
            disk: Disk::new(directory)?,
            allowed,
            writing: Mutex::default(),
            known: Mutex::default(),
        })
    }

    /// The disk for QEMU, which cannot write to it.
    ///
    /// # Errors
    /// When there are too many descriptors.
    pub fn for_reading(&self) -> std::io::Result<File> {
        self.disk.for_reading()
    }

    /// Sees to it that a build can be shown its inputs, and says where they are in the guest. What the guest must
    /// know before the build is given to `tell`. Until [`Images::release`] nothing of it is dropped.
    ///
    /// # Errors
    /// See [`ImageError`]; then nothing is kept for the build.
    pub fn prepare(
        &self,
        build: u32,
        inputs: &mut [Input],
        stop: &AtomicBool,
        tell: &mut dyn FnMut(&ToGuest) -> Result<(), ProtocolError>,
    ) -> Result<(), ImageError> {
        let result = self.show(build, inputs, stop, tell);
        if result.is_err() {
            self.release(build);
        }
        result
    }

    /// The build is over.
    pub fn release(&self, build: u32) {
        for shown in self.known().images.values_mut() {
            shown.users.remove(&build);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(
        &self,
        build: u32,
        inputs: &mut [Input],
        stop: &AtomicBool,
        tell: &mut dyn FnMut(&ToGuest) -> Result<(), ProtocolError>,
    ) -> Result<(), ImageError> {
        let wanted: Vec<Wanted> = inputs
            .iter()
            .map(|input| {
                let place = Path::new(OsStr::from_bytes(&input.place)).to_owned();
                let metadata = std::fs::symlink_metadata(&place)
                    .map_err(|error| unreadable(&place, &error))?;
                Ok((place, stamp(&metadata), input.name.clone()))
            })
            .collect::<Result<_, ImageError>>()?;
        if !self.known().missing(build, &wanted).is_empty() {
            let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            // Another build may have needed the same.
            let missing = self.known().missing(build, &wanted);
            if !missing.is_empty() {
                match self.write(build, missing, stop, tell) {
                    Err(error) if error.is_for_want_of_room() => {
                        self.write_anew(build, &wanted, stop, tell)?;
                    }
                    result => result?,
                }
            }
        }
        let known = self.known();
        for (input, (place, _, name)) in inputs.iter_mut().zip(&wanted) {
            let Some((_, number)) = known.paths.get(place) else {
                return Err(unreadable(place, &"it is in no image"));
            };
            let place = format!("{STORE_PLACE}/{number}/");
            input.place = [place.as_bytes(), name].concat().into();
        }
        Ok(())
    }

    /// The same where there is no room beside the images that have the other paths: the build gives up its own, for
    /// the most of them may be what it does not need, and has written anew what no running build uses.
    fn write_anew(
        &self,
        build: u32,
        wanted: &[Wanted],
        stop: &AtomicBool,
        tell: &mut dyn FnMut(&ToGuest) -> Result<(), ProtocolError>,
    ) -> Result<(), ImageError> {
        self.release(build);
        loop {
            let Some(idle) = self.known().forget_oldest() else {
                break;
            };
            self.drop(idle, tell)?;
        }
        let missing = self.known().missing(build, wanted);
        self.write(build, missing, stop, tell)
    }

    /// The guest, the disk and the log learn that an image is forgotten.
    fn drop(
        &self,
        image: Image,
        tell: &mut dyn FnMut(&ToGuest) -> Result<(), ProtocolError>,
    ) -> Result<(), ImageError> {
        crate::say!("wasibuild: image {} is dropped", image.number);
        tell(&ToGuest::DropImage(image.number))?;
        self.disk.punch(image.offset, image.length);
        Ok(())
    }

    /// Writes an image of these paths, tells the guest, and notes it.
    fn write(
        &self,
        build: u32,
        missing: Vec<Wanted>,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(&ToGuest) -> Result<(), ProtocolError>,
    ) -> Result<(), ImageError> {
        if stop.load(Ordering::Relaxed) {
            return Err(ImageError::Stopped);
        }
        let sources = missing
            .iter()
            .map(|(place, _, name)| (name.as_bstr(), place.as_path()));
        let tree = Tree::scan(sources, stop)?;
        let bound = tree.bound();
        let (number, offset) = self.make_room(bound, tell)?;
        let written = tree.write(&self.disk, offset, bound, stop);
        let length = written
            .as_ref()
            .map_or(0, |length| length.next_multiple_of(BLOCK));
        self.disk.punch(offset + length, bound - length);
        self.known().room.trim(offset, length);
        written?;
        let image = Image {
            number,
            offset,
            length,
        };
        // Nobody is shown it before the guest knows of it; and nobody waits for a guest that does not listen.
        tell(&ToGuest::Image(image))?;
        let mut known = self.known();
        known.clock += 1;
        let used = known.clock;
        let users = BTreeSet::from([build]);
        known.images.insert(number, Shown { image, users, used });
        let (paths, kib) = (missing.len(), length >> 10);
        crate::say!("wasibuild: image {number} has {paths} paths in {kib} KiB");
        for (place, stamp, _) in missing {
            known.paths.insert(place, (stamp, number));
        }
        Ok(())
    }

    /// A number and a place for so many bytes; drops what no build uses.
    fn make_room(
        &self,
        needed: u64,
        tell: &mut dyn FnMut(&ToGuest) -> Result<(), ProtocolError>,
    ) -> Result<(u64, u64), ImageError> {
        loop {
            let mut known = self.known();
            let used = known.room.taken();
            let free = self.disk.free().unwrap_or(u64::MAX);
            let problem = if used.saturating_add(needed) > self.allowed {
                ImageError::TooLarge {
                    needed,
                    used,
                    allowed: self.allowed,
                }
            } else if free < needed.saturating_add(RESERVE) {
                ImageError::NoRoom { needed, free }
            } else if let Some(number) = known.free_number() {
                match known.room.take(needed) {
                    Some(offset) => return Ok((number, offset)),
                    None => ImageError::TooLarge {
                        needed,
                        used,
                        allowed: disk::SIZE,
                    },
                }
            } else {
                ImageError::TooMany
            };
            let Some(oldest) = known.forget_oldest() else {
                return Err(problem);
            };
            drop(known);
            self.drop(oldest, tell)?;
        }
    }
}

impl Known {
    /// Those that no image has; images with the others are kept for the build.
    fn missing(&mut self, build: u32, wanted: &[Wanted]) -> Vec<Wanted> {
        let mut missing = Vec::new();
        self.clock += 1;
        for one in wanted {
            let (place, stamp, _) = one;
            let image = self
                .paths
                .get(place)
                .filter(|(found, _)| found == stamp)
                .and_then(|(_, number)| self.images.get_mut(number));
            match image {
                Some(shown) => {
                    shown.users.insert(build);
                    shown.used = self.clock;
                }
                None => missing.push(one.clone()),
            }
        }
        missing
    }

    fn free_number(&self) -> Option<u64> {
        (1..=MAX_IMAGES).find(|number| !self.images.contains_key(number))
    }

    /// Forgets the image that no build uses, and none used for longest.
    fn forget_oldest(&mut self) -> Option<Image> {
        let idle = self.images.values().filter(|shown| shown.users.is_empty());
        let image = idle.min_by_key(|shown| shown.used)?.image;
        self.images.remove(&image.number);
        self.paths.retain(|_, (_, number)| *number != image.number);
        self.room.trim(image.offset, 0);
        Some(image)
    }
}

/// Writes one image of these paths, names and places, on a disk of its own in `directory`: for reading only.
///
/// # Errors
/// See [`ImageError`].
pub fn single(directory: &Path, sources: &[(BString, PathBuf)]) -> Result<File, ImageError> {
    let stop = AtomicBool::new(false);
    let tree = Tree::scan(
        sources
            .iter()
            .map(|(name, place)| (name.as_bstr(), place.as_path())),
        &stop,
    )?;
    let disk = Disk::new(directory).map_err(|error| ImageError::Write(error.to_string()))?;
    let bound = tree.bound();
    let free = disk.free().unwrap_or(u64::MAX);
    if free < bound.saturating_add(RESERVE) {
        return Err(ImageError::NoRoom {
            needed: bound,
            free,
        });
    }
    let length = tree.write(&disk, 0, bound, &stop)?;
    disk.cut(length.next_multiple_of(BLOCK))
        .map_err(ImageError::Full)?;
    disk.for_reading()
        .map_err(|error| ImageError::Write(error.to_string()))
}

fn unreadable(path: &Path, problem: &dyn std::fmt::Display) -> ImageError {
    ImageError::Input {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests;
