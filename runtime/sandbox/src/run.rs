//! One build from request to outcome.

use crate::engine::{Engine, Module};
use crate::errno::Fail;
use crate::error::{BuildError, Fatal};
use crate::kernel::Kernel;
use crate::kernel::exec::{Loaded, Start};
use crate::kernel::log::LogSink;
use crate::kernel::status::Status;
use crate::request::{BuildRequest, CancelToken, Console, Keep, Outcome, ProgramSource, Stats};
use crate::scheduler::{self, End};
use crate::vfs::Vfs;
use crate::vfs::collect::CollectError;
use crate::vfs::layout::Layout;
use crate::wasi::call::lock;
use crate::watch::Watch;
use bstr::BString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use wasibuild_nix_compat::file_system_object::FileSystemObject;

impl Engine {
    /// Runs a build. The log goes to `sink` as it is written; `cancel` ends the build early.
    ///
    /// # Errors
    /// See [`BuildError`]; nothing of a failed build is left anywhere.
    pub fn run(
        &self,
        request: BuildRequest,
        sink: &mut dyn LogSink,
        cancel: &CancelToken,
    ) -> Result<Outcome, BuildError> {
        self.run_keeping(request, sink, cancel, None)
    }

    /// The same; a build that fails once it runs (or any, with [`Keep::Always`]) puts what it leaves into `leftovers`: its `/build`
    /// as `build`, and its outputs by their base names, as far as they exist (`--keep-failed`).
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn run_keeping(
        &self,
        request: BuildRequest,
        sink: &mut dyn LogSink,
        cancel: &CancelToken,
        leftovers: Option<&mut BTreeMap<BString, FileSystemObject>>,
    ) -> Result<Outcome, BuildError> {
        let watch = Arc::new(Watch::new(&request.limits, cancel));
        self.run_watched(request, sink, &watch, leftovers, true)
    }

    /// What a module prints that is run with these arguments and this standard input, and has nothing
    /// else; none if it fails. Its time is that of the build that wants to know.
    pub(crate) fn run_apart(
        &self,
        module: &Module,
        words: &[BString],
        text: &[u8],
        watch: &Arc<Watch>,
    ) -> Option<Vec<u8>> {
        let mut request = BuildRequest::new("derive", ProgramSource::Module(module.clone()));
        request.argv = [BString::from("derive")]
            .into_iter()
            .chain(words.iter().cloned())
            .collect();
        request.console = Some(Console {
            input: Arc::new(Mutex::new(std::io::Cursor::new(text.to_vec()))),
            terminals: [false; 3],
        });
        request.limits.processes = 1;
        let mut printed = Printed::default();
        self.run_watched(request, &mut printed, watch, None, false)
            .ok()
            .map(|_| printed.0)
    }

    /// Runs a build; `derives`: whether its processes may ask for what follows from a text alone.
    fn run_watched(
        &self,
        request: BuildRequest,
        sink: &mut dyn LogSink,
        watch: &Arc<Watch>,
        leftovers: Option<&mut BTreeMap<BString, FileSystemObject>>,
        derives: bool,
    ) -> Result<Outcome, BuildError> {
        check(&request)?;
        let _ticking = self.ticking();
        let BuildRequest {
            limits, outputs, ..
        } = &request;
        let vfs = Vfs::new(Layout {
            inputs: &request.inputs,
            closure: request.closure.clone(),
            outputs: outputs
                .values()
                .map(|path| BString::from(path.as_str()))
                .collect(),
            open_store: matches!(request.program, ProgramSource::Linux(_)),
            build_files: &request.build_files,
            bin: &request.bin,
            trees: &request.trees,
            programs: Arc::clone(&request.programs),
            folded_case: request.folded_case,
            spill_dir: request.spill_dir.clone(),
            limits,
        })
        .map_err(|fail| explain(&request, fail, BString::default()))?;
        let mut kernel = Kernel::new(
            vfs,
            limits.clone(),
            request.seed,
            Arc::clone(&request.programs),
            self.clone(),
        );
        kernel.console = request.console.clone();
        kernel.watch = derives.then(|| Arc::clone(watch));
        kernel.run_memory = request.memory.clone();
        start(&mut kernel, &request)?;
        let kernel = Arc::new(Mutex::new(kernel));
        let end = scheduler::run(self, &kernel, watch, sink);
        let mut kernel = lock(&kernel);
        let result = finish(&mut kernel, &request, end);
        if let Some(leftovers) = leftovers
            && (result.is_err() || request.keep == Keep::Always)
        {
            leftovers.extend(collect_leftovers(&mut kernel, &request));
        }
        result
    }
}

