//! The virtual machine as the program uses it: which there may be, how it is started, builds in it.
//!
//! Contract: nothing is started before a build needs it. Machines are owned by supervisors that this
//! program starts as processes of their own ([`wasibuild_vm::supervisor`]); connections to them are
//! kept. A build whose machine ends under it is built once more in a new one; a second end is the
//! build's failure. That there is no QEMU or no kernel is a reason not to take a derivation, known
//! before anything is started.

mod job;

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bstr::{BStr, ByteSlice};
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_vm::supervisor::{self, Connection, Place};
use wasibuild_vm::{
    Architecture, BuildFailure, Input, Leftovers, MachineError, Share, Start, kernel, qemu,
};

use crate::policy::{Accelerator, Policy, VmPolicy, VmShare};
use crate::realise::error::RealiseError;
use crate::realise::executor::{Failure, Job, Machine};
use crate::realise::log::BuildLog;
use crate::realise::stop::Stop;
use crate::router::Machines;
use crate::{directories, printable};

/// Which machine: its processor, and the directory that is its store.
type Key = (Architecture, PathBuf);

/// The machines of a policy. See the module.
#[derive(Debug)]
pub struct Vm {
    policy: VmPolicy,
    /// Where kernels, findings and sockets are.
    state: Option<PathBuf>,
    /// What is connected. The inner lock is held while a machine starts, so that one is started for
    /// all builds that wait for it.
    connections: Mutex<BTreeMap<Key, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot(Mutex<Option<Arc<Connection>>>);

impl Vm {
    /// The machines that the policy allows.
    pub fn new(policy: &Policy) -> Self {
        let state = policy.state.clone().or_else(directories::state);
        Vm {
            policy: policy.vm.clone(),
            state: state.map(|state| state.join("vm")),
            connections: Mutex::default(),
        }
    }

    /// What is to be started for an architecture and a store.
    ///
    /// # Errors
    /// When there is no state directory.
    pub fn start(&self, architecture: Architecture, store: &Path) -> Result<Start, String> {
        let Some(state) = self.state.clone() else {
            return Err("there is no state directory, because HOME is not set".to_owned());
        };
        let cores = self
            .policy
            .cores
            .map_or_else(|| directories::default_jobs().div_ceil(2), usize::from);
        Ok(Start {
            architecture,
            kernel: self.kernel(&state, architecture),
            store: store.to_owned(),
            share: match self.policy.share {
                VmShare::Auto => None,
                VmShare::NineP => Some(Share::NineP),
                VmShare::Image => Some(Share::Images),
            },
            images: self.policy.images,
            memory: (self.policy.memory >> 20).max(128),
            cores: u32::try_from(cores).unwrap_or(1).max(1),
            disk: self.policy.disk,
            qemu: self.policy.qemu.clone(),
            path: directories::variable("PATH"),
            accelerator: match self.policy.accelerator {
                Accelerator::Auto => None,
                Accelerator::Kvm => Some(qemu::Accelerator::Kvm),
                Accelerator::Hvf => Some(qemu::Accelerator::Hvf),
                Accelerator::Tcg => Some(qemu::Accelerator::Tcg),
            },
            network: true,
            console: None,
            patience: self.policy.patience,
            state,
        })
    }

    /// Where a kernel is kept: one that the configuration names has a place of its own.
    fn kernel(&self, state: &Path, architecture: Architecture) -> PathBuf {
        let kernels = state.join("kernels");
        match &self.policy.kernel {
            None => kernels.join(architecture.name()),
            Some(path) => {
                use std::os::unix::ffi::OsStrExt;
                let digest = wasibuild_nix_compat::hash::sha256(path.as_os_str().as_bytes());
                let hex: String = digest
                    .iter()
                    .take(8)
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                kernels.join(format!("configured-{hex}"))
            }
        }
    }

