//! `wasibuild vm run`: boots a system that was built.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_vm::{Architecture, MachineError, System, qemu, run_system};

use crate::error::Error;
use crate::exit_code;
use crate::machine::Vm;
use crate::options::vm::VmRun;
use crate::policy::Policy;

/// Runs it until it powers off.
pub fn run(vm: &Vm, policy: &Policy, options: &VmRun, out: &mut dyn Write) -> Result<u8, Error> {
    let store = super::super::open_store(policy)?;
    let argument = options.system.clone().into_os_string();
    let path = super::super::store_path(&argument, &store)?;
    let directory = fs::canonicalize(store.store_dir()).map_err(|source| Error::Io {
        action: "open",
        path: store.store_dir().to_owned(),
        source,
    })?;
    let system = System::read(&directory, path.to_absolute_path().as_ref())?;
    let architecture = system.kernel.architecture;
    let mut start = vm.start(architecture, &directory).map_err(Error::Vm)?;
    fs::create_dir_all(&start.state).map_err(|source| Error::Io {
        action: "make",
        path: start.state.clone(),
        source,
    })?;
    start.memory = options
        .memory
        .map_or(start.memory, |bytes| (bytes >> 20).max(64));
    let run = qemu::Run {
        init: system.init.clone(),
        parameters: system.parameters.clone(),
        forwards: options.forward.clone(),
        graphics: options.graphics,
    };
    if Architecture::of_this_program() != Some(architecture) {
        eprintln!("warning: {architecture} is emulated here, which is slow");
    }
    // What it needs, where its kernel cannot have the whole store shown.
    let mut closure = || {
        let paths = store.query_closure(&BTreeSet::from([path.clone()]));
        let paths = paths.map_err(|error| MachineError::Told(error.to_string()))?;
        let named = |path: &StorePath| (path.basename().into(), super::place(&store, path));
        Ok(paths.iter().map(named).collect())
    };
    match run_system(&start, &system, &run, &mut closure, options.dry_run)? {
        Err(line) => {
            super::print_line(architecture, line, out)?;
            Ok(exit_code::SUCCESS)
        }
        Ok(status) if status.success() => Ok(exit_code::SUCCESS),
        Ok(status) => Err(Error::Machine(MachineError::Gone {
            problem: format!("QEMU ended with {status}"),
        })),
    }
}