/// Takes what a module prints, and not what it reports as an error.
#[derive(Default)]
struct Printed(Vec<u8>);

impl LogSink for Printed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn write_error(&mut self, _: &[u8]) {}
}

/// What the end of the last process means.
fn finish(kernel: &mut Kernel, request: &BuildRequest, end: End) -> Result<Outcome, BuildError> {
    let log_tail = kernel.log.tail();
    let name = request.name.clone();
    match end {
        End::Exit(Status::Exit(0)) => {}
        End::Exit(Status::Exit(code)) => {
            return Err(BuildError::Exit {
                name,
                code,
                log_tail,
            });
        }
        End::Exit(Status::Signal(signal)) => {
            return Err(BuildError::Signal {
                name,
                signal,
                log_tail,
            });
        }
        End::Exit(Status::Trap(_, trap)) => {
            return Err(BuildError::Trap {
                name,
                trap,
                log_tail,
            });
        }
        End::Deadlock(waiting) => {
            return Err(BuildError::Deadlock {
                name,
                waiting,
                log_tail,
            });
        }
        End::Fatal(fatal) => return Err(explain(request, fatal.into(), log_tail)),
    }
    let outputs = collect(kernel, request, &log_tail)?;
    let stats = Stats {
        processes: kernel.process_count(),
        log_bytes: kernel.log.total(),
        virtual_ns: kernel.clock.peek(),
        programs: std::mem::take(&mut kernel.programs_time),
    };
    Ok(Outcome { outputs, stats })
}

/// What a failed build leaves, as far as it can be taken.
fn collect_leftovers(
    kernel: &mut Kernel,
    request: &BuildRequest,
) -> BTreeMap<BString, FileSystemObject> {
    let outputs = request.outputs.values();
    let outputs = outputs.map(|name| (name.as_str().into(), format!("/nix/store/{name}").into()));
    let build = [(BString::from("build"), BString::from("/build"))];
    let places = build.into_iter().chain(outputs);
    places
        .filter_map(|(name, path)| Some((name, kernel.vfs.leftover(&path)?)))
        .collect()
}

/// Refuses requests that contradict themselves, before anything is made of them.
fn check(request: &BuildRequest) -> Result<(), BuildError> {
    let refuse = |reason: String| {
        Err(BuildError::Request {
            name: request.name.clone(),
            reason,
        })
    };
    let plain = |name: &[u8]| {
        !name.is_empty()
            && name != b"."
            && name != b".."
            && !name.contains(&b'/')
            && !name.contains(&0)
            && name.len() <= 255
    };
    let mut seen = BTreeSet::new();
    for (output, path) in &request.outputs {
        if !plain(path.as_bytes()) || !seen.insert(path) {
            return refuse(format!("output '{output}' has the unusable path '{path}'"));
        }
        let closure = request.closure.as_ref();
        if request.inputs.contains_key(path)
            || closure.is_some_and(|closure| closure.place(path).is_some())
        {
            return refuse(format!(
                "'{path}' is an input and output '{output}' at once"
            ));
        }
    }
    for input in request.inputs.keys() {
        if !plain(input.as_bytes()) {
            return refuse(format!(
                "an input is called '{input}', which is no base name"
            ));
        }
    }
    for file in request.build_files.keys() {
        if !plain(file) {
            return refuse(format!("'{file}' cannot be a file of /build"));
        }
    }
    let words = request
        .argv
        .iter()
        .chain(request.env.keys())
        .chain(request.env.values());
    if words.into_iter().any(|word| word.contains(&0)) {
        return refuse("an argument or a variable of the environment holds a NUL".to_owned());
    }
    if request
        .env
        .keys()
        .any(|name| name.is_empty() || name.contains(&b'='))
    {
        return refuse(
            "a variable of the environment has an empty name or one with '='".to_owned(),
        );
    }
    if request.cwd.first() != Some(&b'/') {
        return refuse(format!(
            "the working directory '{}' is not absolute",
            request.cwd
        ));
    }
    Ok(())
}

