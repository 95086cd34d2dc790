//! `wasibuild vm`: the machines, by hand.
//!
//! Contract: nothing here is needed for builds, which start and stop machines by themselves. What is
//! said of a machine is said on standard output.

mod run;
mod shell;
mod supervise;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;
use wasibuild_vm::supervisor;
use wasibuild_vm::{Architecture, Start, kernel, qemu};

use crate::error::Error;
use crate::machine::Vm;
use crate::options::vm::{VmArchitecture, VmStart};
use crate::options::{Common, VmCommand};
use crate::policy::Policy;
use crate::{directories, exit_code, printable};

/// Runs one of the commands; the exit code.
pub fn vm(common: &Common, command: &VmCommand, out: &mut dyn Write) -> Result<u8, Error> {
    if let VmCommand::Supervise(options) = command {
        return supervise::supervise(options);
    }
    let policy = super::policy(common, &())?;
    let vm = Vm::new(&policy);
    match command {
        VmCommand::Start(options) => start(&vm, &policy, options, out)?,
        VmCommand::Stop => stop(&vm, &policy, out)?,
        VmCommand::Status => status(&vm, &policy, out)?,
        VmCommand::Logs(machine) => logs(&vm, &policy, machine, out)?,
        VmCommand::Kernel { from } => take_kernel(&vm, &policy, from.as_deref(), out)?,
        VmCommand::Shell(options) => return shell::shell(&vm, &policy, options),
        VmCommand::Run(options) => return run::run(&vm, &policy, options, out),
        VmCommand::Supervise(_) => {}
    }
    Ok(exit_code::SUCCESS)
}

/// The architecture that is meant.
fn architecture(machine: &VmArchitecture) -> Result<Architecture, Error> {
    machine
        .architecture
        .as_deref()
        .map_or_else(Architecture::of_this_program, Architecture::of_name)
        .ok_or_else(|| Error::Vm("there are no machines for this computer's processor".to_owned()))
}

/// What is to be started for a store that the policy names.
fn prepared(vm: &Vm, policy: &Policy, architecture: Architecture) -> Result<Start, Error> {
    let store = super::store_root(policy)?.join("nix/store");
    let store = fs::canonicalize(&store).unwrap_or(store);
    vm.start(architecture, &store).map_err(Error::Vm)
}

fn start(vm: &Vm, policy: &Policy, options: &VmStart, out: &mut dyn Write) -> Result<(), Error> {
    if options.dry_run {
        return dry_run(vm, policy, options, out);
    }
    // The directory to be shown must be there.
    drop(super::open_store(policy)?);
    let start = prepared(vm, policy, architecture(&options.machine)?)?;
    let mut notice = |text: &str| eprintln!("warning: {text}");
    let connection = vm.connect(&start, &mut notice, &|| false)?;
    let hello = &connection.hello;
    writeln!(
        out,
        "{}: Linux {}, {} processors, {} MiB",
        start.architecture,
        printable::name(&hello.kernel),
        hello.processors,
        hello.memory >> 20
    )
    .map_err(Error::standard_output)
}

fn dry_run(vm: &Vm, policy: &Policy, options: &VmStart, out: &mut dyn Write) -> Result<(), Error> {
    let host = match &options.host {
        Some(system) => qemu::Host::of_system(system),
        None => qemu::Host::this(),
    };
    let host = host.ok_or_else(|| Error::Vm("there are no machines on this system".to_owned()))?;
    let architecture = match (&options.machine.architecture, host) {
        (Some(_), _) => architecture(&options.machine)?,
        (None, qemu::Host::Linux(own) | qemu::Host::MacOs(own)) => own,
    };
    let start = prepared(vm, policy, architecture)?;
    let machine = start.machine_on(host);
    print_line(architecture, qemu::arguments(&machine), out)
}

/// Where a path lies, links of the directories above it followed: as a machine's supervisor knows it.
fn place(store: &Store, path: &StorePath) -> PathBuf {
    let place = store.real_path(path);
    let parent = place.parent().map(fs::canonicalize);
    match parent {
        Some(Ok(parent)) => parent.join(path.basename()),
        _ => place,
    }
}

