//! `cargo xtask debian`: a Debian system with systemd, sshd and Nix in target/vm/debian, for the benchmark `vm`.
//!
//! Contract: what people build a Linux builder of by hand today, and no more of it than is needed: a minimal
//! installation, no timers, no login on a terminal, an address that nobody has to be asked for. Its initramfs
//! loads the drivers of the disk and nothing else. All of this is faster than what Debian's installer leaves.
//! The kernel is that of `cargo xtask kernels`. The packages come from the mirror that this machine's own apt
//! configuration names. Needs root, as debootstrap does.

use crate::command::{output, run as run_command, target_dir};
use crate::{kernels, nixes};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGES: &str =
    "systemd-sysv,openssh-server,nix-bin,libdbi-perl,udev,kmod,cpio,busybox-static,bash-static";
/// The drivers that the system needs before it has its disk.
const DRIVERS: [&str; 3] = ["virtio_mmio", "virtio_blk", "ext4"];
/// What runs in a minimal installation and a builder does not need.
const NEEDLESS: [&str; 12] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty-static.service",
    "getty@tty1.service",
    "serial-getty@ttyS0.service",
    "systemd-pstore.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-utmp.service",
];
const FILES: [(&str, &str); 4] = [
    ("etc/hostname", "builder\n"),
    (
        "etc/systemd/network/all.network",
        "[Match]\nName=e*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nLinkLocalAddressing=no\n",
    ),
    (
        "etc/nix/nix.conf",
        "build-users-group =\nsandbox = true\nsubstitute = false\nmax-jobs = 4\n",
    ),
    (
        "etc/ssh/sshd_config",
        "UsePAM no\nPrintMotd no\nSubsystem sftp internal-sftp\n",
    ),
];
/// Process 1 of the initramfs.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
for module in /modules/*; do /bin/busybox insmod $module; done
until [ -b /dev/vda ]; do /bin/busybox usleep 2000; done
/bin/busybox mount -t ext4 /dev/vda /root
exec /bin/busybox switch_root /root /lib/systemd/systemd
";

pub fn run() -> Result<()> {
    let folder = target_dir().join("vm/debian");
    if folder.join("initramfs").exists() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let folder = fs::canonicalize(folder)?;
    let root = folder.join("root");
    let _ = fs::remove_dir_all(&root);
    let mut debootstrap = Command::new("debootstrap");
    debootstrap.args([
        "--variant=minbase",
        &format!("--include={PACKAGES}"),
        kernels::SUITE,
    ]);
    run_command(debootstrap.arg(&root).arg(nixes::mirror()?))?;
    modules(&root)?;
    for (name, text) in FILES {
        let place = root.join(name);
        fs::create_dir_all(place.parent().context("a directory")?)?;
        fs::write(place, text)?;
    }
    let mut systemctl = Command::new("systemctl");
    systemctl.arg("--root").arg(&root);
    run_command(systemctl.args(["--quiet", "mask"]).args(NEEDLESS))?;
    let mut systemctl = Command::new("systemctl");
    systemctl.arg("--root").arg(&root);
    run_command(systemctl.args(["--quiet", "enable", "systemd-networkd"]))?;
    for needless in ["var/cache/apt", "var/lib/apt/lists"] {
        let _ = fs::remove_dir_all(root.join(needless));
    }
    // Last: what it is there by.
    let archive = initramfs(&root)?;
    Ok(fs::write(folder.join("initramfs"), archive)?)
}

/// The kernel that machines have, as Debian ships it, and its modules.
fn modules(root: &Path) -> Result<()> {
    let package = kernels::package("amd64")?;
    // Beside its place: dpkg-deb would make a directory of the link `lib`.
    let work = root.with_extension("kernel");
    let mut dpkg = Command::new("dpkg-deb");
    output(dpkg.arg("-x").arg(package).arg(&work))?;
    fs::rename(work.join("lib/modules"), root.join("usr/lib/modules"))?;
    let image = format!("boot/vmlinuz-{}", release(root)?);
    fs::rename(work.join(image), root.with_file_name("kernel"))?;
    fs::remove_dir_all(work)?;
    let mut depmod = Command::new("depmod");
    run_command(depmod.arg("-b").arg(root).arg(release(root)?))
}

fn release(root: &Path) -> Result<String> {
    let mut entries = fs::read_dir(root.join("lib/modules"))?;
    let entry = entries.next().context("the package has no modules")??;
    Ok(entry.file_name().to_string_lossy().into_owned())
}

fn initramfs(root: &Path) -> Result<Vec<u8>> {
    let tree = root.join("initramfs");
    let _ = fs::remove_dir_all(&tree);
    for name in ["bin", "dev", "modules", "root"] {
        fs::create_dir_all(tree.join(name))?;
    }
    fs::copy(root.join("bin/busybox"), tree.join("bin/busybox"))?;
    let init = tree.join("init");
    fs::write(&init, INIT)?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
    let mut order: Vec<PathBuf> = Vec::new();
    for driver in DRIVERS {
        let mut modprobe = Command::new("modprobe");
        modprobe.args(["--show-depends", "-S", &release(root)?, "-d"]);
        let text = String::from_utf8(output(modprobe.arg(root).arg(driver))?)?;
        for line in text.lines() {
            let Some(path) = line.trim().strip_prefix("insmod ") else {
                continue;
            };
            let path = PathBuf::from(path.trim());
            if !order.contains(&path) {
                order.push(path);
            }
        }
    }
    for (place, module) in order.iter().enumerate() {
        fs::copy(module, tree.join(format!("modules/{place:02}.ko")))?;
    }
    let mut cpio = Command::new("chroot");
    cpio.arg(root);
    cpio.args([
        "sh",
        "-ec",
        "cd /initramfs; find . | cpio --quiet -o -H newc",
    ]);
    let archive = output(&mut cpio)?;
    fs::remove_dir_all(tree)?;
    Ok(archive)
}
