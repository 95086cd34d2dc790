//! Gives the wasm shell its stack, which scripts that recurse need (`src/stack.rs` says how its size
//! was found), and memory to begin with, so that a setup script can be read without asking the host
//! for every 64 KiB.

#[allow(clippy::disallowed_methods)] // Cargo tells the target so; it is no part of the program.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("wasm") {
        // 4 MiB instead of the linker's 1 MiB.
        println!("cargo::rustc-link-arg-bins=-zstack-size=4194304");
        // Those, the data, and 1.5 MiB and more for the heap.
        println!("cargo::rustc-link-arg-bins=--initial-memory=6291456");
    }
}
