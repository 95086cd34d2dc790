//! Integration tests with real parts: real Nix, GNU tools, hostile guests.

pub mod builder_reference;
