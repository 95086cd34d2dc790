//! Hostile builders: what they try must neither be seen, nor written, nor outlive them.
//!
//! Each guest is the builder of a real derivation (made by real `nix-instantiate`) and is run by the
//! program into an embedded store. The tables say how each must end; [`world`] checks after every
//! guest what must hold whatever it did: files of the host are untouched and their contents appear
//! nowhere, the store verifies and holds nothing but valid paths, no temporary file and no process
//! is left. The sandbox's own tests prove each rule of `docs/abi.md`; these prove the whole chain.

mod escapes;
mod guests;
mod inputs;
mod modules;
mod outputs;
mod processes;
mod resources;
mod world;