    /// Takes the kernel that the configuration names, unless that was done.
    ///
    /// # Errors
    /// When there is none.
    pub fn take_kernel(&self, start: &Start) -> Result<(), MachineError> {
        if let Some(path) = &self.policy.kernel
            && !start.kernel.join("release").exists()
        {
            kernel::install(path, |_| start.kernel.clone())?;
        }
        Ok(())
    }

    /// How long a machine waits without a build.
    pub fn idle(&self) -> Duration {
        self.policy.idle
    }

    /// The place of a machine's socket and logs.
    pub fn place(&self, start: &Start) -> Place {
        Place::new(&start.state, start.architecture, &start.store)
    }

    /// The command that owns a machine.
    pub fn supervisor(&self, start: &Start) -> Command {
        let program = std::env::current_exe().unwrap_or_else(|_| "wasibuild".into());
        let mut command = Command::new(program);
        command.args(["vm", "supervise"]);
        let mut pair = |option: &str, value: &std::ffi::OsStr| {
            command.arg(option).arg(value);
        };
        pair("--architecture", start.architecture.name().as_ref());
        pair("--share", start.store.as_os_str());
        pair("--state", start.state.as_os_str());
        pair("--kernel", start.kernel.as_os_str());
        pair("--memory", start.memory.to_string().as_ref());
        pair("--cores", start.cores.to_string().as_ref());
        pair("--disk", start.disk.to_string().as_ref());
        pair("--idle", self.policy.idle.as_millis().to_string().as_ref());
        let patience = start.patience.as_millis().to_string();
        pair("--patience", patience.as_ref());
        pair("--images", start.images.to_string().as_ref());
        if let Some(share) = start.share {
            pair("--share-by", share.name().as_ref());
        }
        if let Some(qemu) = &start.qemu {
            pair("--qemu", qemu.as_os_str());
        }
        if let Some(accelerator) = start.accelerator {
            pair("--accelerator", accelerator.name().as_ref());
        }
        command
    }

