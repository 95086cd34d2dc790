//! The executor that follows a job's routes: the sandbox, the virtual machine, one after the other.
//!
//! Contract: an attempt that meets a foreign program leaves nothing: its outputs were trees that are dropped,
//! and the next route starts from the job as it was. What was met is remembered, so that the attempt is not
//! made again. Any other failure is the build's.

use std::collections::BTreeMap;

use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_sandbox::{BuildError, ForeignProgram};

use super::{Execute, Failure, Job};
use crate::printable;
use crate::realise::error::RealiseError;
use crate::realise::log::BuildLog;
use crate::realise::stop::Stop;
use crate::router::{Decisions, Executor, Machines, NoMachines};

/// See the module.
pub struct Routed<'a> {
    /// Runs what goes to the sandbox, the shell included.
    pub sandbox: &'a dyn Execute,
    /// Runs what goes to the virtual machine.
    pub machine: &'a dyn Machine,
    /// Ends builds in the virtual machine.
    pub stop: &'a Stop,
    /// Where it is noted what an attempt met.
    pub decisions: &'a Decisions,
}

impl Routed<'_> {
    fn one(
        &self,
        job: Job,
        log: &mut BuildLog<'_>,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        match job.executor {
            Executor::Sandbox | Executor::Shell => self.sandbox.execute(job, log),
            Executor::Vm => self.machine.build(job, log, self.stop),
        }
    }
}

impl Execute for Routed<'_> {
    fn execute(
        &self,
        mut job: Job,
        log: &mut BuildLog<'_>,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        loop {
            let attempted = job.executor == Executor::Shell;
            let output = job.outputs.values().next().cloned();
            let name = job.name.clone();
            let next = after(&job);
            let failure = match self.one(job, log) {
                Ok(outputs) => return Ok(outputs),
                Err(failure) => failure,
            };
            let Some(program) = foreign(&failure.error).filter(|_| attempted) else {
                return Err(failure);
            };
            if let Some(output) = &output {
                self.decisions.remember(output, &name, program);
            }
            let Some(next) = next else {
                return Err(failure);
            };
            let text = format!(
                "'{}' is not run in the sandbox: building anew by the route '{}'\n",
                printable::name(&program.program),
                next.executor.name()
            );
            log.note(text.as_bytes());
            job = next;
        }
    }
}

/// The job for the next route; none if there is none.
fn after(job: &Job) -> Option<Job> {
    let (first, rest) = job.next.split_first()?;
    let mut next = job.clone();
    next.executor = *first;
    next.next = rest.to_vec();
    Some(next)
}

fn foreign(error: &RealiseError) -> Option<&ForeignProgram> {
    match error {
        RealiseError::Builder(BuildError::Foreign { program, .. }) => Some(program),
        _ => None,
    }
}

/// A virtual machine as an executor.
///
/// Contract: as [`Execute`]; a build ends soon after `stop` is thrown.
pub trait Machine: Machines {
    /// Builds in it, started now if need be.
    ///
    /// # Errors
    /// As [`Execute::execute`].
    fn build(
        &self,
        job: Job,
        log: &mut BuildLog<'_>,
        stop: &Stop,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure>;
}

impl Machine for NoMachines {
    fn build(
        &self,
        job: Job,
        _log: &mut BuildLog<'_>,
        _stop: &Stop,
    ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        Err(RealiseError::Unsupported {
            derivation: job.derivation.to_absolute_path(),
            problem: "it needs a virtual machine, and there is none".to_owned(),
        }
        .into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::environment::Environment;
    use crate::progress::Silent;
    use wasibuild_nix_compat::store_path::StorePath;

    /// Notes who was asked for what, and answers.
    #[derive(Debug)]
    struct Scripted<'a> {
        asked: &'a Mutex<Vec<(Executor, usize)>>,
        answer: fn() -> Result<BTreeMap<String, FileSystemObject>, Failure>,
    }

    impl Execute for Scripted<'_> {
        fn execute(
            &self,
            job: Job,
            log: &mut BuildLog<'_>,
        ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
            log.write(b"attempt\n");
            let mut asked = self.asked.lock().expect("asked");
            asked.push((job.executor, job.environment.files.len()));
            (self.answer)()
        }
    }

    impl Machines for Scripted<'_> {
        fn machine(&self, _system: &bstr::BStr) -> Result<(), String> {
            Ok(())
        }
    }

