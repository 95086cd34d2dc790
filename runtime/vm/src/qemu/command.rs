//! The command line of QEMU.
//!
//! Contract: pure, so that it can be shown for a host that is not this one. Devices are virtio on
//! virtio-mmio: `microvm` on x86 (with ACPI, by which distributions' kernels find them; without
//! BIOS or PCI to wait for), `virt` on Arm. Everything that QEMU would add by itself is left out. What
//! the guest may reach is what stands here: descriptors (the control stream, the disk, the initramfs), the
//! store or a disk with images of it, read-only, and the user network. Counterpart: QEMU's manual, chapters "System Emulation: Invocation",
//! "microvm" and "virt".

use std::ffi::OsString;
use std::path::PathBuf;

use wasibuild_vm_protocol::{IMAGES_SERIAL, PORT, STORE_TAG, SWAP_SERIAL};

use super::Accelerator;
use crate::{Architecture, Share};

/// The descriptors that QEMU inherits.
pub const CONTROL_DESCRIPTOR: i32 = 3;
/// See above.
pub const DISK_DESCRIPTOR: i32 = 4;
/// See above.
pub const INITRAMFS_DESCRIPTOR: i32 = 5;
/// See above.
pub const IMAGES_DESCRIPTOR: i32 = 6;

/// Where QEMU runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Linux on a processor.
    Linux(Architecture),
    /// macOS on a processor.
    MacOs(Architecture),
}

impl Host {
    /// This one; none where machines cannot run.
    pub fn this() -> Option<Self> {
        let architecture = Architecture::of_this_program()?;
        match std::env::consts::OS {
            "linux" => Some(Host::Linux(architecture)),
            "macos" => Some(Host::MacOs(architecture)),
            _ => None,
        }
    }

    /// By the name of a system, such as `aarch64-darwin`.
    pub fn of_system(system: &str) -> Option<Self> {
        let (architecture, kernel) = system.split_once('-')?;
        let architecture = Architecture::of_name(architecture)?;
        match kernel {
            "linux" => Some(Host::Linux(architecture)),
            "darwin" => Some(Host::MacOs(architecture)),
            _ => None,
        }
    }
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its processor.
    pub architecture: Architecture,
    /// What runs it.
    pub accelerator: Accelerator,
    /// Memory in MiB.
    pub memory: u64,
    /// Processors.
    pub cores: u32,
    /// The kernel's image.
    pub kernel: PathBuf,
    /// How it gets the store.
    pub share: Share,
    /// The directory that is the store.
    pub store: PathBuf,
    /// Whether there is a network for fixed-output builds.
    pub network: bool,
    /// Whether there is a disk.
    pub disk: bool,
    /// What the time stamp counter counts in a millisecond, where the guest cannot find out.
    pub tsc_khz: Option<u64>,
}

/// A system that runs in a machine, with a person before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Its first program, as the guest sees it.
    pub init: PathBuf,
    /// What its own kernel is told.
    pub parameters: String,
    /// Ports of this computer, and the system's to which they lead.
    pub forwards: Vec<(u16, u16)>,
    /// Whether there is a screen in a window.
    pub graphics: bool,
}

/// QEMU's arguments for a machine that builds.
pub fn arguments(machine: &Machine) -> Vec<OsString> {
    let mut line = common(machine, &kernel_line(machine));
    line.pair("-display", "none");
    line.pair("-chardev", "stdio,id=console,signal=off");
    line.pair("-serial", "chardev:console");
    line.pair("-device", "virtio-serial-device");
    line.pair(
        "-chardev",
        &format!("socket,id=control,fd={CONTROL_DESCRIPTOR}"),
    );
    line.pair(
        "-device",
        &format!("virtserialport,chardev=control,name={PORT}"),
    );
    network(&mut line, machine, &[]);
    line.0
}

/// QEMU's arguments for a machine with a system: its console is the terminal.
pub fn run_arguments(machine: &Machine, run: &Run) -> Vec<OsString> {
    let init = run.init.display();
    let words = format!(
        "{} {} wasibuild.run={init}",
        console(machine),
        run.parameters
    );
    let mut words = words.trim().to_owned();
    if let Some(khz) = machine.tsc_khz {
        words.push_str(&format!(" tsc_early_khz={khz}"));
    }
    for word in disks(machine) {
        words.push_str(&format!(" {word}"));
    }
    let mut line = common(machine, &words);
    line.pair("-serial", "mon:stdio");
    if run.graphics {
        for device in [
            "virtio-gpu-device",
            "virtio-keyboard-device",
            "virtio-tablet-device",
        ] {
            line.pair("-device", device);
        }
    } else {
        line.pair("-display", "none");
    }
    network(&mut line, machine, &run.forwards);
    line.0
}

