//! A job as the machine's agent takes it, and its failures as the program tells them.

use std::collections::{BTreeMap, VecDeque};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use bstr::{BString, ByteSlice};
use wasibuild_nix_compat::file_system_object::Limits as TreeLimits;
use wasibuild_sandbox::{BuildError, LimitKind as SandboxLimit};
use wasibuild_vm::{
    Bounds, BuildFailure, BuildSpec, GuestHello, Input, LimitKind, Limits, MachineError,
};

use crate::printable;
use crate::realise::error::RealiseError;
use crate::realise::executor::{Failure, Job};

/// As much of a log as follows an error: as the sandbox has it.
const TAIL_BYTES: usize = 8 * 1024;
const TAIL_LINES: usize = 25;

/// The last lines of a log.
#[derive(Debug, Default)]
pub struct Tail(VecDeque<u8>);

impl Tail {
    /// More of it came.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        let surplus = self.0.len().saturating_sub(TAIL_BYTES);
        self.0.drain(..surplus);
    }

    fn text(&self) -> BString {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        let lines: Vec<&[u8]> = bytes.lines().collect();
        let last = lines.len().saturating_sub(TAIL_LINES);
        bstr::join("\n", lines.get(last..).unwrap_or_default()).into()
    }
}

/// Why a job has no outputs.
#[derive(Debug)]
pub enum Problem {
    /// There was no machine.
    Machine(MachineError),
    /// It failed there.
    Build(BuildFailure, Tail),
    /// It asks for what the machine does not have.
    Unsupported(String),
}

impl From<MachineError> for Problem {
    fn from(error: MachineError) -> Self {
        Problem::Machine(error)
    }
}

impl From<BuildFailure> for Problem {
    fn from(failure: BuildFailure) -> Self {
        Problem::Build(failure, Tail::default())
    }
}

/// The inputs with their places, links of directories above them followed, and the directory by which their
/// machine is known: the one that has them, the first by its name where there are several. Whether a machine can
/// show those is for its supervisor to say.
pub fn inputs(job: &Job) -> Result<(PathBuf, Vec<Input>), String> {
    let mut names = job.inputs.names();
    // In one order, whatever that of the set is.
    names.sort_unstable();
    let mut stores: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    let mut inputs = Vec::with_capacity(names.len());
    for name in names {
        let place = job.inputs.place(&name).unwrap_or_default();
        let (Some(parent), Some(file)) = (place.parent(), place.file_name()) else {
            return Err(format!("its input '{name}' lies nowhere"));
        };
        let store = match stores.get(parent) {
            Some(store) => store,
            None => {
                let real = std::fs::canonicalize(parent).map_err(|error| {
                    let shown = parent.display();
                    format!("the store '{shown}' cannot be shown: {error}")
                })?;
                stores.entry(parent.to_owned()).or_insert(real)
            }
        };
        let place = store.join(file);
        inputs.push(Input {
            name: name.into(),
            place: place.into_os_string().into_vec().into(),
        });
    }
    match stores.into_values().min() {
        Some(store) => Ok((store, inputs)),
        None => {
            Err("its builder needs a virtual machine, but it has no input to run there".to_owned())
        }
    }
}

/// The job for the agent, with so many bytes of memory; 0 for what the machine has.
pub fn spec(
    job: &Job,
    inputs: &[Input],
    memory: u64,
    guest: &GuestHello,
) -> Result<BuildSpec, Problem> {
    let kvm = job.features.iter().any(|feature| feature == "kvm");
    if kvm && !guest.kvm {
        return Err(Problem::Unsupported(
            "it requires the system feature 'kvm', which the virtual machine does not have: \
             no hardware virtualisation works inside it"
                .to_owned(),
        ));
    }
    let name = job.builder.rsplit_str("/").next().unwrap_or_default();
    let is_shell = job.builder.starts_with_str("/nix/store/") && (name == b"bash" || name == b"sh");
    let limits = &job.limits;
    Ok(BuildSpec {
        name: job.name.as_str().into(),
        builder: job.builder.clone(),
        arguments: job.environment.arguments.clone(),
        environment: pairs(&job.environment.variables),
        files: pairs(&job.environment.files),
        inputs: inputs.to_vec(),
        outputs: job
            .outputs
            .iter()
            .map(|(name, path)| (name.as_str().into(), path.basename().into()))
            .collect(),
        shell: is_shell.then(|| job.builder.clone()),
        network: job.fixed_output,
        kvm,
        interactive: false,
        keep_failed: job.keep_failed,
        limits: Limits {
            memory,
            scratch: limits.output_size,
            files: limits.files,
            processes: u64::from(limits.processes),
            open_files: u64::from(limits.open_files),
        },
    })
}

