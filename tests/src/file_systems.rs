//! File systems that a store may lie on, mounted for a test: in memory, XFS and Btrfs in an image
//! file, and one that finds names in any case, as APFS does.
//!
//! Contract: a file system that this machine can't mount (no right to, no loop device, no
//! `/dev/fuse`, no `mkfs`) is an error that says which step failed; nothing stays mounted.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{io, thread};

/// A mounted file system, unmounted when it is dropped.
pub struct FileSystem {
    place: PathBuf,
    /// The program that serves it, for one in user space.
    server: Option<Child>,
}

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `tmpfs`.
    Memory,
    /// XFS in an image.
    Xfs,
    /// Btrfs in an image.
    Btrfs,
    /// Names keep their case and are found in any, as on APFS
    /// (`tests/support/case_insensitive.py`).
    CaseInsensitive,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Memory, Kind::Xfs, Kind::Btrfs, Kind::CaseInsensitive];

    /// For messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Memory => "tmpfs",
            Kind::Xfs => "XFS",
            Kind::Btrfs => "Btrfs",
            Kind::CaseInsensitive => "a case-insensitive file system",
        }
    }
}

/// Blocks are taken when they are written.
const IMAGE_SIZE: u64 = 1 << 30;

impl FileSystem {
    /// Mounts one below `directory`, which must be writable.
    ///
    /// # Errors
    /// What this machine could not do.
    pub fn mount(kind: Kind, directory: &Path) -> Result<FileSystem, String> {
        let place = directory.join(format!("{kind:?}"));
        let back = directory.join(format!("{kind:?}.back"));
        fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        let mounted = FileSystem {
            place: place.clone(),
            server: None,
        };
        match kind {
            Kind::Memory => {
                run(Command::new("mount")
                    .args(["-t", "tmpfs", "-o", "size=1g", "none"])
                    .arg(&place))?;
            }
            Kind::Xfs | Kind::Btrfs => {
                File::create(&back)
                    .and_then(|file| file.set_len(IMAGE_SIZE))
                    .map_err(|error| format!("{}: {error}", back.display()))?;
                let make = match kind {
                    Kind::Xfs => "mkfs.xfs",
                    _ => "mkfs.btrfs",
                };
                run(Command::new(make).arg("-q").arg(&back))?;
                run(Command::new("mount")
                    .args(["-o", "loop"])
                    .args([&back, &place]))?;
            }
            Kind::CaseInsensitive => return serve(mounted, &back),
        }
        Ok(mounted)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.place
    }
}

/// Starts the program and waits until it serves.
fn serve(mut mounted: FileSystem, back: &Path) -> Result<FileSystem, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("support/case_insensitive.py");
    fs::create_dir_all(back)
        .and_then(|()| File::create(back.join("Probe")))
        .map_err(|error| format!("{}: {error}", back.display()))?;
    // Debian's Python has Debian's modules; another one on the PATH has not.
    let mut server = Command::new("/usr/bin/python3")
        .arg(script)
        .args([back, &mounted.place])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("python3: {error}"))?;
    for _ in 0..500 {
        if mounted.place.join("pROBE").exists() {
            mounted.server = Some(server);
            return Ok(mounted);
        }
        if let Ok(Some(status)) = server.try_wait() {
            return Err(format!("case_insensitive.py: {status}"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = server.kill();
    let _ = server.wait();
    Err("case_insensitive.py: nothing was mounted for five seconds".to_owned())
}

fn run(command: &mut Command) -> Result<(), String> {
    let told = |error: io::Error| format!("{command:?}: {error}");
    let output = Command::new(command.get_program())
        .args(command.get_args())
        .output()
        .map_err(told)?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}", message.trim()))
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        // Lazily: a reader that a failed test left behind must not keep it.
        let _ = Command::new("umount")
            .arg("-l")
            .arg(&self.place)
            .stderr(Stdio::null())
            .status();
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
