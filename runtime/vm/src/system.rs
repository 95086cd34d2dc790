//! A whole system in a machine: what `wasibuild vm run` boots.
//!
//! Contract: a system is a directory as NixOS builds it (`system.build.toplevel`): `kernel`, `init`, and
//! if they are there `kernel-modules` and `kernel-params`. The agent stands for its initrd: it shows the
//! store and starts `init`, so that no system has to be made for this. Links into `/nix/store` are followed in
//! the store that is shown, never in this computer's own.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::MachineError;
use crate::error::{KernelError, io};
use crate::kernel::{self, Kernel};

/// The most links that a path may have.
const MAX_LINKS: usize = 40;

/// Modules that a system needs beside those of a build machine: a store that it may write to.
const MODULES: [&str; 6] = [
    "overlay",
    "virtio_gpu",
    "virtio_input",
    "evdev",
    "ext4",
    "loop",
];

/// A system, ready to boot.
#[derive(Debug)]
pub struct System {
    /// Its kernel.
    pub kernel: Kernel,
    /// Its first program, as the guest sees it.
    pub init: PathBuf,
    /// What its kernel is told.
    pub parameters: String,
    /// Holds the kernel.
    _work: tempfile::TempDir,
}

impl System {
    /// Reads the system at `path`, a path of the store whose directory is `store`.
    ///
    /// # Errors
    /// When something of it is missing.
    pub fn read(store: &Path, path: &Path) -> Result<Self, MachineError> {
        let real = |path: &Path| follow(store, path);
        let work = tempfile::tempdir().map_err(io("make a directory in", &std::env::temp_dir()))?;
        let link = |target: PathBuf, name: &str| -> Result<(), MachineError> {
            let place = work.path().join(name);
            Ok(std::os::unix::fs::symlink(target, &place).map_err(io("make", &place))?)
        };
        link(real(&path.join("kernel"))?, "bzImage")?;
        let modules = real(&path.join("kernel-modules/lib"))
            .or_else(|_| real(&path.join("kernel").join("../lib")))?;
        link(modules, "lib")?;
        let kernel = kernel::install_with(work.path(), &MODULES, |_| work.path().join("kept"))
            .map_err(|error| match error {
                KernelError::NotAKernel { problem, .. } => KernelError::NotAKernel {
                    path: path.to_owned(),
                    problem,
                },
                other => other,
            })?;
        let init = path.join("init");
        real(&init)?;
        let parameters = match real(&path.join("kernel-params")) {
            Ok(file) => fs::read_to_string(&file).map_err(io("read", &file))?,
            Err(_) => String::new(),
        };
        Ok(System {
            kernel,
            init,
            parameters: parameters.trim().to_owned(),
            _work: work,
        })
    }
}

/// Where a path of the guest lies on this computer, all links followed.
fn follow(store: &Path, path: &Path) -> Result<PathBuf, MachineError> {
    let mut todo: Vec<PathBuf> = vec![path.to_owned()];
    // The path so far, as the guest names it.
    let mut done = PathBuf::from("/");
    let mut links = 0;
    while let Some(next) = todo.pop() {
        let mut parts = next.components();
        let Some(part) = parts.next() else { continue };
        todo.push(parts.as_path().to_owned());
        match part {
            Component::RootDir => done = PathBuf::from("/"),
            Component::ParentDir => {
                done.pop();
            }
            Component::Normal(name) => {
                done.push(name);
                if let Ok(target) = fs::read_link(real(store, &done)) {
                    links += 1;
                    if links > MAX_LINKS {
                        break;
                    }
                    done.pop();
                    todo.push(target);
                }
            }
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    let place = real(store, &done);
    fs::metadata(&place).map_err(io("open", &done))?;
    Ok(place)
}

/// A path of the guest's store on this computer.
fn real(store: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix("/nix/store") {
        Ok(rest) => store.join(rest),
        // Nothing else of this computer is shown.
        Err(_) => store.join("..not-in-the-store"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_in_the_shown_store_only() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = directory.path();
        fs::create_dir_all(store.join("a/lib")).expect("made");
        fs::write(store.join("a/lib/file"), "x").expect("written");
        symlink("/nix/store/a/lib", store.join("b")).expect("made");
        symlink("../b/../lib/file", store.join("a/link")).expect("made");
        symlink("/etc/passwd", store.join("out")).expect("made");
        symlink("loop", store.join("loop")).expect("made");
        let found = |path: &str| follow(store, Path::new(path));
        assert_eq!(
            found("/nix/store/b/file").expect("found"),
            store.join("a/lib/file")
        );
        assert_eq!(
            found("/nix/store/a/link").expect("found"),
            store.join("a/lib/file")
        );
        for path in [
            "/nix/store/out",
            "/nix/store/loop",
            "/nix/store/none",
            "/etc/passwd",
        ] {
            assert!(found(path).is_err(), "{path}");
        }
    }
}