    /// A connection to a machine, which is started if there is none.
    ///
    /// # Errors
    /// When no machine comes.
    pub fn connect(
        &self,
        start: &Start,
        notice: &mut dyn FnMut(&str),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Arc<Connection>, MachineError> {
        let slot = {
            let mut all = self
                .connections
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let key = (start.architecture, start.store.clone());
            Arc::clone(all.entry(key).or_default())
        };
        let mut slot = slot.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = slot.as_ref().filter(|one| one.link.ended().is_none()) {
            return Ok(Arc::clone(connection));
        }
        self.take_kernel(start)?;
        let place = self.place(start);
        let connection = supervisor::connect(
            &place,
            start.patience,
            &|| self.supervisor(start),
            notice,
            cancelled,
        )?;
        let connection = Arc::new(connection);
        *slot = Some(Arc::clone(&connection));
        Ok(connection)
    }

    fn attempt(
        &self,
        job: &Job,
        inputs: &[Input],
        start: &Start,
        log: &mut BuildLog<'_>,
        stop: &Stop,
        left: &mut Leftovers,
    ) -> Result<BTreeMap<String, FileSystemObject>, job::Problem> {
        let cancelled = || stop.is_stopped();
        let mut notice = |text: &str| log.note(format!("wasibuild: {text}\n").as_bytes());
        let connection = match self.connect(start, &mut notice, &cancelled) {
            Ok(connection) => connection,
            Err(_) if cancelled() => return Err(BuildFailure::Cancelled.into()),
            Err(error) => return Err(error.into()),
        };
        let spec = job::spec(job, inputs, self.policy.build_memory, &connection.hello)?;
        let mut tail = job::Tail::default();
        let mut sink = |bytes: &[u8]| {
            tail.add(bytes);
            log.write(bytes);
        };
        let bounds = job::bounds(job);
        let result = connection
            .link
            .build(spec, &bounds, &mut sink, &cancelled, &mut |_| (), left);
        result.map_err(|failure| {
            let failure = match failure {
                BuildFailure::Gone(told) => self.why_gone(start, told),
                other => other,
            };
            job::Problem::Build(failure, tail)
        })
    }

    /// Why a machine ended, and whether another one would: what its supervisor wrote, which does so before its clients notice. Of one that
    /// was killed there is nothing but what they noticed.
    fn why_gone(&self, start: &Start, told: String) -> BuildFailure {
        let mut text = Vec::new();
        // It is at the end of what may be long: each image has a line.
        let read = std::fs::File::open(self.place(start).log()).and_then(|mut file| {
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(size.saturating_sub(64 << 10)))?;
            file.take(64 << 10).read_to_end(&mut text)
        });
        if read.is_err() {
            return BuildFailure::Gone(told);
        }
        let said = |before: &str| {
            let mut lines = text.lines();
            let found = lines.find_map(|line| line.strip_prefix(before.as_bytes()));
            found.map(printable::name)
        };
        match (said(supervisor::GIVEN_UP), said(supervisor::ENDED)) {
            (Some(reason), _) => BuildFailure::GivenUp(reason),
            (None, Some(reason)) => BuildFailure::Gone(reason),
            (None, None) => BuildFailure::Gone(told),
        }
    }
}

impl Machines for Vm {
    fn machine(&self, system: &BStr) -> Result<(), String> {
        let Some(architecture) = Architecture::of_system(system) else {
            return Err(format!("there are no virtual machines for '{system}'"));
        };
        if Architecture::of_this_program() != Some(architecture) && !self.policy.emulate {
            return Err(format!(
                "a machine for '{system}' would have to be emulated, which is slow (vm.emulate = true allows it)"
            ));
        }
        let first_line = |error: MachineError| error.to_string().replace("\nhint: ", "; ");
        if architecture.agent().is_none() {
            return Err(first_line(MachineError::NoAgent(architecture)));
        }
        let start = self.start(architecture, Path::new("/"))?;
        qemu::locate(architecture, start.qemu.as_deref(), start.path.as_deref())
            .map_err(first_line)?;
        if self.policy.kernel.is_none() {
            kernel::Kernel::open(&start.kernel, architecture)
                .and_then(|kernel| kernel.share(start.share))
                .map_err(|error| first_line(error.into()))?;
        }
        Ok(())
    }
}

impl Machine for Vm {
    fn build(
        &self,
        job: Job,
        log: &mut BuildLog<'_>,
        stop: &Stop,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        let unsupported = |problem: String| RealiseError::Unsupported {
            derivation: job.derivation.to_absolute_path(),
            problem,
        };
        let architecture = Architecture::of_system(&job.system)
            .ok_or_else(|| unsupported(format!("there is no machine for '{}'", job.system)))?;
        let (store, inputs) = job::inputs(&job).map_err(unsupported)?;
        let start = self.start(architecture, &store).map_err(unsupported)?;
        if Architecture::of_this_program() != Some(architecture) {
            let text = format!("wasibuild: {architecture} is emulated here, which is slow\n");
            log.note(text.as_bytes());
        }
        let mut left = Leftovers::default();
        let mut result = self.attempt(&job, &inputs, &start, log, stop, &mut left);
        if let Err(job::Problem::Build(BuildFailure::Gone(reason), _)) = &result {
            let text = format!("wasibuild: the machine ended ({reason}); building once more\n");
            log.note(text.as_bytes());
            left = Leftovers::default();
            result = self.attempt(&job, &inputs, &start, log, stop, &mut left);
        }
        if let Some(problem) = &left.problem {
            let problem = printable::name(problem.to_string().as_bytes());
            let text = format!("wasibuild: not all that the build left can be kept: {problem}\n");
            log.note(text.as_bytes());
        }
        result.map_err(|problem| Failure {
            leftovers: left.trees,
            ..problem.into_failure(&job, self.policy.build_memory)
        })
    }
}
