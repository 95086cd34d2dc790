//! A whole system: what the agent does in place of its initrd.
//!
//! Contract: the root is a tmpfs; the host's store is shown in `/nix/store`, with a layer over it that the
//! system may write to if the kernel has overlays; then the system's `init` becomes process 1. It finds
//! `/proc`, `/sys`, `/dev` and `/run`, as NixOS' second stage expects.

use std::fs;
use std::path::Path;

use super::{Result, Tried, sys};

const ROOT: &str = "/system";

/// Starts the system whose first program is `init`; returns only with a failure.
pub fn start(init: &str, store: &str) -> Result<std::convert::Infallible> {
    let root = Path::new(ROOT);
    let make = |name: &str| {
        let place = root.join(name);
        fs::create_dir_all(&place).tried(|| format!("make '{}'", place.display()))
    };
    let mount = |kind: &str, name: &str, flags, options: &str| -> Result<()> {
        make(name)?;
        sys::mount(kind, &root.join(name), kind, flags, options)
            .tried(|| format!("mount {kind} on '/{name}'"))
    };
    fs::create_dir_all(root).tried(|| format!("make '{ROOT}'"))?;
    sys::mount("tmpfs", root, "tmpfs", 0, "mode=0755").tried(|| "make a root".to_owned())?;
    let strict = sys::MS_NOSUID | sys::MS_NODEV | sys::MS_NOEXEC;
    mount("proc", "proc", strict, "")?;
    mount("sysfs", "sys", strict, "")?;
    mount("devtmpfs", "dev", sys::MS_NOSUID, "mode=0755")?;
    mount("tmpfs", "run", sys::MS_NOSUID | sys::MS_NODEV, "mode=0755")?;
    for name in [
        "tmp",
        "etc",
        "bin",
        "var",
        "root",
        "nix/store",
        "nix/.ro-store",
    ] {
        make(name)?;
    }
    let shown = root.join("nix/.ro-store");
    sys::mount(store, &shown, "none", sys::MS_MOVE, "").tried(|| "move the store".to_owned())?;
    make("nix/.rw-store/store")?;
    make("nix/.rw-store/work")?;
    let layers = format!(
        "lowerdir={ROOT}/nix/.ro-store,upperdir={ROOT}/nix/.rw-store/store,workdir={ROOT}/nix/.rw-store/work"
    );
    let target = root.join("nix/store");
    if let Err(error) = sys::mount("overlay", &target, "overlay", 0, &layers) {
        eprintln!("wasibuild: the store is read-only ({error})");
        sys::bind(&shown, &target).tried(|| "show the store".to_owned())?;
    }
    for old in [
        "/sys/fs/cgroup",
        "/sys",
        "/dev/pts",
        "/dev",
        "/builds",
        "/proc",
    ] {
        let _ = sys::unmount(Path::new(old), sys::MNT_DETACH);
    }
    std::env::set_current_dir(root).tried(|| format!("go to '{ROOT}'"))?;
    sys::mount(".", Path::new("/"), "none", sys::MS_MOVE, "")
        .and_then(|()| sys::chroot(Path::new(".")))
        .tried(|| "change the root".to_owned())?;
    std::env::set_current_dir("/").tried(|| "go to '/'".to_owned())?;
    sys::default_signals();
    let environment = [b"HOME=/root".to_vec(), b"TERM=linux".to_vec()];
    let error = sys::execute(init.as_bytes(), &[init.as_bytes().to_vec()], &environment);
    Err(format!("cannot start '{init}': {error}"))
}