fn network(line: &mut Line, machine: &Machine, forwards: &[(u16, u16)]) {
    if !machine.network {
        return;
    }
    let mut network = "user,id=network,ipv6=off".to_owned();
    for (host, guest) in forwards {
        network.push_str(&format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}"));
    }
    line.pair("-netdev", &network);
    line.pair("-device", "virtio-net-device,netdev=network");
}

/// What both have.
fn common(machine: &Machine, kernel_line: &str) -> Line {
    let mut line = Line(Vec::new());
    line.add("-nodefaults")
        .add("-no-user-config")
        .add("-no-reboot");
    line.pair(
        "-machine",
        match machine.architecture {
            Architecture::X86_64 => "microvm,acpi=on,pcie=off,rtc=on",
            Architecture::Aarch64 => "virt",
        },
    );
    line.pair(
        "-accel",
        match machine.accelerator {
            Accelerator::Tcg => "tcg,thread=multi",
            other => other.name(),
        },
    );
    line.pair("-cpu", processor(machine));
    let cores = machine.cores.min(max_cores(machine.architecture));
    line.pair("-smp", &cores.to_string());
    line.pair("-m", &format!("{}M", machine.memory));
    line.file("-kernel", "", &machine.kernel);
    line.pair("-initrd", &format!("/dev/fd/{INITRAMFS_DESCRIPTOR}"));
    line.pair("-append", kernel_line);
    line.pair("-global", "virtio-mmio.force-legacy=false");
    match machine.share {
        Share::NineP => {
            line.file(
                "-fsdev",
                "local,id=store,security_model=none,readonly=on,multidevs=remap,path=",
                &machine.store,
            );
            let device = format!("virtio-9p-device,fsdev=store,mount_tag={STORE_TAG}");
            line.pair("-device", &device);
        }
        Share::Images => {
            line.pair("-add-fd", &format!("fd={IMAGES_DESCRIPTOR},set=2"));
            line.pair(
                "-blockdev",
                "driver=file,node-name=inputs,filename=/dev/fdset/2,read-only=on,locking=off",
            );
            line.pair(
                "-blockdev",
                "driver=raw,node-name=images,file=inputs,read-only=on",
            );
            let device = format!("virtio-blk-device,drive=images,serial={IMAGES_SERIAL}");
            line.pair("-device", &device);
        }
    }
    if machine.disk {
        line.pair("-add-fd", &format!("fd={DISK_DESCRIPTOR},set=1"));
        line.pair(
            "-blockdev",
            "driver=file,node-name=disk,filename=/dev/fdset/1,locking=off,discard=unmap,cache.no-flush=on",
        );
        line.pair(
            "-blockdev",
            "driver=raw,node-name=swap,file=disk,discard=unmap,detect-zeroes=unmap",
        );
        // By default QEMU stops a machine whose disk finds no space, without a word to anybody.
        line.pair(
            "-device",
            &format!(
                "virtio-blk-device,drive=swap,serial={SWAP_SERIAL},werror=report,rerror=report"
            ),
        );
    }
    line.pair("-device", "virtio-balloon-device,free-page-reporting=on");
    line.pair("-device", "virtio-rng-device");
    line
}

/// The most processors of a machine. `virt` has a GICv2 by default, which limits them to 8
/// (`docs/system/arm/virt.rst` of QEMU), and a GICv3 under HVF is not in every QEMU that will do.
fn max_cores(architecture: Architecture) -> u32 {
    match architecture {
        Architecture::X86_64 => 255,
        Architecture::Aarch64 => 8,
    }
}

fn processor(machine: &Machine) -> &'static str {
    match (machine.accelerator, machine.architecture) {
        // Without these, kernels copy by `rep movsb`, which TCG does byte by byte.
        (Accelerator::Tcg, Architecture::X86_64) => "max,erms=off,fsrm=off",
        // Without this, signing pointers costs TCG more than all else.
        (Accelerator::Tcg, Architecture::Aarch64) => "max,pauth-impdef=on",
        _ => "host",
    }
}

