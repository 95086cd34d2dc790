//! How long a build and a process take to start. Run by hand:
//! `cargo test --release -p wasibuild-sandbox --test sandbox -- --ignored --nocapture start`.

use crate::support::{Build, PROBE, probe};

/// Runs `work` often and prints the time of one.
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn measure(what: &str, count: u32, mut work: impl FnMut()) {
    work();
    let started = std::time::Instant::now();
    for _ in 0..count {
        work();
    }
    println!("{what}: {:?}", started.elapsed() / count);
}

#[test]
#[ignore = "a measurement, not a check"]
fn start_times() {
    let mut build = Build::wat(r#"(module (memory (export "memory") 1) (func (export "_start")))"#);
    build.request.outputs.clear();
    measure("empty module, whole build", 2000, || drop(build.run()));
    let one = probe(&["pid"]);
    measure("Rust guest, whole build", 2000, || drop(one.run()));
    let child = format!("spawn /nix/store/{PROBE} - exit_0");
    let mut commands = Vec::new();
    for _ in 0..200 {
        commands.extend([child.as_str(), "wait -1"]);
    }
    let many = probe(&commands);
    measure("Rust guest with 200 children", 10, || drop(many.run()));
}
