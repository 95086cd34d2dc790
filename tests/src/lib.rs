//! Integration tests with real parts: real Nix, GNU tools, hostile guests.

pub mod builder_modules;
pub mod builder_reference;
pub mod builder_sandbox;
pub mod file_systems;
