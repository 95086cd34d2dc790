//! The other side: a Debian with systemd and sshd under the same QEMU, to which Nix sends its builds.
//!
//! Contract: the system of `cargo xtask debian`, on a raw disk image (virtio-blk) that has all inputs already.
//! Its machine has the accelerator, processors, memory and devices of ours, and the same kernel as Debian ships
//! it. Power-on is QEMU's start; Nix is started as soon as sshd greets.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{World, ours};
use crate::doors::output;
use crate::program::{cargo, workspace};

/// How long it may take to greet.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(20);

/// Where `cargo xtask debian` puts the system.
pub fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| workspace().join("target"), PathBuf::from);
    target.join("vm/debian")
}

/// Makes the system, unless it is there.
///
/// # Errors
/// When that fails.
pub fn prepare() -> Result<()> {
    ensure!(
        cargo().args(["xtask", "debian"]).status()?.success(),
        "cargo xtask debian failed"
    );
    Ok(())
}

/// The system, its disk, and how its machine is started.
#[derive(Debug)]
pub struct Debian<'w> {
    world: &'w World,
    /// What its machine has in common with ours.
    arguments: Vec<String>,
    /// What its kernel is told: the console, and what a counter counts that it cannot measure.
    words: Vec<String>,
    port: u16,
}

