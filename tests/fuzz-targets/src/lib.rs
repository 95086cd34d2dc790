//! What is done with a stranger's bytes in fuzzing, one module for each target of `tests/fuzz`.
//!
//! Contract: a module's `run` panics if and only if what it looks at is at fault. `tests/seeds.rs` runs
//! the seeds, among them the inputs that once failed.

// Here a panic is how a fault is told.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

pub mod aterm;
pub mod attributes;
pub mod expansion;
pub mod export;
pub mod languages;
pub mod nar;
pub mod narinfo;
pub mod posix_regex;
pub mod shell;
pub mod shell_state;
pub mod vm_protocol;
pub mod worker_protocol;

/// What runs one input; it panics when what it looks at is at fault.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("aterm", aterm::run),
    ("attributes", attributes::run),
    ("expansion", expansion::run),
    ("export", export::run),
    ("languages", languages::run),
    ("nar", nar::run),
    ("narinfo", narinfo::run),
    ("posix_regex", posix_regex::run),
    ("shell", shell::run),
    ("shell_state", shell_state::run),
    ("vm_protocol", vm_protocol::run),
    ("worker_protocol", worker_protocol::run),
];
