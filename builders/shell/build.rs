//! Gives the wasm shell its stack, which scripts that recurse need; `src/stack.rs` says how its size
//! was found.

#[allow(clippy::disallowed_methods)] // Cargo tells the target so; it is no part of the program.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("wasm") {
        // 4 MiB instead of the linker's 1 MiB.
        println!("cargo::rustc-link-arg-bins=-zstack-size=4194304");
    }
}
