//! Builds Nix derivations with WebAssembly builders, the same bytes on every host.
//!
//! Contract: three steps that do not know each other's insides. [`request`] reads and checks what was
//! asked for, [`plan`] decides what to do about it without doing anything, [`realise`] does it. The
//! program is a thin layer over them: [`options`] is the table of its options, [`commands`] has one
//! module for each command, and every error ends in [`error`], which maps it to an exit code
//! ([`exit_code`]).

// Only `platform` may allow it, and says why each use is sound.
#![deny(unsafe_code)]
// An error ends a build or the program, so that there is never more than a handful of them: their
// size does not matter, while a box in each would hide what they hold.
#![allow(clippy::result_large_err)]

pub mod commands;
pub mod daemon;
pub mod difference;
pub mod directories;
pub mod doctor;
pub mod embedded;
pub mod environment;
pub mod error;
pub mod exit_code;
pub mod external_builder;
pub mod forecast;
mod hangup;
pub mod hook;
pub mod interrupt;
pub mod machine;
pub mod options;
pub mod output_checks;
pub mod plan;
pub mod platform;
pub mod policy;
pub mod printable;
pub mod programs;
pub mod progress;
pub mod realise;
pub mod request;
pub mod router;
pub mod setup;
