//! How machines fail, in words for the person who wanted one.

use std::path::{Path, PathBuf};

use thiserror::Error;
use wasibuild_vm_protocol::ProtocolError;

use crate::image::ImageError;
use crate::{Architecture, Share};

/// A file cannot be used.
#[derive(Debug, Error)]
#[error("cannot {action} '{path}': {source}")]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

/// Says what was tried with which file.
pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError {
        action,
        path,
        source,
    }
}

/// Why there is no kernel.
#[derive(Debug, Error)]
pub enum KernelError {
    /// None was set up.
    #[error(
        "there is no Linux kernel for {architecture} machines\n\
         hint: `wasibuild vm kernel --from PATH` takes one from a Debian package (linux-image-…_{}.deb), \
         a kernel of Nix (/nix/store/…-linux-…), or a system's root (with /boot and /lib/modules)",
        debian(*architecture)
    )]
    None {
        /// What for.
        architecture: Architecture,
    },
    /// There is none in what was named.
    #[error("there is no kernel in '{path}': {problem}")]
    NotAKernel {
        /// What was named.
        path: PathBuf,
        /// What is missing.
        problem: String,
    },
    /// It lacks a driver.
    #[error(
        "the kernel {release} has no '{module}', neither built in nor as a module; a machine needs it\n\
         hint: take a distribution's generic kernel"
    )]
    MissingModule {
        /// The kernel.
        release: String,
        /// The module.
        module: String,
    },
    /// It can show no store.
    #[error(
        "with the kernel {release} no store can be shown in a machine: it has neither 9p ({}) nor images ({})\n\
         hint: take a distribution's kernel",
        Share::NineP.modules().join(" and "),
        Share::Images.modules().join(" and ")
    )]
    NoShare {
        /// The kernel.
        release: String,
    },
    /// It can, but not so.
    #[error(
        "the kernel {release} cannot show a store by {share}, as the configuration demands (vm.share): it has no {}\n\
         hint: set vm.share to \"auto\", or take another kernel (`wasibuild vm kernel --from PATH`)",
        share.modules().join(" or no ")
    )]
    OtherShare {
        /// The kernel.
        release: String,
        /// What was demanded.
        share: Share,
    },
    /// A module cannot be read.
    #[error("the module '{path}' is damaged: {problem}")]
    BadModule {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

fn debian(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "amd64",
        Architecture::Aarch64 => "arm64",
    }
}

/// Why there is no machine, or no longer one.
#[derive(Debug, Error)]
pub enum MachineError {
    /// No kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// No QEMU.
    #[error(
        "the emulator '{program}' is not here ({problem})\n\
         hint: install QEMU ({package} on Debian, `qemu` with Nix or Homebrew), or name it in the configuration"
    )]
    NoQemu {
        /// Its name.
        program: String,
        /// The system's answer.
        problem: String,
        /// The Debian package.
        package: &'static str,
    },
    /// It is too old.
    #[error(
        "the emulator '{program}' is QEMU {found}, which is too old: at least {} is needed\n\
         hint: install a newer one, or name it in the configuration (vm.qemu)",
        crate::qemu::MIN_VERSION
    )]
    OldQemu {
        /// Where it is.
        program: PathBuf,
        /// What was found.
        found: String,
    },
    /// The program was compiled without agents.
    #[error(
        "this wasibuild was compiled without the agent for {0} machines\nhint: run `cargo xtask agents` and compile it again"
    )]
    NoAgent(Architecture),
    /// QEMU ended, or the guest said nothing in time.
    #[error("the {architecture} machine did not come up: {problem}{console}")]
    NotUp {
        /// Which.
        architecture: Architecture,
        /// Whether it was given up, rather than ended by itself.
        hung: bool,
        /// What happened.
        problem: String,
        /// The console's last lines, ready to print.
        console: String,
    },
    /// What the supervisor said.
    #[error("{0}")]
    Told(String),
    /// The store cannot be put into an image for it.
    #[error("the store cannot be shown: {0}")]
    Image(#[from] ImageError),
    /// It was there and is gone.
    #[error("the machine ended in the middle of the build: {problem}")]
    Gone {
        /// What is known.
        problem: String,
    },
    /// The guest said what it may not.
    #[error("the machine does not keep to the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}