/// A command line of QEMU that a shell could read.
fn print_line(
    architecture: Architecture,
    arguments: Vec<std::ffi::OsString>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut text = quoted(architecture.qemu());
    for argument in arguments {
        let argument = argument.to_string_lossy().into_owned();
        let separator = if argument.starts_with('-') {
            " \\\n  "
        } else {
            " "
        };
        text.push_str(separator);
        text.push_str(&quoted(&argument));
    }
    writeln!(out, "{text}").map_err(Error::standard_output)
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=,./:+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn stop(vm: &Vm, policy: &Policy, out: &mut dyn Write) -> Result<(), Error> {
    let mut any = false;
    for architecture in Architecture::ALL {
        let place = vm.place(&prepared(vm, policy, architecture)?);
        if let Some(connection) = supervisor::probe(&place)? {
            any = true;
            let _ = connection.link.shutdown();
            // It is gone when the stream ends.
            while connection.link.ended().is_none() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            writeln!(out, "{architecture}: stopped").map_err(Error::standard_output)?;
        }
    }
    if !any {
        writeln!(out, "no machine of this store runs").map_err(Error::standard_output)?;
    }
    Ok(())
}

fn status(vm: &Vm, policy: &Policy, out: &mut dyn Write) -> Result<(), Error> {
    let mut text = String::new();
    for architecture in Architecture::ALL {
        let start = prepared(vm, policy, architecture)?;
        let place = vm.place(&start);
        match supervisor::probe(&place)? {
            Some(connection) => {
                let hello = &connection.hello;
                text.push_str(&format!(
                    "{architecture}: runs Linux {} with {} processors and {} MiB\n",
                    printable::name(&hello.kernel),
                    hello.processors,
                    hello.memory >> 20
                ));
                let description = fs::read_to_string(place.description()).unwrap_or_default();
                for line in description.lines() {
                    text.push_str(&format!("  {}\n", printable::name(line.as_bytes())));
                }
            }
            None => text.push_str(&format!("{architecture}: does not run\n")),
        }
        let path = directories::variable("PATH");
        match qemu::find(architecture, start.qemu.as_deref(), path.as_deref()) {
            Ok(program) => text.push_str(&format!(
                "  QEMU {}: {}\n",
                program.version,
                program.path.display()
            )),
            Err(error) => text.push_str(&format!("  {}\n", first(&error.to_string()))),
        }
        match kernel::Kernel::open(&start.kernel, architecture) {
            Ok(kernel) => text.push_str(&format!(
                "  kernel {} with {} modules, shows stores by {}\n",
                kernel.release,
                kernel.modules.len(),
                shares(&kernel)
            )),
            Err(error) => text.push_str(&format!("  {}\n", first(&error.to_string()))),
        }
    }
    out.write_all(text.as_bytes())
        .map_err(Error::standard_output)
}

/// How a kernel can show a store.
fn shares(kernel: &kernel::Kernel) -> String {
    let names: Vec<&str> = kernel.shares.keys().map(|share| share.name()).collect();
    names.join(" or ")
}

fn first(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn logs(
    vm: &Vm,
    policy: &Policy,
    machine: &VmArchitecture,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let place = vm.place(&prepared(vm, policy, architecture(machine)?)?);
    for (what, file) in [("supervisor", place.log()), ("console", place.console())] {
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(Error::Io {
                    action: "read",
                    path: file,
                    source,
                });
            }
        };
        for line in String::from_utf8_lossy(&bytes).lines() {
            writeln!(out, "{what}> {}", printable::name(line.as_bytes()))
                .map_err(Error::standard_output)?;
        }
    }
    Ok(())
}

fn take_kernel(
    vm: &Vm,
    policy: &Policy,
    from: Option<&std::path::Path>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let describe = |kernel: &kernel::Kernel| {
        let names: Vec<&str> = kernel
            .modules
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        format!(
            "{}: Linux {}, shows stores by {}, modules: {}\n",
            kernel.architecture,
            kernel.release,
            shares(kernel),
            names.join(" ")
        )
    };
    let mut text = String::new();
    match from {
        Some(from) => {
            let state = prepared(vm, policy, Architecture::X86_64)?.state;
            let kernel = kernel::install(from, |architecture| {
                state.join("kernels").join(architecture.name())
            });
            text.push_str(&describe(
                &kernel.map_err(wasibuild_vm::MachineError::from)?,
            ));
        }
        None => {
            for architecture in Architecture::ALL {
                let start = prepared(vm, policy, architecture)?;
                match kernel::Kernel::open(&start.kernel, architecture) {
                    Ok(kernel) => text.push_str(&describe(&kernel)),
                    Err(error) => text.push_str(&format!("{architecture}: {error}\n")),
                }
            }
        }
    }
    out.write_all(text.as_bytes())
        .map_err(Error::standard_output)
}
