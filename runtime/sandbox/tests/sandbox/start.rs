//! How long a build and a process take to start. Run by hand:
//! `cargo test --release -p wasibuild-sandbox --test sandbox -- --ignored --nocapture start`.

use crate::support::{Build, PROBE, probe};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Runs `work` often and prints the processor time of one, which other programs do not disturb.
fn measure(what: &str, count: u32, mut work: impl FnMut()) {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    work();
    let started = now();
    for _ in 0..count {
        work();
    }
    println!("{what}: {:?}", (now() - started) / count);
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
