//! One build, as process 1 sees it.
//!
//! Contract: a tmpfs with the build's size, a control group, a process that becomes the builder
//! ([`super::jail`]), its log, its end, its outputs. Whatever happens, nothing of it is left when
//! [`run`] returns. The log and the archives wait for the host's grants.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bstr::BString;
use wasibuild_vm_protocol::{
    BUILD_DIRECTORY, BuildSpec, Ending, FromGuest, MAX_CHUNK, ToGuest, Window,
};

use super::archive::Others;
use super::control::Sender;
use super::group::Group;
use super::{Result, Tried, archive, boot, jail, root, sys};

/// A build that runs.
#[derive(Debug)]
pub struct Build {
    number: u32,
    sender: Sender,
    killed: AtomicBool,
    window: Mutex<Window>,
    granted: Condvar,
    /// What there is to be killed.
    alive: Mutex<Option<Alive>>,
    /// Where what is typed goes.
    typed: Mutex<Typed>,
}

/// The most that is kept of what is typed before there is a terminal.
const EARLY: usize = 64 << 10;

/// What becomes of what is typed.
#[derive(Debug)]
enum Typed {
    /// There is no terminal yet: it is kept.
    Early(Vec<u8>),
    Terminal(File),
    /// The build has none, or no longer one.
    Nowhere,
}

#[derive(Debug)]
struct Alive {
    process: u32,
    group: Group,
}

impl Build {
    /// A build that was not started yet.
    pub fn new(number: u32, sender: Sender) -> Self {
        Build {
            number,
            sender,
            killed: AtomicBool::new(false),
            window: Mutex::default(),
            granted: Condvar::new(),
            alive: Mutex::new(None),
            typed: Mutex::new(Typed::Early(Vec::new())),
        }
    }

    /// Ends it, whatever it is doing.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
        if let Some(alive) = &*locked(&self.alive) {
            alive.group.kill();
            // On kernels before 5.14 groups cannot be killed; all dies with its first process.
            sys::kill(alive.process);
        }
        let _window = locked(&self.window);
        self.granted.notify_all();
    }

    /// The host took so many bytes.
    pub fn grant(&self, bytes: u64) {
        locked(&self.window).grant(bytes);
        self.granted.notify_all();
    }

    /// From now on what is typed goes there, and first what was typed before.
    fn typed_goes_to(&self, terminal: Option<File>) {
        let mut typed = locked(&self.typed);
        *typed = match terminal {
            Some(mut terminal) => {
                if let Typed::Early(kept) = &*typed {
                    let _ = terminal.write_all(kept);
                }
                Typed::Terminal(terminal)
            }
            None => Typed::Nowhere,
        };
    }

    /// Somebody typed.
    pub fn input(&self, bytes: Vec<u8>) {
        // The end of the input is the character that terminals have for it.
        let bytes = if bytes.is_empty() { vec![4] } else { bytes };
        match &mut *locked(&self.typed) {
            Typed::Early(kept) if kept.len() + bytes.len() <= EARLY => kept.extend(bytes),
            Typed::Terminal(terminal) => {
                let _ = terminal.write_all(&bytes);
            }
            Typed::Early(_) | Typed::Nowhere => {}
        }
    }

    fn is_killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    /// Waits until bytes may be sent, and takes at most `wanted` of them from the window; none if the
    /// build was killed.
    fn take(&self, wanted: usize) -> Option<usize> {
        let mut window = locked(&self.window);
        loop {
            if self.is_killed() {
                return None;
            }
            let count = window.left().min(wanted as u64);
            if count > 0 {
                window.spend(count).ok()?;
                return usize::try_from(count).ok();
            }
            window = self
                .granted
                .wait(window)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends bytes as the window allows.
    fn stream(&self, mut bytes: &[u8], message: impl Fn(u32, Vec<u8>) -> FromGuest) -> Result<()> {
        while !bytes.is_empty() {
            let count = self
                .take(bytes.len().min(MAX_CHUNK as usize))
                .ok_or("the build was killed")?;
            let (now, later) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
            self.sender.send(message(self.number, now.to_vec()))?;
            bytes = later;
        }
        Ok(())
    }

    /// Hands the log on until the last process that holds the terminal is gone.
    fn pump(&self, mut log: File) {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match log.read(&mut buffer) {
                // EIO: nobody holds the other side any more.
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    if self.stream(bytes, FromGuest::Log).is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Takes an archive's bytes.
struct Archive<'b> {
    build: &'b Build,
    buffer: Vec<u8>,
}

impl Write for Archive<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= MAX_CHUNK as usize {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.buffer);
        self.build
            .stream(&bytes, FromGuest::Archive)
            .map_err(io::Error::other)
    }
}

impl archive::Sink for Archive<'_> {
    fn take_file(&mut self, file: &File, size: u64) -> io::Result<()> {
        self.flush()?;
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX);
            let count = self.build.take(wanted.min(MAX_CHUNK as usize));
            let count = count.ok_or_else(|| io::Error::other("the build was killed"))?;
            let frame = FromGuest::Archive(self.build.number, Vec::new()).frame();
            self.build.sender.send_file(&frame, file, count)?;
            left = left.saturating_sub(count as u64);
        }
        Ok(())
    }
}