/// Makes the first process.
fn start(kernel: &mut Kernel, request: &BuildRequest) -> Result<(), BuildError> {
    let failed = |program: &BString, reason: String| BuildError::Program {
        name: request.name.clone(),
        program: program.clone(),
        reason,
    };
    let argv = request.argv.clone();
    let plain = |module, program| Loaded {
        module,
        program,
        place: None,
        argv: request.argv.clone(),
    };
    let loaded = match &request.program {
        ProgramSource::Module(module) => plain(module.clone(), "builder".into()),
        ProgramSource::Path(path) => {
            let place = kernel
                .vfs
                .resolve(kernel.vfs.root(), path, true)
                .and_then(|place| place.existing());
            let id = match place {
                Ok(id) => id,
                Err(Fail::Errno(_)) => {
                    return Err(failed(
                        path,
                        "there is no such file in the inputs; the builder must be in the \
                         derivation's input closure"
                            .to_owned(),
                    ));
                }
                Err(fail) => return Err(explain(request, fail, BString::default())),
            };
            let module = kernel
                .module(id)
                .map_err(|error| failed(path, error.to_string()))?;
            plain(module, path.clone())
        }
        ProgramSource::Linux(path) => {
            let start = Start { argv, place: None };
            match kernel.load_program(0, path, start, &request.cwd) {
                Ok(loaded) => loaded,
                Err(Fail::Errno(errno)) => {
                    return Err(failed(
                        path,
                        format!(
                            "{errno:?}; the builder must be an executable file in the \
                             derivation's input closure"
                        ),
                    ));
                }
                Err(fail) => return Err(explain(request, fail, BString::default())),
            }
        }
    };
    kernel
        .start_first(
            loaded,
            request.env.clone().into_iter().collect(),
            request.cwd.clone(),
        )
        .map(|_| ())
        .map_err(|fail| explain(request, fail, BString::default()))
}

/// Takes every output.
fn collect(
    kernel: &mut Kernel,
    request: &BuildRequest,
    log_tail: &BString,
) -> Result<BTreeMap<String, FileSystemObject>, BuildError> {
    let mut objects = BTreeMap::new();
    for (output, base_name) in &request.outputs {
        let object = kernel.vfs.collect(base_name).map_err(|error| match error {
            CollectError::Missing => BuildError::MissingOutput {
                name: request.name.clone(),
                output: output.clone(),
                path: format!("/nix/store/{base_name}"),
                log_tail: log_tail.clone(),
            },
            CollectError::Refused(path, reason) => BuildError::Output {
                name: request.name.clone(),
                path,
                reason,
            },
        })?;
        objects.insert(output.clone(), object);
    }
    Ok(objects)
}

/// The error for the caller.
fn explain(request: &BuildRequest, fail: Fail, log_tail: BString) -> BuildError {
    let name = request.name.clone();
    let fatal = match fail {
        Fail::Fatal(fatal) => *fatal,
        other => Fatal::Host(format!("the sandbox cannot be prepared: {other:?}")),
    };
    match fatal {
        Fatal::Limit(kind) => BuildError::Limit {
            name,
            kind,
            bound: kind.describe(&request.limits),
            log_tail,
        },
        Fatal::Foreign(program) => BuildError::Foreign { name, program },
        Fatal::Cancelled => BuildError::Cancelled { name },
        Fatal::Host(reason) => BuildError::Host { name, reason },
    }
}
