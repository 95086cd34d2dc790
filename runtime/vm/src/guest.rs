//! A guest that runs: QEMU's process, its console, its control stream.
//!
//! Contract: [`Guest::start`] returns when the agent has greeted, or says why not, with the console's
//! last lines. Dropping it kills QEMU. The console is a stranger's: of a flood, the beginning and the
//! end are kept. A guest under an accelerator that was not proved has little time to greet; if it does
//! not, another one is started under TCG, and both findings are remembered.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bstr::BString;
use wasibuild_vm_protocol::{Frame, FromGuest, GuestHello, ProtocolError};

use crate::error::io;
use crate::image::{self, Images};
use crate::kernel::Kernel;
use crate::qemu::{self, Accelerator, Host, Machine, Proofs};
use crate::{Architecture, KernelError, MachineError, Share, initramfs, platform, scratch};

/// How long a guest on real hardware may take to greet while that hardware is not proved.
const PROBE: Duration = Duration::from_secs(10);
/// How much of the console's beginning, and of its end, is kept.
const CONSOLE_PART: usize = 256 << 10;

/// What is to be started.
#[derive(Debug, Clone)]
pub struct Start {
    /// The processor.
    pub architecture: Architecture,
    /// Where findings and temporary files are kept.
    pub state: PathBuf,
    /// Where the kernel is, as [`crate::kernel::install`] keeps it.
    pub kernel: PathBuf,
    /// The directory that is the store.
    pub store: PathBuf,
    /// How it is shown; none: as the kernel can.
    pub share: Option<Share>,
    /// The most that images of inputs take, in bytes.
    pub images: u64,
    /// Memory in MiB.
    pub memory: u64,
    /// Processors.
    pub cores: u32,
    /// The disk's size in bytes; 0: none.
    pub disk: u64,
    /// The emulator, if not the first in `PATH`.
    pub qemu: Option<PathBuf>,
    /// `PATH`.
    pub path: Option<std::ffi::OsString>,
    /// The accelerator, if it is not to be found out.
    pub accelerator: Option<Accelerator>,
    /// Whether there is a network for fixed-output builds.
    pub network: bool,
    /// Where the console is written.
    pub console: Option<PathBuf>,
    /// How long the guest may take to greet, and to answer while it builds. Emulated ones on busy hosts
    /// take long.
    pub patience: Duration,
}

impl Start {
    /// The machine on another host, with the files' names as they would be: for people to look at.
    ///
    /// # Errors
    /// Never for lack of QEMU, a kernel, or an agent.
    pub fn machine_on(&self, host: Host) -> Machine {
        let accelerator = self
            .accelerator
            .or_else(|| Accelerator::of_host(host, self.architecture))
            .unwrap_or(Accelerator::Tcg);
        self.machine(
            accelerator,
            self.share_on_paper(),
            self.kernel.join("kernel"),
            match host {
                Host::Linux(Architecture::X86_64) | Host::MacOs(Architecture::X86_64) => None,
                _ => Some(1_000_000),
            },
        )
    }

    /// How the store would be shown, as far as that is known.
    fn share_on_paper(&self) -> Share {
        let kernel = Kernel::open(&self.kernel, self.architecture).ok();
        let can = kernel.and_then(|kernel| kernel.share(None).ok());
        self.share.or(can).unwrap_or(Share::NineP)
    }