fn pairs(map: &BTreeMap<BString, BString>) -> Vec<(BString, BString)> {
    map.iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What the program watches itself.
pub fn bounds(job: &Job) -> Bounds {
    let limits = &job.limits;
    Bounds {
        timeout: limits.timeout,
        max_silent_time: limits.max_silent_time,
        log_size: limits.log_size,
        outputs: TreeLimits {
            max_nodes: limits.files,
            max_total_size: limits.output_size,
            max_memory: limits.spill_total,
            spill_above: limits.spill_file,
        },
    }
}

impl Problem {
    /// As the sandbox would tell it, so that it counts the same, of a build with so many bytes of memory.
    pub fn into_failure(self, job: &Job, memory: u64) -> Failure {
        let unsupported = |problem: String| RealiseError::Unsupported {
            derivation: job.derivation.to_absolute_path(),
            problem,
        };
        let (failure, tail) = match self {
            Problem::Build(failure, tail) => (failure, tail),
            Problem::Unsupported(problem) => return unsupported(problem).into(),
            Problem::Machine(error) => {
                return unsupported(format!("it needs a virtual machine, and {error}")).into();
            }
        };
        let (name, log_tail) = (job.name.clone(), tail.text());
        let host = |reason: String| BuildError::Host {
            name: job.name.clone(),
            reason: printable::name(reason.as_bytes()),
        };
        let error = match failure {
            BuildFailure::Exited(code) => BuildError::Exit {
                name,
                code,
                log_tail,
            },
            BuildFailure::Signalled(signal) => BuildError::Signal {
                name,
                signal,
                log_tail,
            },
            BuildFailure::Limit(kind) => {
                let limits = &job.limits;
                let seconds = |time: Option<std::time::Duration>| {
                    format!("{} s", time.unwrap_or_default().as_secs())
                };
                let (kind, bound) = match kind {
                    LimitKind::Timeout => (SandboxLimit::Timeout, seconds(limits.timeout)),
                    LimitKind::Silence => (SandboxLimit::Silence, seconds(limits.max_silent_time)),
                    LimitKind::LogSize => (
                        SandboxLimit::LogSize,
                        format!("{} bytes of log", limits.log_size),
                    ),
                    LimitKind::OutputSize => (
                        SandboxLimit::OutputSize,
                        format!("{} bytes in {} files", limits.output_size, limits.files),
                    ),
                    LimitKind::Memory => (
                        SandboxLimit::TotalMemory,
                        match memory {
                            0 => {
                                "what the machine has of memory (vm.memory and vm.disk)".to_owned()
                            }
                            bound => format!(
                                "{bound} bytes of memory, its files included (vm.build-memory)"
                            ),
                        },
                    ),
                };
                BuildError::Limit {
                    name,
                    kind,
                    bound,
                    log_tail,
                }
            }
            BuildFailure::Cancelled => BuildError::Cancelled { name },
            BuildFailure::MissingOutput(output) => BuildError::MissingOutput {
                path: job
                    .outputs
                    .get(&output)
                    .map(|path| path.to_absolute_path())
                    .unwrap_or_default(),
                name,
                output,
                log_tail,
            },
            other => host(other.to_string()),
        };
        RealiseError::from(error).into()
    }
}