fn console(machine: &Machine) -> &'static str {
    match machine.architecture {
        Architecture::X86_64 => "console=ttyS0",
        Architecture::Aarch64 => "console=ttyAMA0",
    }
}

/// What the kernel of a machine that builds is told.
fn kernel_line(machine: &Machine) -> String {
    let mut words = vec![
        console(machine).to_owned(),
        // The console carries what must be said; a guest that cannot go on ends.
        "quiet".to_owned(),
        "loglevel=4".to_owned(),
        "panic=-1".to_owned(),
        // The kernel's tests of its own ciphers: nothing here relies on them, and under TCG they take longest.
        "cryptomgr.notests".to_owned(),
    ];
    if let Some(khz) = machine.tsc_khz {
        words.push(format!("tsc_early_khz={khz}"));
        // Else the counter is compared with ticks, which a busy host delays: the guest would give it up, and
        // with it all timers but a tick of 250 in a second, also when idle.
        words.push("tsc=reliable".to_owned());
    }
    words.extend(disks(machine).map(str::to_owned));
    if machine.network {
        words.push("wasibuild.network".to_owned());
    }
    words.join(" ")
}

/// What the agent is told of the disks that it will find.
fn disks(machine: &Machine) -> impl Iterator<Item = &'static str> {
    let swap = machine.disk.then_some("wasibuild.swap");
    let images = (machine.share == Share::Images).then_some("wasibuild.images");
    swap.into_iter().chain(images)
}

struct Line(Vec<OsString>);

impl Line {
    fn add(&mut self, word: &str) -> &mut Self {
        self.0.push(word.into());
        self
    }

    fn pair(&mut self, option: &str, value: &str) {
        self.add(option).add(value);
    }

    /// A path within an option's value: QEMU wants commas twice there.
    fn file(&mut self, option: &str, before: &str, path: &std::path::Path) {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let mut value = before.as_bytes().to_vec();
        for &byte in path.as_os_str().as_bytes() {
            value.push(byte);
            if byte == b',' && !before.is_empty() {
                value.push(byte);
            }
        }
        self.add(option);
        self.0.push(OsString::from_vec(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(architecture: Architecture, accelerator: Accelerator) -> String {
        machine_by(Share::NineP, architecture, accelerator)
    }

    fn machine_by(share: Share, architecture: Architecture, accelerator: Accelerator) -> String {
        let machine = Machine {
            share,
            architecture,
            accelerator,
            memory: 1024,
            cores: 14,
            kernel: "/k,1".into(),
            store: "/s,t/nix/store".into(),
            network: true,
            disk: true,
            tsc_khz: None,
        };
        let words: Vec<String> = arguments(&machine)
            .into_iter()
            .map(|word| word.into_string().expect("text"))
            .collect();
        words.join(" ")
    }

    #[test]
    fn a_mac_runs_arm_guests_on_its_own_processor() {
        let host = Host::of_system("aarch64-darwin").expect("a host");
        let accelerator = Accelerator::of_host(host, Architecture::Aarch64);
        assert_eq!(accelerator, Some(Accelerator::Hvf));
        let line = machine(Architecture::Aarch64, Accelerator::Hvf);
        for part in [
            "-machine virt ",
            "-accel hvf ",
            "-cpu host ",
            "-smp 8 ",
            "console=ttyAMA0 ",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert_eq!(Accelerator::of_host(host, Architecture::X86_64), None);
    }

    #[test]
    fn a_store_is_shared_or_imaged() {
        let line = machine_by(Share::Images, Architecture::X86_64, Accelerator::Tcg);
        for part in [
            "fd=6,set=2",
            "driver=raw,node-name=images,file=inputs,read-only=on ",
            "serial=wasibuild-images ",
            " wasibuild.images ",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains("9p"), "{line}");
        let line = machine(Architecture::X86_64, Accelerator::Tcg);
        assert!(!line.contains("images"), "{line}");
    }

    #[test]
    fn commas_in_paths_are_doubled_where_options_are_split() {
        let line = machine(Architecture::X86_64, Accelerator::Tcg);
        assert!(line.contains("path=/s,,t/nix/store "), "{line}");
        assert!(line.contains("-kernel /k,1 "), "{line}");
        assert!(line.contains("readonly=on"), "{line}");
    }
}
