//! The doors through which a stock Nix hands its builds over, with real Nix at the other side.
//!
//! Contract: each test of a door runs with every Nix there is: Debian's own, and those that
//! `cargo xtask nixes` unpacked. One with external builders (2.32 or later) must be among them; only
//! the one between may be skipped. Nothing of this machine's Nix but its programs takes part.

mod builds;
mod cases;
mod doctor;
mod doors;
mod examples;
mod external;
mod gone;
mod hook;
mod host_store;
mod matrix;
mod multi_user;
mod newcomer;
mod operations;
mod protocol;
mod services;
mod settings;
mod sockets;
mod support;
mod trust;
mod two_machines;

// What the tests of `wasibuild run` have: worlds, the guest, commands of Nix.
#[allow(dead_code)]
#[path = "../run/support.rs"]
mod run_support;