impl<'w> Debian<'w> {
    /// Makes its disk; our machine runs for a moment, to be looked at.
    ///
    /// # Errors
    /// When a part of it fails.
    pub fn new(world: &'w World) -> Result<Self> {
        ours::build(world, &world.derivations("trivial", 1)?, "vm")?;
        let line = ours::arguments(world)?;
        ours::stop(world)?;
        let mut arguments = Vec::new();
        let mut words = Vec::new();
        for pair in line.windows(2) {
            let [option, value] = pair else { continue };
            match option.as_str() {
                "-machine" | "-accel" | "-cpu" | "-smp" | "-m" | "-global" => {
                    arguments.extend([option.clone(), value.clone()]);
                }
                "-append" => {
                    let own = value
                        .split(' ')
                        .filter(|word| !word.starts_with("wasibuild."));
                    words.extend(own.map(str::to_owned));
                }
                _ => {}
            }
        }
        ensure!(!words.is_empty(), "our QEMU has no kernel: {line:?}");
        arguments.insert(0, line.first().context("QEMU's name")?.clone());
        // Free the moment before it is used.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let debian = Debian {
            world,
            arguments,
            words,
            port,
        };
        debian.image()?;
        Ok(debian)
    }

    fn key(&self) -> PathBuf {
        self.world.scratch.join("key")
    }

    /// Makes the disk as it is before the first start.
    fn image(&self) -> Result<()> {
        let (root, world) = (folder().join("root"), self.world);
        let mut command = Command::new("ssh-keygen");
        output(
            command
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(self.key()),
        )?;
        let keys = root.join("root/.ssh");
        fs::create_dir_all(&keys)?;
        fs::copy(
            self.key().with_extension("pub"),
            keys.join("authorized_keys"),
        )?;
        // It has the builds' inputs, so that only derivations and outputs are sent.
        let _ = fs::remove_dir_all(root.join("nix"));
        let derivations = world.derivations("trivial", 1)?;
        let mut query = world.nix.command("nix-store");
        query
            .arg("--store")
            .arg(world.root())
            .args(["--query", "--requisites"]);
        let closure = output(query.args(&derivations))?;
        let inputs = closure.lines().filter(|path| !path.ends_with(".drv"));
        let mut export = world.nix.command("nix-store");
        export
            .arg("--store")
            .arg(world.root())
            .arg("--export")
            .args(inputs);
        let mut export = export.stdout(Stdio::piped()).spawn()?;
        let mut import = world.nix.command("nix-store");
        import.arg("--store").arg(&root).arg("--import");
        output(import.stdin(export.stdout.take().context("an archive")?))?;
        ensure!(export.wait()?.success(), "nix-store --export failed");
        let mut image = Command::new("mke2fs");
        image.args(["-q", "-t", "ext4", "-d"]).arg(&root);
        output(image.arg(world.scratch.join("disk.first")).arg("3G")).map(drop)
    }

    /// The disk as it was before the first start.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn fresh_disk(&self) -> Result<()> {
        let place = |name: &str| self.world.scratch.join(name);
        let mut copy = Command::new("cp");
        copy.arg("--sparse=always");
        output(copy.arg(place("disk.first")).arg(place("disk"))).map(drop)
    }

    /// Starts it, and waits until sshd greets.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(&self) -> Result<Machine<'_>> {
        let (program, common) = self.arguments.split_first().context("QEMU's name")?;
        let scratch = &self.world.scratch;
        let mut qemu = Command::new(program);
        qemu.args(["-nodefaults", "-no-user-config", "-no-reboot"])
            .args(common);
        qemu.arg("-kernel").arg(folder().join("kernel"));
        qemu.arg("-initrd").arg(folder().join("initramfs"));
        qemu.args(["-append", &format!("{} rw", self.words.join(" "))]);
        let disk = scratch.join("disk");
        for (option, value) in [
            (
                "-drive",
                format!("if=none,id=disk,format=raw,file={}", disk.display()),
            ),
            ("-device", "virtio-blk-device,drive=disk".to_owned()),
            (
                "-device",
                "virtio-balloon-device,free-page-reporting=on".to_owned(),
            ),
            ("-device", "virtio-rng-device".to_owned()),
            ("-display", "none".to_owned()),
            ("-serial", format!("file:{}", self.console().display())),
            (
                "-netdev",
                format!(
                    "user,id=network,ipv6=off,hostfwd=tcp:127.0.0.1:{}-:22",
                    self.port
                ),
            ),
            ("-device", "virtio-net-device,netdev=network".to_owned()),
        ] {
            qemu.args([option, &value]);
        }
        let child = qemu.stdin(Stdio::null()).spawn()?;
        let machine = Machine {
            debian: self,
            child,
        };
        let start = Instant::now();
        while !self.greets() {
            if start.elapsed() > PATIENCE {
                let console = fs::read_to_string(self.console()).unwrap_or_default();
                bail!("Debian's sshd did not greet:\n{console}");
            }
            std::thread::sleep(PAUSE);
        }
        Ok(machine)
    }

    fn console(&self) -> PathBuf {
        self.world.scratch.join("console")
    }

    /// QEMU takes connections at once; sshd's first words tell that it is there.
    fn greets(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let mut words = [0; 4];
        stream
            .set_read_timeout(Some(Duration::from_millis(500)))
            .is_ok()
            && stream.read_exact(&mut words).is_ok()
            && words == *b"SSH-"
    }
}

/// A machine that runs; it ends when dropped.
#[derive(Debug)]
pub struct Machine<'d> {
    debian: &'d Debian<'d>,
    child: Child,
}

impl Machine<'_> {
    /// QEMU's number.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Builds with this machine as the only builder; the outputs come to the host's store.
    ///
    /// # Errors
    /// When Nix fails.
    pub fn build(&self, derivations: &[String]) -> Result<()> {
        let world = self.debian.world;
        let key = self.debian.key();
        let builder = format!(
            "ssh-ng://root@127.0.0.1 {}-linux {} 4 1",
            std::env::consts::ARCH,
            key.display()
        );
        let mut nix = world.nix.command("nix-store");
        nix.arg("--store")
            .arg(world.root())
            .arg("--realise")
            .args(derivations);
        nix.args(["--max-jobs", "0", "--option", "builders", &builder]);
        nix.env("NIX_SSHOPTS", self.options())
            .env("HOME", &world.scratch);
        output(&mut nix).map(drop)
    }

    fn options(&self) -> String {
        let hosts = Path::new("/dev/null").display();
        format!(
            "-p {} -o UserKnownHostsFile={hosts} -o StrictHostKeyChecking=no -o LogLevel=ERROR",
            self.debian.port
        )
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