/// Runs a build to its end and sends everything but the last word.
pub fn run(build: &Build, spec: &BuildSpec) -> Result<()> {
    let scratch = Scratch::new(build.number, spec)?;
    root::fill(&scratch.place, spec)?;
    let ending = builder(build, spec, &scratch)?;
    let succeeded = ending == Ending::Exited(0);
    let kept = spec.keep_failed && !succeeded && ending != Ending::Killed;
    build.sender.send(FromGuest::Ended(build.number, ending))?;
    let store = scratch.place.join(root::STORE);
    if succeeded {
        for (name, base) in &spec.outputs {
            send(build, name, &store.join(path(base)), Others::Refuse)
                .tried(|| format!("read output '{name}' of '{}'", spec.name))?;
        }
    } else if kept {
        let left = |name: &BString, place: &Path| {
            send(build, name, place, Others::Skip)
                .tried(|| format!("read what '{}' left", spec.name))
        };
        left(&BUILD_DIRECTORY.into(), &scratch.place.join(root::BUILD))?;
        for (_, base) in &spec.outputs {
            left(base, &store.join(path(base)))?;
        }
    }
    Ok(())
}

/// Sends what lies somewhere, if there is something: the host knows what is missing.
fn send(build: &Build, name: &BString, place: &Path, others: Others) -> Result<()> {
    if fs::symlink_metadata(place).is_err() {
        return Ok(());
    }
    let message = FromGuest::Output(build.number, name.clone());
    build.sender.send(message)?;
    let mut archive = Archive {
        build,
        buffer: Vec::new(),
    };
    archive::write(place, &mut archive, others)?;
    archive.flush().map_err(|error| error.to_string())?;
    build.sender.send(FromGuest::OutputEnd(build.number))
}

/// Starts the builder and waits for its end.
fn builder(build: &Build, spec: &BuildSpec, scratch: &Scratch) -> Result<Ending> {
    let (ours, theirs) =
        sys::pseudo_terminal(!spec.interactive).tried(|| "make a terminal".to_owned())?;
    let user = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&theirs));
    // Programs open `/dev/stderr` anew, as their own user.
    std::os::unix::fs::chown(user, Some(root::USER), Some(root::GROUP))
        .tried(|| "give the terminal to the build".to_owned())?;
    let terminal = ours.try_clone().ok().filter(|_| spec.interactive);
    build.typed_goes_to(terminal);
    let (mut report, report_of_child) = io::pipe().tried(|| "make a pipe".to_owned())?;
    let group = Group::new(&scratch.name, &spec.limits)?;
    let mut child = Command::new("/init")
        .arg(jail::ARGUMENT)
        .arg(&scratch.name)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(report_of_child)
        .stderr(theirs)
        .spawn()
        .tried(|| "start a build's process".to_owned())?;
    *locked(&build.alive) = Some(Alive {
        process: child.id(),
        group,
    });
    if build.is_killed() {
        build.kill();
    }
    let mut reported = Vec::new();
    std::thread::scope(|threads| {
        threads.spawn(|| build.pump(ours));
        if let Some(mut input) = child.stdin.take() {
            let frame = ToGuest::Build(build.number, Box::new(spec.clone())).frame();
            // If it died, its report says why.
            let _ = frame.write(&mut input);
        }
        let _ = report.read_to_end(&mut reported);
    });
    let alive = locked(&build.alive).take();
    build.typed_goes_to(None);
    child
        .wait()
        .tried(|| "wait for a build's process".to_owned())?;
    let starved = alive.is_some_and(|alive| alive.group.ran_out_of_memory());
    if build.is_killed() {
        return Ok(Ending::Killed);
    }
    if starved {
        return Ok(Ending::OutOfMemory);
    }
    Ok(jail::ending(&reported))
}

/// A build's files; gone when dropped.
struct Scratch {
    name: String,
    place: PathBuf,
}

impl Scratch {
    fn new(number: u32, spec: &BuildSpec) -> Result<Self> {
        let name = format!("build-{number}");
        let place = Path::new(boot::BUILDS).join(&name);
        fs::create_dir(&place).tried(|| format!("make '{}'", place.display()))?;
        let scratch = Scratch { name, place };
        let options = format!(
            "mode=0755,size={},nr_inodes={}",
            spec.limits.scratch, spec.limits.files
        );
        sys::mount("tmpfs", &scratch.place, "tmpfs", sys::MS_NOSUID, &options)
            .tried(|| format!("make room for a build ({options})"))?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = sys::unmount(&self.place, sys::MNT_DETACH);
        let _ = fs::remove_dir(&self.place);
    }
}

/// Bytes as a path.
pub fn path(bytes: &[u8]) -> &Path {
    Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
