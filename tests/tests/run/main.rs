//! The program, from its command line to a store that real Nix verifies.
//!
//! Derivations are made by real `nix-instantiate`; the builder is [`guest.rs`](guest.rs), compiled to
//! WebAssembly by the test. Every message is compared as a whole, with paths and times replaced.

mod arguments;
mod basics;
mod checks;
mod configuration;
mod environment;
mod failures;
mod hashes;
mod loose;
mod processes;
mod store;
mod substitution;
mod support;
