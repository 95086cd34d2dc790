//! The virtual machine, with real QEMU, Debian's kernel and Debian's programs.
//!
//! Contract: derivations are made by real `nix-instantiate`; their builders are programs of this Debian,
//! copied into the store with their loader and libraries. `cargo xtask kernels` has fetched the kernels.
//! One machine serves most tests, for booting under TCG takes seconds; each test of a machine's end has
//! its own.

mod builds;
mod commands;
mod ends;
mod examples;
mod foreign;
mod hostile;
mod images;
mod isolation;
mod kills;
mod programs;
mod support;
mod system;

// What the tests of `wasibuild run` have: commands of Nix, and readable failures.
#[allow(dead_code)]
#[path = "../run/support.rs"]
mod run_support;
