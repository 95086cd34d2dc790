//! Embeds the agents into the program.
//!
//! Contract: takes `x86_64` and `aarch64` of the directory that `WASIBUILD_VM_AGENTS` names, or of
//! `target/vm-agents` at the root of the workspace, where `cargo xtask agents` puts them. One that is
//! missing is none, and who needs it is told what to run. Nothing is compiled here.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=WASIBUILD_VM_AGENTS");
    let directory = env::var_os("WASIBUILD_VM_AGENTS").map_or_else(
        || {
            let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
            manifest.join("../../target/vm-agents")
        },
        PathBuf::from,
    );
    println!("cargo::rerun-if-changed={}", directory.display());
    let mut table = String::new();
    for (constant, name) in [("X86_64", "x86_64"), ("AARCH64", "aarch64")] {
        let file = directory.join(name);
        println!("cargo::rerun-if-changed={}", file.display());
        let value = match file.canonicalize() {
            Ok(path) => format!("Some(include_bytes!({:?}))", path.to_string_lossy()),
            Err(_) => "None".to_owned(),
        };
        table.push_str(&format!("const {constant}: Option<&[u8]> = {value};\n"));
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("agents.rs");
    fs::write(out, table)
}
