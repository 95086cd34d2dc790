//! Serves the host: starts builds, ends them, answers.
//!
//! Contract: one thread reads the port; each build has its own. A host that says what cannot be
//! understood, or hangs up, is the end of the machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasibuild_vm_protocol::{Ending, Frame, FromGuest, GuestHello, ToGuest, VERSION};

use super::build::{self, Build};
use super::control::Control;
use super::images::Images;
use super::{Result, Tried, sys};

/// After so long without a build the caches are dropped: their memory goes back to the host, and a
/// path of the store that was deleted and made again is not mistaken for the old one.
const IDLE: Duration = Duration::from_secs(2);

/// The builds that run, and since when there is none.
#[derive(Debug)]
struct Builds {
    running: BTreeMap<u32, Arc<Build>>,
    idle_since: Instant,
}

type Shared = Arc<Mutex<Builds>>;

/// Serves until the host hangs up.
pub fn serve(control: Control, images: Images) -> Result<()> {
    let Control { reader, sender } = control;
    let mut reader = BufReader::with_capacity(64 << 10, reader);
    let builds: Shared = Arc::new(Mutex::new(Builds {
        running: BTreeMap::new(),
        idle_since: Instant::now(),
    }));
    sender.send(FromGuest::Hello(hello()))?;
    let first = next(&mut reader)?;
    match first {
        Some(ToGuest::Hello { version: VERSION }) => {}
        Some(ToGuest::Hello { version }) => {
            return Err(format!(
                "the host speaks version {version} of the protocol, this agent {VERSION}"
            ));
        }
        Some(other) => return Err(format!("the host began with {other:?}")),
        None => return Err("the host hung up before it said anything".to_owned()),
    }
    while let Some(message) = next(&mut reader)? {
        match message {
            ToGuest::Hello { .. } => return Err("the host greeted twice".to_owned()),
            ToGuest::Ping(number) => sender.send(FromGuest::Pong(number))?,
            ToGuest::Shutdown => return Ok(()),
            ToGuest::Build(number, spec) => {
                let build = Arc::new(Build::new(number, sender.clone()));
                let problem = images.problem(&spec.inputs);
                {
                    let mut builds = lock(&builds);
                    if builds.running.contains_key(&number) {
                        return Err(format!("the host gave two builds the number {number}"));
                    }
                    builds.running.insert(number, Arc::clone(&build));
                }
                let shared = Arc::clone(&builds);
                let sender = sender.clone();
                std::thread::spawn(move || {
                    let result = problem.map_or_else(|| build::run(&build, &spec), Err);
                    if let Err(problem) = result {
                        let _ =
                            sender.send(FromGuest::Ended(number, Ending::Failed(problem.into())));
                    }
                    // The number is free before the host can know that it is.
                    let mut builds = lock(&shared);
                    builds.running.remove(&number);
                    let ended = Instant::now();
                    builds.idle_since = ended;
                    drop(builds);
                    let _ = sender.send(FromGuest::Finished(number));
                    forget_when_idle(&shared, ended);
                });
            }
            ToGuest::Kill(number) => {
                if let Some(build) = find(&builds, number) {
                    build.kill();
                }
            }
            ToGuest::Grant(number, bytes) => {
                if let Some(build) = find(&builds, number) {
                    build.grant(bytes);
                }
            }
            ToGuest::Input(number, bytes) => {
                if let Some(build) = find(&builds, number) {
                    build.input(bytes);
                }
            }
            // The host names an image before the first build that needs it, and drops none that one needs.
            ToGuest::Image(image) => images.add(image),
            ToGuest::DropImage(number) => images.drop(number),
        }
    }
    Ok(())
}

fn next(reader: &mut BufReader<super::control::PortReader>) -> Result<Option<ToGuest>> {
    Frame::read(reader)
        .and_then(|frame| frame.map(ToGuest::of).transpose())
        .tried(|| "understand the host".to_owned())
}

/// A build may have ended while the host spoke of it.
fn find(builds: &Shared, number: u32) -> Option<Arc<Build>> {
    lock(builds).running.get(&number).cloned()
}

fn lock(builds: &Shared) -> MutexGuard<'_, Builds> {
    builds.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops the caches if nothing was built for a while after `ended`.
fn forget_when_idle(builds: &Shared, ended: Instant) {
    std::thread::sleep(IDLE);
    let builds = lock(builds);
    if builds.running.is_empty() && builds.idle_since == ended {
        let _ = fs::write("/proc/sys/vm/drop_caches", "3");
    }
}

fn hello() -> GuestHello {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let memory = read("/proc/meminfo");
    let memory = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0);
    let uptime = read("/proc/uptime");
    let uptime = uptime
        .split_ascii_whitespace()
        .next()
        .and_then(|seconds| seconds.parse::<f64>().ok())
        .unwrap_or(0.0);
    GuestHello {
        version: VERSION,
        kernel: read("/proc/sys/kernel/osrelease").trim_end().into(),
        processors: std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
        memory: memory.saturating_mul(1024),
        kvm: kvm_works(),
        uptime: (uptime * 1000.0) as u64,
    }
}

/// Whether `/dev/kvm` makes a machine.
fn kvm_works() -> bool {
    const KVM_CREATE_VM: u64 = 0xae01;
    let open = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm");
    let Ok(device) = open else { return false };
    match sys::request_number(&device, KVM_CREATE_VM, 0) {
        Ok(machine) => {
            sys::close(machine);
            true
        }
        Err(_) => false,
    }
}
