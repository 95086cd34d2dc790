//! `wasibuild vm shell`: a program of the store in the machine, by hand.
//!
//! Contract: it sees what a build with its path for the only input would see, and standard input and
//! output are its terminal. What it leaves is gone at its end.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use bstr::BString;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_vm::{Bounds, BuildFailure, BuildSpec, Input, Leftovers, Limits};

use crate::error::Error;
use crate::exit_code;
use crate::machine::Vm;
use crate::options::vm::VmShell;
use crate::policy::Policy;

/// Runs it; its status.
pub fn shell(vm: &Vm, policy: &Policy, options: &VmShell) -> Result<u8, Error> {
    use std::os::unix::ffi::OsStrExt;
    let store = super::super::open_store(policy)?;
    let program = options.program.as_bytes();
    let (path, _) = StorePath::split_absolute_path(program).map_err(|error| Error::BadPath {
        argument: crate::printable::name(program),
        problem: error.to_string(),
    })?;
    let closure = store.query_closure(&BTreeSet::from([path]))?;
    let start = super::prepared(vm, policy, super::architecture(&options.machine)?)?;
    let mut notice = |text: &str| eprintln!("warning: {text}");
    let connection = vm.connect(&start, &mut notice, &|| false)?;
    let name = program
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or(program);
    let mut arguments = vec![BString::from(name)];
    arguments.extend(
        options
            .arguments
            .iter()
            .map(|one| BString::from(one.as_bytes())),
    );
    let limits = &policy.limits;
    let spec = BuildSpec {
        name: name.into(),
        builder: program.into(),
        arguments,
        environment: [
            ("HOME", "/build"),
            ("NIX_BUILD_TOP", "/build"),
            ("PATH", "/path-not-set"),
            ("TERM", "xterm-256color"),
            ("TMPDIR", "/build"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec(),
        files: Vec::new(),
        inputs: closure
            .iter()
            .map(|path| Input {
                name: path.basename().into(),
                place: super::place(&store, path).as_os_str().as_bytes().into(),
            })
            .collect(),
        outputs: Vec::new(),
        shell: Some(program.into()),
        network: false,
        kvm: connection.hello.kvm,
        interactive: true,
        keep_failed: false,
        limits: Limits {
            memory: 0,
            scratch: limits.output_size,
            files: limits.files,
            processes: u64::from(limits.processes),
            open_files: u64::from(limits.open_files),
        },
    };
    let bounds = Bounds {
        timeout: None,
        max_silent_time: None,
        log_size: u64::MAX,
        outputs: Default::default(),
    };
    let result = std::thread::scope(|_| {
        let mut out = io::stdout();
        let mut print = |bytes: &[u8]| {
            let _ = out.write_all(bytes).and_then(|()| out.flush());
        };
        let typed = std::sync::Arc::clone(&connection);
        let mut started = |build: u32| {
            let connection = std::sync::Arc::clone(&typed);
            // It ends with the process: nobody waits for what is typed.
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                let mut input = io::stdin().lock();
                loop {
                    let count = input.read(&mut buffer).unwrap_or(0);
                    let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                    if connection.link.input(build, bytes).is_err() || count == 0 {
                        return;
                    }
                }
            });
        };
        let left = &mut Leftovers::default();
        connection
            .link
            .build(spec, &bounds, &mut print, &|| false, &mut started, left)
    });
    match result {
        Ok(_) => Ok(exit_code::SUCCESS),
        Err(BuildFailure::Exited(status)) => Ok(status),
        Err(failure) => Err(Error::Vm(failure.to_string())),
    }
}