    fn machine(
        &self,
        accelerator: Accelerator,
        share: Share,
        kernel: PathBuf,
        tsc_khz: Option<u64>,
    ) -> Machine {
        let counts = accelerator == Accelerator::Tcg && self.architecture == Architecture::X86_64;
        Machine {
            architecture: self.architecture,
            accelerator,
            memory: self.memory,
            cores: self.cores,
            kernel,
            share,
            store: self.store.clone(),
            network: self.network,
            disk: self.disk > 0,
            tsc_khz: tsc_khz.filter(|_| counts),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Guest {
    child: Child,
    disk: Option<scratch::Watch>,
    images: Option<Images>,
    share: Share,
    stream: Option<UnixStream>,
    console: Arc<Mutex<Console>>,
    /// What the agent said.
    pub hello: GuestHello,
    /// What runs it.
    pub accelerator: Accelerator,
    /// From QEMU's start to the greeting.
    pub boot: Duration,
}

impl Guest {
    /// Starts one.
    ///
    /// # Errors
    /// When something is missing, or the guest does not come.
    pub fn start(start: &Start, notice: &mut dyn FnMut(&str)) -> Result<Self, MachineError> {
        let agent = start
            .architecture
            .agent()
            .ok_or(MachineError::NoAgent(start.architecture))?;
        let kernel = Kernel::open(&start.kernel, start.architecture)?;
        let program = qemu::find(
            start.architecture,
            start.qemu.as_deref(),
            start.path.as_deref(),
        )?;
        let share = kernel.share(start.share)?;
        let initramfs = write_initramfs(start, agent, &kernel, share)?;

        let proofs = Proofs::open(&start.state.join("accelerators"), &program);
        let hardware = Host::this()
            .and_then(|host| Accelerator::of_host(host, start.architecture))
            .filter(|accelerator| device_exists(*accelerator));
        let mut attempts = Vec::new();
        let patience = start.patience;
        match (start.accelerator, hardware) {
            (Some(named), _) => attempts.push((named, patience)),
            (None, Some(hardware)) => match proofs.known(hardware) {
                Some(true) => attempts.push((hardware, patience)),
                Some(false) => attempts.push((Accelerator::Tcg, patience)),
                None => attempts.extend([
                    (hardware, PROBE.min(patience)),
                    (Accelerator::Tcg, patience),
                ]),
            },
            (None, None) => attempts.push((Accelerator::Tcg, patience)),
        }
        let last = attempts.len().saturating_sub(1);
        for (index, (accelerator, patience)) in attempts.into_iter().enumerate() {
            let tsc = (accelerator == Accelerator::Tcg).then(platform::tsc_khz);
            let machine = start.machine(accelerator, share, kernel.image.clone(), tsc);
            let result = Self::boot(start, &machine, &initramfs, &program.path, patience);
            if start.accelerator.is_none() && accelerator != Accelerator::Tcg {
                match &result {
                    Ok(_) => proofs.remember(accelerator, true),
                    Err(MachineError::NotUp { hung: true, .. }) => {
                        proofs.remember(accelerator, false);
                    }
                    // QEMU itself refused, which may be mended: it is asked again the next time.
                    Err(_) => {}
                }
            }
            match result {
                Err(error) if index < last => notice(&format!(
                    "{accelerator} is there but no guest comes up with it within {} s; \
                     machines are emulated from now on, which is slow ({})",
                    patience.as_secs(),
                    error.to_string().lines().next().unwrap_or_default()
                )),
                result => return result,
            }
        }
        Err(KernelError::None {
            architecture: start.architecture,
        }
        .into())
    }

    fn boot(
        start: &Start,
        machine: &Machine,
        initramfs: &File,
        program: &Path,
        patience: Duration,
    ) -> Result<Self, MachineError> {
        let failed = |hung: bool, problem: String, console: String| MachineError::NotUp {
            architecture: start.architecture,
            hung,
            problem,
            console,
        };
        let quiet = |error: std::io::Error| failed(false, error.to_string(), String::new());
        let (ours, theirs) = UnixStream::pair().map_err(quiet)?;
        let mut initramfs = initramfs.try_clone().map_err(quiet)?;
        // On macOS a descriptor that is opened once more shares its place.
        initramfs.rewind().map_err(quiet)?;
        let mut descriptors = vec![
            (
                File::from(std::os::fd::OwnedFd::from(theirs)),
                qemu::CONTROL_DESCRIPTOR,
            ),
            (initramfs, qemu::INITRAMFS_DESCRIPTOR),
        ];
        let mut watch = None;
        if machine.disk {
            let disk = scratch::make(&start.state, start.disk)
                .map_err(io("make a disk in", &start.state))?;
            watch = Some(scratch::Watch::new(&disk).map_err(quiet)?);
            descriptors.push((disk, qemu::DISK_DESCRIPTOR));
        }
        let mut images = None;
        if machine.share == Share::Images {
            let made = Images::new(&start.state, start.images);
            let made = made.map_err(io("make a disk in", &start.state))?;
            descriptors.push((made.for_reading().map_err(quiet)?, qemu::IMAGES_DESCRIPTOR));
            images = Some(made);
        }
        let begun = Instant::now();
        let mut command = Command::new(program);
        command
            .args(qemu::arguments(machine))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        platform::inherit(&mut command, descriptors);
        let mut child = command.spawn().map_err(quiet)?;
        // With it go this process's copies of QEMU's descriptors: the stream ends when QEMU does.
        drop(command);
        let console = Arc::new(Mutex::new(Console::new(start.console.as_deref())));
        for output in [
            child
                .stdout
                .take()
                .map(|out| Box::new(out) as Box<dyn Read + Send>),
            child
                .stderr
                .take()
                .map(|out| Box::new(out) as Box<dyn Read + Send>),
        ]
        .into_iter()
        .flatten()
        {
            let console = Arc::clone(&console);
            std::thread::spawn(move || keep(output, &console));
        }
        let mut guest = Guest {
            child,
            disk: watch,
            images,
            share: machine.share,
            stream: None,
            console,
            hello: GuestHello {
                version: 0,
                kernel: Default::default(),
                processors: 0,
                memory: 0,
                kvm: false,
                uptime: 0,
            },
            accelerator: machine.accelerator,
            boot: Duration::ZERO,
        };
        match greeting(&ours, patience) {
            Ok(hello) => {
                guest.hello = hello;
                guest.boot = begun.elapsed();
                guest.stream = Some(ours);
                Ok(guest)
            }
            Err(problem) => {
                // What QEMU says at its end comes a moment after the stream's end.
                let (ended, status) = guest.end();
                std::thread::sleep(Duration::from_millis(50));
                Err(failed(
                    !ended,
                    format!("{problem}{status}"),
                    guest.console_tail(),
                ))
            }
        }
    }

    /// The control stream, once.
    pub fn take_stream(&mut self) -> Option<UnixStream> {
        self.stream.take()
    }

    /// What tells whether its disk can grow, once.
    pub(crate) fn take_disk(&mut self) -> Option<scratch::Watch> {
        self.disk.take()
    }

    /// The images that it shows for a store, once.
    pub(crate) fn take_images(&mut self) -> Option<Images> {
        self.images.take()
    }

    /// How it gets the store.
    pub fn share(&self) -> Share {
        self.share
    }

    /// QEMU's process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The console's last lines, ready to print after a message; empty if there are none.
    pub fn console_tail(&self) -> String {
        let console = self.console.lock().unwrap_or_else(PoisonError::into_inner);
        console.tail()
    }

    /// Waits a moment for QEMU's end, or kills it; whether it ended, and with what.
    fn end(&mut self) -> (bool, String) {
        for _ in 0..20 {
            match self.child.try_wait() {
                Ok(Some(status)) => return (true, format!("; QEMU ended with {status}")),
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                Err(_) => break,
            }
        }
        self.kill();
        (false, String::new())
    }

    /// Kills QEMU. The guest has nothing that must be saved.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a system with its console on this process's terminal; QEMU's status. With `dry_run` its
/// command line is returned instead. `closure` gives the names and places of the store paths that it needs,
/// where not the whole store is shown.
///
/// # Errors
/// When something is missing.
pub fn run_system(
    start: &Start,
    system: &crate::System,
    run: &qemu::Run,
    closure: &mut dyn FnMut() -> Result<Vec<(BString, PathBuf)>, MachineError>,
    dry_run: bool,
) -> Result<Result<std::process::ExitStatus, Vec<std::ffi::OsString>>, MachineError> {
    let architecture = system.kernel.architecture;
    let agent = architecture
        .agent()
        .ok_or(MachineError::NoAgent(architecture))?;
    let share = system.kernel.share(start.share)?;
    let initramfs = write_initramfs(start, agent, &system.kernel, share)?;
    let program = qemu::find(architecture, start.qemu.as_deref(), start.path.as_deref())?;
    let proofs = Proofs::open(&start.state.join("accelerators"), &program);
    let hardware = Host::this()
        .and_then(|host| Accelerator::of_host(host, architecture))
        .filter(|accelerator| {
            device_exists(*accelerator) && proofs.known(*accelerator) == Some(true)
        });
    let accelerator = start.accelerator.or(hardware).unwrap_or(Accelerator::Tcg);
    let machine = start.machine(
        accelerator,
        share,
        system.kernel.image.clone(),
        Some(platform::tsc_khz()),
    );
    let arguments = qemu::run_arguments(&machine, run);
    if dry_run {
        return Ok(Err(arguments));
    }
    let mut command = Command::new(&program.path);
    command.args(arguments);
    let mut descriptors = vec![(initramfs, qemu::INITRAMFS_DESCRIPTOR)];
    if machine.disk {
        let disk =
            scratch::make(&start.state, start.disk).map_err(io("make a disk in", &start.state))?;
        descriptors.push((disk, qemu::DISK_DESCRIPTOR));
    }
    if share == Share::Images {
        let image = image::single(&start.state, &closure()?)?;
        descriptors.push((image, qemu::IMAGES_DESCRIPTOR));
    }
    platform::inherit(&mut command, descriptors);
    let status = command.status().map_err(io("start", &program.path))?;
    Ok(Ok(status))
}

/// The initramfs, as a file without a name: whoever is killed when, none stays behind.
fn write_initramfs(
    start: &Start,
    agent: &[u8],
    kernel: &Kernel,
    share: Share,
) -> Result<File, MachineError> {
    let archive = initramfs::write(agent, &kernel.read_modules(share)?);
    let mut file =
        tempfile::tempfile_in(&start.state).map_err(io("make a file in", &start.state))?;
    file.write_all(&archive)
        .and_then(|()| file.rewind())
        .map_err(io("write an initramfs in", &start.state))?;
    Ok(file)
}

/// Whether there is the device without which an accelerator cannot work. That there is one proves
/// nothing.
fn device_exists(accelerator: Accelerator) -> bool {
    match accelerator {
        Accelerator::Kvm => File::options()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok(),
        Accelerator::Hvf | Accelerator::Tcg => true,
    }
}

/// A stream of which all that is read must come within a time.
struct Within<'s> {
    stream: &'s UnixStream,
    end: Instant,
}

impl Read for Within<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

/// Reads the agent's first message.
fn greeting(stream: &UnixStream, patience: Duration) -> Result<GuestHello, String> {
    let mut source = Within {
        stream,
        end: Instant::now() + patience,
    };
    let frame = Frame::read(&mut source).and_then(|frame| frame.map(FromGuest::of).transpose());
    let _ = stream.set_read_timeout(None);
    match frame {
        Ok(Some(FromGuest::Hello(hello))) => Ok(hello),
        Ok(Some(_)) => Err("its first message was no greeting".to_owned()),
        Ok(None) => Err("it ended before it greeted".to_owned()),
        Err(ProtocolError::Io(error))
            if matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
            ) =>
        {
            Err(format!(
                "no greeting within {} s (vm.patience)",
                patience.as_secs()
            ))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Copies an output to the console.
fn keep(mut output: Box<dyn Read + Send>, console: &Mutex<Console>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = output.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        console
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(bytes);
    }
}

/// What the console said.
#[derive(Debug)]
struct Console {
    file: Option<File>,
    written: usize,
    end: std::collections::VecDeque<u8>,
}

impl Console {
    fn new(file: Option<&Path>) -> Self {
        Console {
            file: file.and_then(|path| File::create(path).ok()),
            written: 0,
            end: std::collections::VecDeque::new(),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file
            && self.written < CONSOLE_PART
        {
            let _ = file.write_all(bytes);
            self.written += bytes.len();
            if self.written >= CONSOLE_PART {
                let _ = file.write_all(b"\n[the rest is not kept]\n");
            }
        }
        self.end.extend(bytes);
        let surplus = self.end.len().saturating_sub(CONSOLE_PART);
        self.end.drain(..surplus);
    }

    fn tail(&self) -> String {
        let bytes: Vec<u8> = self.end.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let from = lines.len().saturating_sub(12);
        // Why a kernel ended is said before its long account of where.
        let earlier = lines.iter().take(from);
        let panic = earlier.rev().find(|line| line.contains("Kernel panic"));
        let mut out = String::new();
        for line in panic.into_iter().chain(lines.iter().skip(from)) {
            out.push_str("\n  console> ");
            out.extend(line.chars().filter(|c| !c.is_control()).take(200));
        }
        out
    }
}
