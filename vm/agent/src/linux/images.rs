//! Images of inputs: parts of a disk that the host writes while the machine runs.
//!
//! Contract: each image is a partition of its own, which only this kernel knows of (`BLKPG`, `linux/blkpg.h`): its
//! cache begins empty, so that nothing is read that lay there before. It is mounted in a directory of the
//! store that is named by its number. What fails is remembered and becomes the failure of the builds that need
//! that image.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasibuild_vm_protocol::{Image, Input, STORE_PLACE};

use super::{Result, Tried, boot, sys};

/// What images are, as `mount(2)` names it.
const KIND: &str = "squashfs";

/// How long a build that begins may hold images that it does not need: until it has left them behind.
const PATIENCE: Duration = Duration::from_secs(10);

/// The images of a machine.
#[derive(Debug)]
pub struct Images {
    /// The disk; none where the store is shared.
    disk: Option<PathBuf>,
    /// By their numbers: that they are mounted, or why not.
    known: Mutex<BTreeMap<u64, Result<()>>>,
}

impl Images {
    /// Those on a disk.
    pub fn new(disk: Option<PathBuf>) -> Self {
        Images {
            disk,
            known: Mutex::default(),
        }
    }

    /// The host wrote one.
    pub fn add(&self, image: Image) {
        let result = self.mount(image);
        if let Err(problem) = &result {
            eprintln!("wasibuild: {problem}");
        }
        self.known().insert(image.number, result);
    }

    /// No build needs one any more.
    pub fn drop(&self, number: u64) {
        let result = self.unmount(number);
        let mut known = self.known();
        known.remove(&number);
        if let Err(problem) = result {
            eprintln!("wasibuild: {problem}");
            known.insert(number, Err(problem));
        }
    }

    /// Why inputs cannot be shown, if so.
    pub fn problem(&self, inputs: &[Input]) -> Option<String> {
        let known = self.known();
        inputs.iter().find_map(|input| {
            let number = number_of(&input.place)?;
            match known.get(&number) {
                Some(Ok(())) => None,
                Some(Err(problem)) => Some(problem.clone()),
                None => Some(format!("the host named no image {number}")),
            }
        })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u64, Result<()>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> Result<(&Path, File)> {
        let disk = self
            .disk
            .as_deref()
            .ok_or("there is no disk for images in this machine")?;
        let file = File::open(disk).tried(|| format!("open '{}'", disk.display()))?;
        Ok((disk, file))
    }

    fn mount(&self, image: Image) -> Result<()> {
        let number = image.number;
        let (disk, file) = self.disk()?;
        let what = || format!("add the image {number} of inputs");
        let partition = i32::try_from(number).tried(what)?;
        let start = i64::try_from(image.offset).tried(what)?;
        let length = i64::try_from(image.length).tried(what)?;
        sys::add_partition(&file, partition, start, length).tried(what)?;
        let place = place(number);
        fs::create_dir_all(&place).tried(|| format!("make '{}'", place.display()))?;
        let device = format!("{}{number}", disk.display());
        mount(&device, &place)
    }

    fn unmount(&self, number: u64) -> Result<()> {
        let (_, file) = self.disk()?;
        let place = place(number);
        // One that could not be mounted has nothing to unmount.
        let _ = sys::unmount(&place, sys::MNT_DETACH);
        let _ = fs::remove_dir(&place);
        let partition = i32::try_from(number).tried(|| "drop an image".to_owned())?;
        let start = Instant::now();
        loop {
            match sys::delete_partition(&file, partition) {
                Err(error)
                    if error.raw_os_error() == Some(libc::EBUSY) && start.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(Duration::from_millis(2));
                }
                // There never was one.
                Err(error) if error.raw_os_error() == Some(libc::ENXIO) => return Ok(()),
                result => return result.tried(|| format!("drop the image {number} of inputs")),
            }
        }
    }
}

/// Mounts the image on a device.
pub fn mount(device: &str, place: &Path) -> Result<()> {
    let flags = sys::MS_RDONLY | sys::MS_NOSUID | sys::MS_NODEV;
    sys::mount(device, place, KIND, flags, "")
        .tried(|| format!("mount the image of inputs on '{device}' ({KIND})"))
}

fn place(number: u64) -> PathBuf {
    Path::new(boot::STORE).join(number.to_string())
}

/// The image in which a place lies.
fn number_of(place: &[u8]) -> Option<u64> {
    let below = place.strip_prefix(STORE_PLACE.as_bytes())?;
    let (number, _) = std::str::from_utf8(below.strip_prefix(b"/")?)
        .ok()?
        .split_once('/')?;
    number.parse().ok()
}
