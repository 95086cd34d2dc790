//! The process that becomes a build's builder.
//!
//! Contract: started by process 1 as `/init build NAME`, with the build's description on standard
//! input, a pipe for its report as standard output, and the build's terminal as standard error. It
//! enters its control group and new namespaces and forks; the child, process 1 of the build, sets up
//! what the builder sees, gives up root, and starts it; the parent waits and reports. Everything that a
//! build started ends with its process 1. Nix's counterpart is `runChild` of
//! `libstore/unix/build/linux-derivation-builder.cc`.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process;

use wasibuild_vm_protocol::{BuildSpec, Ending, Frame, ToGuest};

use super::group::PLACE;
use super::{Result, Tried, boot, filter, network, root, sys};

/// The argument that makes the agent this.
pub const ARGUMENT: &str = "build";

/// See the module.
pub fn main(name: &str) -> ! {
    let Ok(mut report) = sys::take_standard_output() else {
        process::exit(1);
    };
    if let Err(problem) = supervise(name, &mut report) {
        let _ = report.write_all(format!("E{problem}").as_bytes());
    }
    process::exit(0);
}

/// How a build ended, from the report of its process.
pub fn ending(report: &[u8]) -> Ending {
    let text = String::from_utf8_lossy(report);
    // The child's words, if there are any, come before the parent's number.
    if let Some(problem) = text.strip_prefix('E') {
        let words = problem.split('\0').next().unwrap_or(problem);
        return Ending::Failed(words.into());
    }
    let Some(status) = text
        .strip_prefix('S')
        .and_then(|text| text.parse::<i32>().ok())
    else {
        return Ending::Failed("the process of the build ended without a report".into());
    };
    if libc::WIFEXITED(status) {
        return Ending::Exited(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX));
    }
    Ending::Signalled(u8::try_from(libc::WTERMSIG(status)).unwrap_or(u8::MAX))
}

fn supervise(name: &str, report: &mut File) -> Result<()> {
    sys::die_with_parent().tried(|| "follow the agent".to_owned())?;
    let spec = description()?;
    let members = Path::new(PLACE).join(name).join("cgroup.procs");
    fs::write(&members, "0").tried(|| format!("enter '{}'", members.display()))?;
    let mut namespaces =
        sys::CLONE_NEWNS | sys::CLONE_NEWPID | sys::CLONE_NEWIPC | sys::CLONE_NEWUTS;
    if !spec.network {
        namespaces |= sys::CLONE_NEWNET;
    }
    sys::unshare(namespaces).tried(|| "make namespaces".to_owned())?;
    match sys::fork().tried(|| "fork".to_owned())? {
        sys::Fork::Parent(child) => {
            let status = sys::wait(child).tried(|| "wait for the builder".to_owned())?;
            report
                .write_all(format!("S{status}").as_bytes())
                .tried(|| "report".to_owned())
        }
        sys::Fork::Child => {
            let problem = match become_builder(name, &spec) {
                Ok(never) => match never {},
                Err(problem) => problem,
            };
            let _ = report.write_all(format!("E{problem}\0").as_bytes());
            process::exit(1);
        }
    }
}

fn description() -> Result<BuildSpec> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .tried(|| "read the build's description".to_owned())?;
    let frame = Frame::read(&mut bytes.as_slice()).tried(|| "read the frame".to_owned())?;
    match frame.map(ToGuest::of) {
        Some(Ok(ToGuest::Build(_, spec))) => Ok(*spec),
        _ => Err("the description of the build is not one".to_owned()),
    }
}

/// Never returns but with a failure.
fn become_builder(name: &str, spec: &BuildSpec) -> Result<std::convert::Infallible> {
    sys::set_names("localhost", "(none)").tried(|| "set the host's name".to_owned())?;
    if !spec.network {
        network::loopback()?;
    }
    root::enter(&Path::new(boot::BUILDS).join(name), spec)?;
    // Standard error is the build's terminal already.
    let terminal = std::io::stderr();
    sys::new_session().tried(|| "begin a session".to_owned())?;
    if spec.interactive {
        sys::control_terminal(2).tried(|| "take the terminal".to_owned())?;
        sys::duplicate_to(&terminal, 0).tried(|| "take the terminal".to_owned())?;
    } else {
        let null = OpenOptions::new()
            .read(true)
            .open("/dev/null")
            .tried(|| "open '/dev/null'".to_owned())?;
        sys::duplicate_to(&null, 0).tried(|| "close standard input".to_owned())?;
    }
    sys::duplicate_to(&terminal, 1).tried(|| "open standard output".to_owned())?;
    limits(spec)?;
    sys::set_umask(0o022);
    sys::fixed_addresses();
    sys::default_signals();
    sys::become_user(root::USER, root::GROUP).tried(|| "give up root".to_owned())?;
    sys::die_with_parent().tried(|| "follow the agent".to_owned())?;
    sys::no_new_privileges().tried(|| "give up privileges".to_owned())?;
    filter::install().tried(|| "install the filter of system calls".to_owned())?;
    let arguments: Vec<Vec<u8>> = spec.arguments.iter().map(|one| one.to_vec()).collect();
    let environment: Vec<Vec<u8>> = spec
        .environment
        .iter()
        .map(|(name, value)| [name.as_slice(), b"=", value.as_slice()].concat())
        .collect();
    let error = sys::execute(&spec.builder, &arguments, &environment);
    Err(format!(
        "cannot start the builder '{}': {error}",
        spec.builder
    ))
}

fn limits(spec: &BuildSpec) -> Result<()> {
    sys::set_limit(sys::LIMIT_OPEN_FILES, spec.limits.open_files)
        .and_then(|()| sys::set_limit(sys::LIMIT_CORE, 0))
        .tried(|| "set limits".to_owned())
}
