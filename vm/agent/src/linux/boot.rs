//! From the kernel's start to a machine that can build.
//!
//! Contract: kernel file systems, the modules of the initramfs in the order of their names, the
//! host's store read-only on `/store` (or room for images of it), the swap disk, the network interface. What the machine lacks
//! but a build can do without (a network, swap) is said on the console and missing; a store that does
//! not come is an error.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wasibuild_vm_protocol::{IMAGES_SERIAL, STORE_PLACE, STORE_TAG, SWAP_SERIAL};

use super::control::Control;
use super::images::{self, Images};
use super::{Result, Tried, group, network, sys, system};

/// Where the host's store is.
pub const STORE: &str = STORE_PLACE;
/// Where builds have their directories.
pub const BUILDS: &str = "/builds";
/// The modules of the initramfs, their names beginning with their place in the order.
const MODULES: &str = "/modules";
/// What the kernel knows of disks.
const DISKS: &str = "/sys/block";

/// How long devices may take to appear, after their modules are loaded.
const PATIENCE: Duration = Duration::from_secs(20);

/// Prepares the machine.
pub fn boot() -> Result<(Control, Images)> {
    file_systems()?;
    load_modules(Path::new(MODULES))?;
    let words = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let asked = |word: &str| words.split_ascii_whitespace().any(|one| one == word);
    let value = |name: &str| {
        words
            .split_ascii_whitespace()
            .find_map(|one| one.strip_prefix(name))
    };
    if asked("wasibuild.swap")
        && let Err(problem) = disk(SWAP_SERIAL)
            .and_then(|swap| sys::swap_on(&swap).tried(|| format!("swap to '{}'", swap.display())))
    {
        eprintln!("wasibuild: {problem}; builds have only the memory");
    }
    if let Err(problem) = network::loopback() {
        eprintln!("wasibuild: {problem}");
    }
    if asked("wasibuild.network")
        && let Err(problem) = network::configure()
    {
        eprintln!("wasibuild: {problem}; fixed-output builds have no network");
    }
    let images = asked("wasibuild.images")
        .then(|| disk(IMAGES_SERIAL))
        .transpose()?;
    match (&images, value("wasibuild.run=")) {
        (None, _) => mount_store()?,
        // A system has one image, which is all of the disk.
        (Some(disk), Some(_)) => {
            fs::create_dir_all(STORE).tried(|| format!("make '{STORE}'"))?;
            images::mount(&disk.to_string_lossy(), Path::new(STORE))?;
        }
        (Some(_), None) => room_for_images()?,
    }
    if let Some(init) = value("wasibuild.run=") {
        match system::start(init, STORE)? {}
    }
    group::prepare()?;
    Ok((Control::open(PATIENCE)?, Images::new(images)))
}

fn file_systems() -> Result<()> {
    let strict = sys::MS_NOSUID | sys::MS_NODEV | sys::MS_NOEXEC;
    let list = [
        ("proc", "/proc", strict, ""),
        ("sysfs", "/sys", strict, ""),
        ("devtmpfs", "/dev", sys::MS_NOSUID, "mode=0755"),
        (
            "devpts",
            "/dev/pts",
            sys::MS_NOSUID | sys::MS_NOEXEC,
            "mode=0620,ptmxmode=0666",
        ),
        ("cgroup2", group::PLACE, strict, ""),
        (
            "tmpfs",
            BUILDS,
            sys::MS_NOSUID | sys::MS_NODEV,
            "mode=0700,size=1m",
        ),
    ];
    for (kind, place, flags, options) in list {
        let target = Path::new(place);
        fs::create_dir_all(target).tried(|| format!("make '{place}'"))?;
        sys::mount(kind, target, kind, flags, options)
            .tried(|| format!("mount {kind} on '{place}'"))?;
    }
    Ok(())
}

/// Loads all modules; one that fails is named and left out, for the machine may not need it.
fn load_modules(directory: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .tried(|| format!("list '{}'", directory.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    for file in files {
        let loaded = File::open(&file).and_then(|module| sys::load_module(&module));
        if let Err(error) = loaded {
            eprintln!("wasibuild: cannot load '{}': {error}", file.display());
        }
        // The memory of an initramfs is that of its files.
        let _ = fs::remove_file(&file);
    }
    Ok(())
}

/// The device of the disk with this serial number. Modules find theirs on their own time: it is waited for.
fn disk(serial: &str) -> Result<PathBuf> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        for entry in fs::read_dir(DISKS).into_iter().flatten().flatten() {
            let found = fs::read_to_string(entry.path().join("serial")).unwrap_or_default();
            let device = Path::new("/dev").join(entry.file_name());
            if found.trim_end() == serial && device.exists() {
                return Ok(device);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(format!("the disk '{serial}' did not appear"))
}

/// Images have directories of their own below the store.
fn room_for_images() -> Result<()> {
    let target = Path::new(STORE);
    fs::create_dir_all(target).tried(|| format!("make '{STORE}'"))?;
    let flags = sys::MS_NOSUID | sys::MS_NODEV | sys::MS_NOEXEC;
    sys::mount("tmpfs", target, "tmpfs", flags, "mode=0700,size=1m")
        .tried(|| format!("mount tmpfs on '{STORE}'"))
}

fn mount_store() -> Result<()> {
    let target = Path::new(STORE);
    fs::create_dir_all(target).tried(|| format!("make '{STORE}'"))?;
    let flags = sys::MS_RDONLY | sys::MS_NOSUID | sys::MS_NODEV;
    // The host's store grows but what is in it never changes, so that the guest may keep all it read.
    let options = "trans=virtio,version=9p2000.L,msize=512000,cache=loose,access=any";
    let start = Instant::now();
    loop {
        let result = sys::mount(STORE_TAG, target, "9p", flags, options);
        match result {
            // The device may still be on its way.
            Err(error)
                if error.raw_os_error() == Some(libc::ENOENT) && start.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            result => return result.tried(|| "mount the host's store (9p)".to_owned()),
        }
    }
}
