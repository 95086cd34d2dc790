//! Benchmarks: ratios against native twins and GNU tools.
//!
//! Contract: a figure is a ratio of medians whose sides were measured in turns, in the same run, on
//! the same file system, with the same number of jobs. What the other side writes is compared with
//! what wasibuild built before it counts. `benches/ratios.rs` is the program.

pub mod cases;
pub mod configuration;
pub mod derivations;
pub mod doors;
pub mod measure;
pub mod namespaces;
pub mod nix;
pub mod plain;
pub mod program;
pub mod realise;
pub mod shell;
pub mod vm;
