//! The virtual machine: a small Linux under QEMU for derivations that need one (docs/vm.md).
//!
//! Contract: a kernel that the user has ([`kernel`]), an initramfs that is written here
//! ([`initramfs`]), a command line of QEMU ([`qemu`]), a running guest ([`Guest`]), and builds in it
//! ([`Link`]). A supervisor owns the guest, so that all of a user's programs share it. This package
//! knows no store and no derivation: a build is a [`BuildSpec`] and gives trees. What
//! a guest says is a stranger's word.
#![deny(unsafe_code)]

/// Prints a line to standard error, which may be a file on a disk that is full: then it is not printed.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}
pub(crate) use say;

mod architecture;
mod error;
mod guest;
pub mod image;
pub mod initramfs;
pub mod kernel;
mod link;
mod outcome;
mod platform;
pub mod qemu;
mod scratch;
mod share;
pub mod supervisor;
mod system;

pub use architecture::Architecture;
pub use error::{FileError, KernelError, MachineError};
pub use guest::{Guest, Start, run_system};
pub use link::{Bounds, Leftovers, Link};
pub use outcome::{BuildFailure, LimitKind};
pub use share::Share;
pub use system::System;
pub use wasibuild_vm_protocol::{BuildSpec, GuestHello, Input, Limits};
