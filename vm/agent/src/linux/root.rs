//! The file system that a build sees.
//!
//! Contract: what Nix's sandbox shows (`DerivationBuilder` for Linux): `/nix/store` with the inputs
//! and room for the outputs, `/build`, `/tmp`, `/dev`, `/proc`, a few files in `/etc`, and `/bin/sh`;
//! nothing else of the machine. [`fill`] makes what lies in the build's tmpfs, from outside; [`enter`]
//! mounts the rest and goes in, in the build's own namespace.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use wasibuild_vm_protocol::BuildSpec;

use super::build::path;
use super::{Result, Tried, boot, network, sys};

/// The user and the group that builds have, as in Nix's sandbox.
pub const USER: u32 = 1000;
/// See above.
pub const GROUP: u32 = 100;

/// Below the root.
pub const STORE: &str = "nix/store";
/// See above.
pub const BUILD: &str = "build";
/// Where the new root stands for the moment in which the old one is given up.
const DOOR: &str = "/jail";

const PASSWD: &str = "root:x:0:0:Nix build user:/build:/noshell\n\
    nixbld:x:1000:100:Nix build user:/build:/noshell\n\
    nobody:x:65534:65534:Nobody:/:/noshell\n";
const GROUPS: &str = "root:x:0:\nnixbld:!:100:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";
const SERVICES: &str =
    "http 80/tcp\nhttps 443/tcp\nftp 21/tcp\nssh 22/tcp\ngit 9418/tcp\ndomain 53/udp\n";

/// Devices: names, and numbers as `Documentation/admin-guide/devices.txt` of the kernel has them.
const DEVICES: [(&str, u32, u32); 6] = [
    ("full", 1, 7),
    ("null", 1, 3),
    ("random", 1, 8),
    ("tty", 5, 0),
    ("urandom", 1, 9),
    ("zero", 1, 5),
];
const KVM: (&str, u32, u32) = ("kvm", 10, 232);
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Makes directories, files and devices.
pub fn fill(root: &Path, spec: &BuildSpec) -> Result<()> {
    for (name, mode) in [
        ("nix", 0o755),
        (STORE, 0o1775),
        (BUILD, 0o700),
        ("tmp", 0o1777),
        ("bin", 0o755),
        ("etc", 0o755),
        ("proc", 0o555),
        ("dev", 0o755),
        ("dev/pts", 0o755),
        ("dev/shm", 0o1777),
    ] {
        let place = root.join(name);
        fs::create_dir(&place)
            .and_then(|()| fs::set_permissions(&place, PermissionsExt::from_mode(mode)))
            .tried(|| format!("make '{name}' for a build"))?;
    }
    for name in [STORE, BUILD] {
        let owner = if name == BUILD { USER } else { 0 };
        sys::give(&root.join(name), owner, GROUP).tried(|| format!("give '{name}' to a build"))?;
    }
    let mut devices = DEVICES.to_vec();
    if spec.kvm {
        devices.push(KVM);
    }
    for (name, major, minor) in devices {
        sys::character_device(&root.join("dev").join(name), major, minor)
            .tried(|| format!("make '/dev/{name}'"))?;
    }
    for (name, target) in LINKS {
        symlink(target, root.join("dev").join(name)).tried(|| format!("make '/dev/{name}'"))?;
    }
    let mut files = vec![
        ("etc/passwd", PASSWD),
        ("etc/group", GROUPS),
        ("etc/hosts", HOSTS),
    ];
    if spec.network {
        files.extend([
            ("etc/resolv.conf", network::RESOLVER),
            ("etc/nsswitch.conf", "hosts: files dns\nservices: files\n"),
            ("etc/services", SERVICES),
        ]);
    }
    for (name, text) in files {
        fs::write(root.join(name), text).tried(|| format!("write '/{name}'"))?;
    }
    if let Some(shell) = &spec.shell {
        symlink(path(shell), root.join("bin/sh")).tried(|| "make '/bin/sh'".to_owned())?;
    }
    for (name, contents) in &spec.files {
        let place = root.join(BUILD).join(path(name));
        fs::write(&place, contents)
            .and_then(|()| sys::give(&place, USER, GROUP))
            .tried(|| format!("write '/build/{name}'"))?;
    }
    Ok(())
}

/// Makes the tmpfs `root` this process's root, with the inputs, and gives up all else.
///
/// For a process in a mount namespace of its own.
pub fn enter(root: &Path, spec: &BuildSpec) -> Result<()> {
    sys::mount(
        "none",
        Path::new("/"),
        "none",
        sys::MS_PRIVATE | sys::MS_REC,
        "",
    )
    .tried(|| "make mounts private".to_owned())?;
    for input in &spec.inputs {
        let to = root.join(STORE).join(path(&input.name));
        show(path(&input.place), &to).tried(|| format!("show the input '{}'", input.name))?;
    }
    let strict = sys::MS_NOSUID | sys::MS_NODEV | sys::MS_NOEXEC;
    for (kind, name, flags, options) in [
        ("proc", "proc", strict, ""),
        (
            "devpts",
            "dev/pts",
            sys::MS_NOSUID | sys::MS_NOEXEC,
            "newinstance,mode=0620,ptmxmode=0666",
        ),
        (
            "tmpfs",
            "dev/shm",
            sys::MS_NOSUID | sys::MS_NODEV,
            "mode=1777",
        ),
    ] {
        sys::mount(kind, &root.join(name), kind, flags, options)
            .tried(|| format!("mount '/{name}' of a build"))?;
    }
    let door = Path::new(DOOR);
    fs::create_dir_all(door).tried(|| format!("make '{DOOR}'"))?;
    let moved = |from: &str, to: &Path| {
        sys::mount(from, to, "none", sys::MS_MOVE, "").tried(|| "move a build's root".to_owned())
    };
    moved(&root.to_string_lossy(), door)?;
    // The first mount lies below `/` and cannot be given up, but it holds nothing, and after the
    // moves no name leads there.
    for old in [boot::BUILDS, boot::STORE, "/dev", "/sys", "/proc"] {
        sys::unmount(Path::new(old), sys::MNT_DETACH).tried(|| format!("give up '{old}'"))?;
    }
    std::env::set_current_dir(door).tried(|| format!("go to '{DOOR}'"))?;
    moved(".", Path::new("/"))?;
    sys::chroot(Path::new(".")).tried(|| "enter a build's root".to_owned())?;
    std::env::set_current_dir("/build").tried(|| "go to '/build'".to_owned())
}

/// An input: a mount of its own, or the same link.
fn show(from: &Path, to: &Path) -> std::io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if kind.is_dir() {
        fs::create_dir(to)?;
    } else {
        fs::write(to, b"")?;
    }
    sys::bind(from, to)
}
