//! Every bound ends the build with its own message and option.

use crate::support::{Build, PROBE, module, probe};
use std::time::Duration;
use wasibuild_sandbox::{BuildError, CancelToken, LimitKind, Limits};

#[track_caller]
fn passes(build: Build, kind: LimitKind) {
    let ran = build.run();
    match ran.error() {
        BuildError::Limit { kind: found, .. } => assert_eq!(*found, kind, "{}", ran.error()),
        other => panic!("expected the limit {kind}, found: {other}"),
    }
    let text = ran.error().to_string();
    assert!(
        text.contains("'test'") && text.contains(&format!("--{}", kind.option())),
        "{text}"
    );
}

fn limited(commands: &[&str], change: impl FnOnce(&mut Limits)) -> Build {
    probe(commands).limits(change)
}

#[test]
fn memory() {
    passes(
        limited(&["grow"], |limits| limits.memory = 64 << 20),
        LimitKind::Memory,
    );
}

#[test]
fn memory_of_all_processes() {
    let child = format!("spawn /nix/store/{PROBE} 1:1 sleep_1");
    let build = limited(&[&child, &child, &child, "wait -1"], |limits| {
        limits.total_memory = 3 << 20
    });
    passes(build, LimitKind::TotalMemory);
}

#[test]
fn memory_of_ended_processes_counts_no_more() {
    let child = format!("spawn /nix/store/{PROBE} - pid");
    let mut commands = Vec::new();
    for _ in 0..20 {
        commands.extend([child.as_str(), "wait -1"]);
    }
    let build = limited(&commands, |limits| limits.total_memory = 8 << 20);
    build.run().outputs();
}

#[test]
fn time() {
    let build = limited(&["spin"], |limits| {
        limits.timeout = Some(Duration::from_millis(50))
    });
    passes(build, LimitKind::Timeout);
}

#[test]
fn silence() {
    let build = limited(&["spin"], |limits| {
        limits.max_silent_time = Some(Duration::from_millis(50))
    });
    passes(build, LimitKind::Silence);
}

#[test]
fn bytes_in_files() {
    let big = limited(&["open 4 a cw", "fill 6 3000000"], |limits| {
        limits.output_size = 1 << 20
    });
    passes(big, LimitKind::OutputSize);
    let sparse = limited(&["open 4 a cw", "truncate 6 2000000"], |limits| {
        limits.output_size = 1 << 20
    });
    passes(sparse, LimitKind::OutputSize);
    let hole = limited(&["open 4 a cw", "pwrite 6 2000000 x"], |limits| {
        limits.output_size = 1 << 20
    });
    passes(hole, LimitKind::OutputSize);
}

#[test]
fn bytes_of_removed_files_count_no_more() {
    let mut commands = Vec::new();
    for _ in 0..20 {
        commands.extend(["open 4 a cw", "fill 6 500000", "close 6", "unlink 4 a"]);
    }
    limited(&commands, |limits| limits.output_size = 1 << 20)
        .run()
        .outputs();
}

#[test]
fn files() {
    passes(
        limited(&["files 4"], |limits| limits.files = 1000),
        LimitKind::Files,
    );
}

#[test]
fn descriptors() {
    passes(
        limited(&["fds"], |limits| limits.open_files = 100),
        LimitKind::OpenFiles,
    );
}

#[test]
fn log() {
    let build = limited(&["yes 1"], |limits| limits.log_size = 5001);
    let ran = build.run();
    assert_eq!(ran.log.len(), 5001);
    passes(build, LimitKind::LogSize);
}

#[test]
fn processes() {
    let child = format!("spawn /nix/store/{PROBE} - sleep_1");
    let commands: Vec<&str> = std::iter::repeat_n(child.as_str(), 20).collect();
    passes(
        limited(&commands, |limits| limits.processes = 10),
        LimitKind::Processes,
    );
}

#[test]
fn more_processes_than_the_pool_has_instances() {
    // 64 come from the engine's pool, the others do not; all end alike.
    let child = format!("spawn /nix/store/{PROBE} 1:1 sleep_1 pid");
    let mut commands: Vec<&str> = std::iter::repeat_n(child.as_str(), 150).collect();
    commands.extend(std::iter::repeat_n("wait -1", 150));
    let ran = probe(&commands).run();
    ran.outputs();
    let log = ran.log();
    let ended = log.lines().filter(|line| line.contains("pid")).count();
    assert!(ended >= 150, "{ended} of 150 children ran:\n{log}");
}

#[test]
fn a_fork_bomb_ends() {
    // Each process starts two of itself: the request's words are the same all the way down.
    let bomb = module(&format!(
        r#"(module
          (import "wasibuild_v1" "spawn" (func $spawn (param i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 100) "/nix/store/{PROBE}")
          (func (export "_start")
            (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const {}))
            (i32.store (i32.const 24) (i32.const 100)) (i32.store (i32.const 28) (i32.const 1))
            (loop $again (drop (call $spawn (i32.const 0) (i32.const 60))) (br $again))))"#,
        11 + PROBE.len()
    ));
    let mut build = probe(&[]);
    build.request.program = wasibuild_sandbox::ProgramSource::Module(bomb);
    passes(
        build.limits(|limits| limits.processes = 50),
        LimitKind::Processes,
    );
}

#[test]
fn recursion_without_end_is_a_trap() {
    let ran = probe(&["recurse"]).run();
    let text = ran.error().to_string();
    assert!(matches!(ran.error(), BuildError::Trap { .. }), "{text}");
    assert!(
        text.contains("stack") || text.contains("out of bounds"),
        "{text}"
    );
}

#[test]
fn native_stack_overflow_is_a_trap() {
    let ran = Build::wat(
        r#"(module (memory (export "memory") 1)
          (func $f (param i32) (result i32) (i32.add (call $f (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
          (func (export "_start") (drop (call $f (i32.const 0)))))"#,
    )
    .run();
    assert!(
        ran.error().to_string().contains("call stack exhausted"),
        "{}",
        ran.error()
    );
}

#[test]
fn a_build_is_cancelled_from_another_thread() {
    let build = probe(&["spin"]);
    let token = CancelToken::new();
    let other = token.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        other.cancel();
    });
    let mut log = Vec::new();
    let result = crate::support::ENGINE.run(build.request.clone(), &mut log, &token);
    canceller.join().unwrap();
    assert!(
        matches!(result, Err(BuildError::Cancelled { .. })),
        "{result:?}"
    );
}
