//! Control groups: how much a build may use, and how to end all of it at once.
//!
//! Contract: one group per build, below the root of the unified hierarchy. Where the kernel lacks a
//! controller its bound does not hold; the others do. Files that a build writes count as its memory
//! while they are not swapped out.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wasibuild_vm_protocol::Limits;

use super::{Result, Tried};

/// Where the hierarchy is mounted.
pub const PLACE: &str = "/sys/fs/cgroup";

/// Lets groups below the root have bounds.
pub fn prepare() -> Result<()> {
    for controller in ["+memory", "+pids"] {
        let file = Path::new(PLACE).join("cgroup.subtree_control");
        if let Err(error) = fs::write(file, controller) {
            eprintln!("wasibuild: no control of {controller}: {error}");
        }
    }
    Ok(())
}

/// A build's group; removed when dropped.
#[derive(Debug)]
pub struct Group {
    place: PathBuf,
}

impl Group {
    /// A new group with these bounds.
    pub fn new(name: &str, limits: &Limits) -> Result<Self> {
        let place = Path::new(PLACE).join(name);
        fs::create_dir(&place).tried(|| format!("make the control group '{name}'"))?;
        let group = Group { place };
        if limits.memory > 0 {
            group.set("memory.max", limits.memory);
            // Else the bound would only be one of what is not swapped out.
            group.set("memory.swap.max", 0);
            // Killing one process of many leaves a build that nobody understands.
            group.set("memory.oom.group", 1);
        }
        group.set("pids.max", limits.processes.max(1));
        Ok(group)
    }

    fn set(&self, file: &str, value: u64) {
        if let Err(error) = fs::write(self.place.join(file), value.to_string())
            && error.kind() != ErrorKind::NotFound
        {
            eprintln!("wasibuild: cannot set {file} to {value}: {error}");
        }
    }

    /// Ends all its processes.
    pub fn kill(&self) {
        let _ = fs::write(self.place.join("cgroup.kill"), "1");
    }

    /// Whether the kernel ended it for want of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        let events = fs::read_to_string(self.place.join("memory.events")).unwrap_or_default();
        events
            .lines()
            .filter_map(|line| line.strip_prefix("oom_kill "))
            .any(|count| count != "0")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        // It is empty as soon as the last process is gone, which may take a moment.
        for _ in 0..1000 {
            match fs::remove_dir(&self.place) {
                Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                _ => return,
            }
        }
    }
}
