//! Gives the wasm shell its stack, which scripts that recurse need; `src/stack.rs` says how its size
//! was found.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("wasm") {
        // 4 MiB instead of the linker's 1 MiB.
        println!("cargo::rustc-link-arg-bins=-zstack-size=4194304");
    }
}
