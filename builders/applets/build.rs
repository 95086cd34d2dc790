//! Gives the applets memory to begin with, so that a small job is done without asking the host for
//! every 64 KiB.

#[allow(clippy::disallowed_methods)] // Cargo tells the target so; it is no part of the program.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("wasm") {
        // The stack's 1 MiB, the data, and half a MiB and more for the heap.
        println!("cargo::rustc-link-arg-bins=--initial-memory=2097152");
    }
}