    impl Machine for Scripted<'_> {
        fn build(
            &self,
            job: Job,
            log: &mut BuildLog<'_>,
            _stop: &Stop,
        ) -> Result<BTreeMap<String, FileSystemObject>, Failure> {
            self.execute(job, log)
        }
    }

    fn met() -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        let program = ForeignProgram {
            program: "/nix/store/x/bin/fc-cache".into(),
            requested: "fc-cache".into(),
            argv: Vec::new(),
            cwd: "/build".into(),
            parent: 1,
            parent_argv: Vec::new(),
            place: None,
            reason: "no applet".to_owned(),
        };
        Err(RealiseError::from(BuildError::Foreign {
            name: "fonts".to_owned(),
            program: Box::new(program),
        })
        .into())
    }

    fn failed() -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        Err(RealiseError::from(BuildError::Exit {
            name: "fonts".to_owned(),
            code: 1,
            log_tail: Default::default(),
        })
        .into())
    }

    fn good() -> Result<BTreeMap<String, FileSystemObject>, Failure> {
        Ok(BTreeMap::new())
    }

    fn path(name: &str) -> StorePath {
        let name = format!("0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-{name}");
        StorePath::from_basename(name.as_bytes()).expect("a path")
    }

    fn job(next: &[Executor]) -> Job {
        Job {
            name: "fonts".to_owned(),
            derivation: path("fonts.drv"),
            builder: "/bin/sh".into(),
            system: "x86_64-linux".into(),
            fixed_output: false,
            features: Default::default(),
            executor: Executor::Shell,
            next: next.to_vec(),
            environment: Environment {
                variables: BTreeMap::new(),
                arguments: Vec::new(),
                files: [("a".into(), "b".into())].into(),
            },
            inputs: Arc::new(BTreeMap::new()),
            outputs: [("out".to_owned(), path("fonts"))].into(),
            limits: Default::default(),
            keep_failed: false,
            memory: None,
        }
    }

    #[test]
    fn what_meets_a_foreign_program_starts_anew_elsewhere_and_is_remembered() {
        let state = tempfile::tempdir().expect("a directory");
        let decisions = Decisions::at(Some(state.path()));
        let asked = Mutex::default();
        let (sandbox, machine) = (
            Scripted {
                asked: &asked,
                answer: met,
            },
            Scripted {
                asked: &asked,
                answer: good,
            },
        );
        let stop = Stop::new();
        let routed = Routed {
            sandbox: &sandbox,
            machine: &machine,
            stop: &stop,
            decisions: &decisions,
        };
        let mut kept = Vec::new();
        let mut log = BuildLog::new(Some(Box::new(&mut kept)), &Silent, "fonts");
        assert!(routed.execute(job(&[Executor::Vm]), &mut log).is_ok());
        drop(log);
        let asked = asked.into_inner().expect("asked");
        assert_eq!(asked, [(Executor::Shell, 1), (Executor::Vm, 1)]);
        let text = String::from_utf8(kept).expect("text");
        assert!(
            text.contains("fc-cache' is not run in the sandbox: building anew by the route 'vm'"),
            "{text}"
        );
        let remembered = decisions.recall(&path("fonts")).expect("remembered");
        assert_eq!(remembered.program, "/nix/store/x/bin/fc-cache");
    }

    #[test]
    fn without_another_route_the_failure_is_told_and_remembered() {
        let state = tempfile::tempdir().expect("a directory");
        let decisions = Decisions::at(Some(state.path()));
        let asked = Mutex::default();
        let sandbox = Scripted {
            asked: &asked,
            answer: met,
        };
        let stop = Stop::new();
        let routed = Routed {
            sandbox: &sandbox,
            machine: &NoMachines,
            stop: &stop,
            decisions: &decisions,
        };
        let mut log = BuildLog::new(None, &Silent, "fonts");
        let failure = routed.execute(job(&[]), &mut log).expect_err("it fails");
        assert!(failure.error.failures().refused);
        assert!(decisions.recall(&path("fonts")).is_some());
        // The machine that is not there says so.
        let failure = routed
            .execute(job(&[Executor::Vm]), &mut log)
            .expect_err("it fails");
        assert!(
            failure
                .error
                .to_string()
                .contains("needs a virtual machine"),
            "{}",
            failure.error
        );
    }

    #[test]
    fn other_failures_are_the_builds_own() {
        let state = tempfile::tempdir().expect("a directory");
        let decisions = Decisions::at(Some(state.path()));
        let asked = Mutex::default();
        let sandbox = Scripted {
            asked: &asked,
            answer: failed,
        };
        let stop = Stop::new();
        let routed = Routed {
            sandbox: &sandbox,
            machine: &sandbox,
            stop: &stop,
            decisions: &decisions,
        };
        let mut log = BuildLog::new(None, &Silent, "fonts");
        assert!(routed.execute(job(&[Executor::Vm]), &mut log).is_err());
        assert_eq!(asked.lock().expect("asked").len(), 1);
        assert_eq!(decisions.recall(&path("fonts")), None);
    }
}
