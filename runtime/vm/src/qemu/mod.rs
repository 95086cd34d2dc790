//! QEMU: which one, with what for an accelerator, and its command line.

mod accelerator;
mod command;
mod program;

pub use accelerator::{Accelerator, Proofs};
pub(crate) use command::{
    CONTROL_DESCRIPTOR, DISK_DESCRIPTOR, IMAGES_DESCRIPTOR, INITRAMFS_DESCRIPTOR,
};
pub use command::{Host, Machine, Run, arguments, run_arguments};
pub use program::{MIN_VERSION, Program, find, locate};
